"""What route configurations state about their own fields: tables, from the whole down to a rate limit's action.

envoyproxy/envoy api/envoy/config/route/v3/{route,route_components}.proto. What needs more than one field to be said
stands in `route_checks` and `match_checks`.
"""

from __future__ import annotations

import base64
import binascii

from ..address import try_parse_ip
from ..config.view import View
from ..match.regex import Regex
from .message_rules import (
    Message,
    among,
    anything_but,
    every,
    filled,
    listed,
    not_negative,
    one_line,
    present,
    some_of,
    whole,
    within,
)

_MOST_HEADERS = listed(most=1000)
_ADDED = {"request_headers_to_add": _MOST_HEADERS, "response_headers_to_add": _MOST_HEADERS}
_HEADER_ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS")
_ADDITION = Message("HeaderValueOption", {"append_action": among(*_HEADER_ACTIONS)})
_ADDITIONS = dict.fromkeys(_ADDED, _ADDITION)
_TEXT_KINDS = ("exact", "prefix", "suffix", "safe_regex", "contains", "custom")
HEADER_KINDS = (
    "exact_match",
    "safe_regex_match",
    "range_match",
    "present_match",
    "prefix_match",
    "suffix_match",
    "contains_match",
    "string_match",
)
_NOT_FOUND = ("SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR")
_REDIRECTS = ("MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT")
_ACTIONS = ("route", "redirect", "direct_response", "filter_action", "non_forwarding_action")
_BESIDE_ACTIONS = (
    "name",
    "match",
    "metadata",
    "decorator",
    "typed_per_filter_config",
    "per_filter_config",
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
    "tracing",
    "per_request_buffer_limit_bytes",
    "request_body_buffer_limit",
    "stat_prefix",
)
_HASHED = ("header", "cookie", "connection_properties", "query_parameter", "filter_state")


def _base64(view: View, name: str) -> str | None:
    text = view.text(name, "")
    try:
        base64.b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return "is no base64"
    return None


_URL_SAFE = str.maketrans("-_", "+/")


def _pattern(view: View, name: str) -> str | None:
    """Raises Rejected with RE2's own words."""
    Regex(view.text(name, ""), view.place_of(name))
    return None


def _address(view: View, name: str) -> str | None:
    text = view.text(name, "")
    if text and try_parse_ip(text) is not None:
        return None
    return f"invalid ip/mask combo '{text}/{view.integer('prefix_len', 0)}' (format is <ip>/<# mask bits>)"


def _virtual_cluster_headers(view: View, name: str) -> str | None:
    return None if view.views(name) else "virtual clusters must define 'headers'"


