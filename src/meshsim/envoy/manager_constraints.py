"""What connection managers and scoped routes state about their own fields, as tables.

envoyproxy/envoy api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto,
api/envoy/config/route/v3/scoped_route.proto and api/envoy/config/core/v3/protocol.proto.
"""

from __future__ import annotations

from ..config.view import View
from .grpc_codes import GRPC_STATUS_NAMES
from .message_rules import (
    Message,
    among,
    anything_but,
    every,
    filled,
    listed,
    named_among,
    not_negative,
    one_line,
    one_of_texts,
    present,
    some_of,
    whole,
    within,
)
from .route_constraints import FORMAT, HEADER

_ROUTES = ("rds", "route_config", "scoped_routes")
_CODECS = ("AUTO", "HTTP1", "HTTP2", "HTTP3")
_CERTIFICATES = ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
_SERVER_HEADERS = ("OVERWRITE", "APPEND_IF_ABSENT", "PASS_THROUGH")
_FLAGS = "LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DO DR UDO"
_KNOWN_FLAGS = frozenset(_FLAGS.split())
_ESCAPED_SLASHES = (
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
)
_WINDOW = within(65535, 2147483647)


def _flags(view: View, name: str) -> str | None:
    unknown = [each for each in view.texts(name) if each not in _KNOWN_FLAGS]
    return f"value must be in list [{_FLAGS}]" if unknown else None


_RANGE = Message("CidrRange", {"prefix_len": within(0, 128)})
"""An address that cannot be read may have been blotted out of a dump."""
_HTTP2 = Message(
    "Http2ProtocolOptions",
    {
        "max_concurrent_streams": within(1, 2147483647),
        "initial_stream_window_size": _WINDOW,
        "initial_connection_window_size": _WINDOW,
        "hpack_table_size": whole,
    },
)
_COMMON = Message(
    "HttpProtocolOptions",
    {
        "headers_with_underscores_action": named_among("ALLOW", "REJECT_REQUEST", "DROP_HEADER"),
        "max_headers_count": within(1),
        "idle_timeout": not_negative,
        "max_connection_duration": not_negative,
        "max_stream_duration": not_negative,
        "max_requests_per_connection": whole,
    },
)
_COMPARISON = Message("ComparisonFilter", {"op": among("EQ", "GE", "LE", "NE"), "value": present})
_COMPARED = Message("StatusCodeFilter", {"comparison": present}, {"comparison": _COMPARISON})
_LOG_FILTERS: dict[str, Message] = {
    "status_code_filter": _COMPARED,
    "duration_filter": _COMPARED,
    "runtime_filter": Message("RuntimeFilter", {"runtime_key": filled}),
    "header_filter": Message("HeaderFilter", {"header": present}, {"header": HEADER}),
    "response_flag_filter": Message("ResponseFlagFilter", {"flags": _flags}),
    "grpc_status_filter": Message("GrpcStatusFilter", {"statuses": among(*GRPC_STATUS_NAMES)}),
}
_KINDS = (
    *_LOG_FILTERS,
    "not_health_check_filter",
    "traceable_filter",
    "and_filter",
    "or_filter",
    "extension_filter",
    "metadata_filter",
    "log_type_filter",
)
LOG_FILTER = Message("AccessLogFilter", {"filter_specifier": anything_but()}, _LOG_FILTERS, (_KINDS,))
_LOG_FILTERS["and_filter"] = Message("AndFilter", {"filters": listed(2)}, {"filters": LOG_FILTER})
_LOG_FILTERS["or_filter"] = Message("OrFilter", {"filters": listed(2)}, {"filters": LOG_FILTER})
_MAPPER = Message(
    "ResponseMapper",
    {"filter": present, "status_code": within(200, 599)},
    {"filter": LOG_FILTER, "body_format_override": FORMAT},
)
MANAGER = Message(
    "HttpConnectionManager",
    {
        "stat_prefix": filled,
        "via": one_line,
        "server_name": one_line,
        "codec_type": among(*_CODECS),
        "xff_num_trusted_hops": whole,
        "max_request_headers_kb": within(1, 8192),
        "path_with_escaped_slashes_action": named_among(*_ESCAPED_SLASHES),
        "forward_client_cert_details": among(*_CERTIFICATES),
        "server_header_transformation": among(*_SERVER_HEADERS),
        "route_specifier": some_of(*_ROUTES),
        "stream_idle_timeout": not_negative,
        "stream_flush_timeout": not_negative,
        "request_timeout": not_negative,
        "request_headers_timeout": not_negative,
        "drain_timeout": not_negative,
        "delayed_close_timeout": not_negative,
    },
    {
        "http_filters": Message("HttpFilter", {"name": filled}),
        "common_http_protocol_options": _COMMON,
        "http2_protocol_options": _HTTP2,
        "scheme_header_transformation": Message(
            "SchemeHeaderTransformation", {"scheme_to_overwrite": one_of_texts("http", "https")}
        ),
        "internal_address_config": Message("InternalAddressConfig", below={"cidr_ranges": _RANGE}),
        "local_reply_config": Message("LocalReplyConfig", below={"mappers": _MAPPER, "body_format": FORMAT}),
    },
    one_of=(_ROUTES,),
)

_ELEMENT = Message("KvElement", {"separator": filled, "key": filled})
_EXTRACTOR = Message(
    "HeaderValueExtractor",
    {"name": every(filled, one_line)},
    {"element": _ELEMENT},
    one_of=(("index", "element"),),
)
_BUILDER = Message(
    "ScopeKeyBuilder",
    {"fragments": listed(1)},
    {
        "fragments": Message(
            "FragmentBuilder", {"type": some_of("header_value_extractor")}, {"header_value_extractor": _EXTRACTOR}
        )
    },
)
SCOPED_ROUTES = Message(
    "ScopedRoutes",
    {
        "name": filled,
        "scope_key_builder": present,
        "config_specifier": some_of("scoped_route_configurations_list", "scoped_rds"),
    },
    {
        "scope_key_builder": _BUILDER,
        "scoped_route_configurations_list": Message(
            "ScopedRouteConfigurationsList", {"scoped_route_configurations": listed(1)}
        ),
    },
)
"""Without the scopes it lists, which are checked one by one."""
SCOPE = Message(
    "ScopedRouteConfiguration",
    {"name": filled, "key": present},
    {
        "key": Message(
            "Key",
            {"fragments": listed(1)},
            {"fragments": Message("Fragment", {"type": some_of("string_key")})},
        )
    },
)