CIDR = Message("CidrRange", {"address_prefix": _address, "prefix_len": within(0, 128)})
DATA_SOURCE = Message(
    "DataSource",
    {
        "specifier": some_of("filename", "inline_bytes", "inline_string", "environment_variable"),
        "inline_bytes": _base64,
    },
)
FORMAT = Message("SubstitutionFormatString", {"format": some_of("text_format", "json_format", "text_format_source")})
_SHARE = Message("FractionalPercent", {"numerator": whole})
_RUNTIME_SHARE = Message("RuntimeFractionalPercent", {"default_value": present}, {"default_value": _SHARE})
_TEXT = Message("StringMatcher", one_of=(_TEXT_KINDS,))
HEADER = Message("HeaderMatcher", {"name": every(filled, one_line)}, {"string_match": _TEXT}, one_of=(HEADER_KINDS,))
_COMPILED_TEXT = Message("StringMatcher", {}, {"safe_regex": Message("RegexMatcher", {"regex": _pattern})})
_COUNTED = Message("HeaderMatcher", {"name": every(filled, one_line)}, {"string_match": _COMPILED_TEXT})
_METADATA_VALUE = Message("ValueMatcher", {}, {"or_match": Message("OrMatcher", {"value_matchers": listed(2)})})
MATCH = Message(
    "RouteMatch",
    below={
        "headers": HEADER,
        "query_parameters": Message("QueryParameterMatcher", below={"string_match": _TEXT}),
        "runtime_fraction": _RUNTIME_SHARE,
        "dynamic_metadata": Message("MetadataMatcher", below={"value": _METADATA_VALUE}),
        "filter_state": Message(
            "FilterStateMatcher", below={"address_match": Message("AddressMatcher", below={"ranges": CIDR})}
        ),
    },
)
_RESET_HEADER = Message("ResetHeader", {"name": every(filled, one_line)})
RETRY = Message(
    "RetryPolicy",
    {"num_retries": whole, "per_try_timeout": not_negative, "per_try_idle_timeout": not_negative},
    {
        "rate_limited_retry_back_off": Message(
            "RateLimitedRetryBackOff", {"reset_headers": listed(1)}, {"reset_headers": _RESET_HEADER}
        ),
        "retriable_headers": HEADER,
        "retriable_request_headers": HEADER,
    },
)
HEDGE = Message("HedgePolicy", {"initial_requests": within(1)})
_NAMED = {"header_name": every(filled, one_line), "descriptor_key": filled}
_RATE_LIMIT_ACTION = Message(
    "Action",
    {"action_specifier": anything_but()},
    {
        "generic_key": Message("GenericKey", {"descriptor_value": filled}),
        "request_headers": Message("RequestHeaders", _NAMED),
        "header_value_match": Message("HeaderValueMatch", {"headers": listed(1)}, {"headers": HEADER}),
    },
)
RATE_LIMIT = Message("RateLimit", {"stage": within(0, 10), "actions": listed(1)}, {"actions": _RATE_LIMIT_ACTION})
_WEIGHTED = Message(
    "ClusterWeight",
    {"weight": whole, "cluster_header": one_line, "host_rewrite_literal": one_line, **_ADDED},
    _ADDITIONS,
)
_LONGEST = Message(
    "MaxStreamDuration",
    {
        "max_stream_duration": not_negative,
        "grpc_timeout_header_max": not_negative,
        "grpc_timeout_header_offset": not_negative,
    },
)
_ROUTE_ACTION = Message(
    "RouteAction",
    {
        "cluster_not_found_response_code": among(*_NOT_FOUND),
        "priority": among("DEFAULT", "HIGH"),
        "timeout": not_negative,
        "idle_timeout": not_negative,
        "max_grpc_timeout": not_negative,
        "grpc_timeout_offset": not_negative,
    },
    {
        "max_stream_duration": _LONGEST,
        "weighted_clusters": Message("WeightedCluster", below={"clusters": _WEIGHTED}),
        "request_mirror_policies": Message(
            "RequestMirrorPolicy", {"cluster_header": one_line}, {"runtime_fraction": _RUNTIME_SHARE}
        ),
        "hash_policy": Message("HashPolicy", one_of=(_HASHED,)),
        "upgrade_configs": Message("UpgradeConfig", {"upgrade_type": every(filled, one_line)}),
        "retry_policy": RETRY,
        "hedge_policy": HEDGE,
        "rate_limits": RATE_LIMIT,
    },
)
_REDIRECT = Message(
    "RedirectAction",
    {"port_redirect": whole, "response_code": among(*_REDIRECTS)},
)
ROUTE = Message(
    "Route",
    {"match": present, "action": anything_but(*_BESIDE_ACTIONS), **_ADDED},
    {
        "match": MATCH,
        "route": _ROUTE_ACTION,
        "redirect": _REDIRECT,
        "direct_response": Message("DirectResponseAction", below={"body": DATA_SOURCE, "body_format": FORMAT}),
        "decorator": Message("Decorator", {"operation": filled}),
        **_ADDITIONS,
    },
    one_of=(_ACTIONS,),
)
VIRTUAL_HOST = Message(
    "VirtualHost",
    {"require_tls": among("NONE", "EXTERNAL_ONLY", "ALL"), **_ADDED},
    {
        "virtual_clusters": Message(
            "VirtualCluster", {"name": filled, "headers": _virtual_cluster_headers}, {"headers": _COUNTED}
        ),
        "retry_policy": RETRY,
        "hedge_policy": HEDGE,
        "rate_limits": RATE_LIMIT,
        **_ADDITIONS,
    },
)
"""Without its routes, which are checked as they are compiled, and its name and domains."""
VIRTUAL_HOST_NAMES = Message("VirtualHost", {"name": filled, "domains": every(listed(1), one_line)})
"""What is looked at before a virtual host is ever asked for."""
ROUTE_CONFIGURATION = Message(
    "RouteConfiguration", {"internal_only_headers": one_line, "vhost_header": one_line, **_ADDED}, _ADDITIONS
)
