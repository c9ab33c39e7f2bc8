"""Rows of the outcome tables, each told by what Envoy logged of a probe. Sections 4 to 8 of L4, section 6 of HTTP."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

Document = Mapping[str, Any]
Shows = Callable[[Document], bool]
"""Whether a logged hop shows the row."""


def _field(name: str, start: str, kind: str, hop: Document) -> bool:
    return hop["kind"] in kind.split() and (hop[name] or "").startswith(start)


def _flags(wanted: str, kind: str, hop: Document) -> bool:
    return hop["kind"] == kind and ",".join(hop["response_flags"]) == wanted


def _with_details(flags: str, details: str, hop: Document) -> bool:
    return _flags(flags, "http", hop) and hop["response_code_details"] == details


def _redirects(hop: Document) -> bool:
    return hop["kind"] == "http" and hop["response_code_details"] == "direct_response" and hop["status"] in REDIRECTS


def _by(name: str, kind: str, starts: Iterable[str]) -> dict[str, Shows]:
    return {start: partial(_field, name, start, kind) for start in starts}


_closed = partial(_by, "downstream_local_close_reason", "tcp listener")
_answered = partial(_by, "response_code_details", "http")
_dialled = partial(_by, "upstream_transport_failure_reason", "tcp http")
_shaken = partial(_by, "downstream_transport_failure_reason", "tcp listener")

CONNECTIONS: dict[str, Shows] = {
    "filter_chain_not_found": partial(_field, "response_code_details", "filter_chain_not_found", "listener"),
    "direct_response": partial(_field, "response_code_details", "direct_response", "listener tcp"),
    "ext_authz_error": partial(_field, "response_code_details", "ext_authz_error", "listener tcp"),
    "rbac_access_denied": partial(_field, "connection_termination_details", "rbac_access_denied", "listener tcp"),
    "tcp_proxy NC": partial(_flags, "NC", "tcp"),
    "tcp_proxy UH": partial(_flags, "UH", "tcp"),
    "tcp_proxy UF,URX": partial(_flags, "UF,URX", "tcp"),
    "tcp_proxy UO": partial(_flags, "UO", "tcp"),
    "tcp_proxy, no flag": partial(_flags, "", "tcp"),
    "closed by listener filters": lambda hop: hop["kind"] == "listener" and not hop["filter_chain"],
    **_closed(
        [
            *(f"tcp_initializion_failure:{code}" for code in (0, 3)),
            *("rbac_deny_close", "local_ratelimit_close_over_limit", "ext_authz_close"),
            "ratelimit_error_failure_mode_connection_close",
        ]
    ),
    **_dialled(["delayed_connect_error:_Connection_refused", "TLS_error:|268435581"]),
    **_shaken(["TLS_error:|268435703", "TLS_error:|268435648", "TLS_error:|268435581", "TLS_error:|268435589"]),
}
_RESET = "upstream_reset_before_response_started"
REDIRECTS = frozenset((301, 302, 303, 307, 308))
REQUESTS: dict[str, Shows] = {
    "redirect": _redirects,
    "require_tls": lambda hop: _redirects(hop) and not hop["route"] and bool(hop["virtual_host"]),
    "UF,URX": partial(_flags, "UF,URX", "http"),
    "URX, via_upstream": partial(_with_details, "URX", "via_upstream"),
    "DI": partial(_flags, "DI", "http"),
    "DI,FI": partial(_flags, "DI,FI", "http"),
    **_answered(
        [
            *("route_not_found", "missing_host_header", "low_version", "absolute_path_rejected"),
            *("path_normalization_failed", "upgrade_failed", "direct_response", "cluster_not_found"),
            *(
                "no_healthy_upstream",
                "maintenance_mode",
                "unconditional_drop_overload",
                "drop_overload",
                "response_timeout",
                "upstream_per_try_timeout",
            ),
            *("stream_idle_timeout", "max_duration_timeout", "request_overall_timeout", "request_header_timeout"),
            *("via_upstream", "rbac_access_denied_matched_policy", "jwt_authn_access_denied", "ext_authz_error"),
            *(
                "local_rate_limited",
                "rate_limiter_error",
                "fault_filter_abort",
                "cors_response",
                "csrf_origin_mismatch",
            ),
            *("ext_authz_denied", "request_rate_limited", "lua_response"),
            *(f"filter_removed_required_{each}_headers" for each in ("request", "response")),
            *("request_payload_too_large", "cdn_loop_detected", "query_missing_content_type"),
            *("rejecting_because_detection_failed", "http.invalid_authority"),
            *(f"http1.{each}" for each in ("codec_error", "invalid_url", "unexpected_underscore", "too_many_headers")),
            *(f"http1.{each}" for each in ("headers_too_large", "invalid_characters", "invalid_transfer_encoding")),
            *(f"http1.{each}" for each in ("invalid_scheme", "https_url_on_plaintext_connection")),
            "http1.content_length_and_chunked_not_allowed",
            *(f"http2.{each}" for each in ("invalid.header.field", "violation.of.messaging.rule", "too_many_headers")),
            *(f"http2.{each}" for each in ("header_list_size_too_large", "unexpected_underscore")),
            f"{_RESET}{{remote_connection_failure|delayed_connect_error:_Connection_refused}}",
            *(f"{_RESET}{{{each}}}" for each in ("connection_timeout", "connection_termination", "overflow")),
            *(f"{_RESET}{{protocol_error}}", "request_headers_failed_strict_check"),
            f"{_RESET}{{remote_connection_failure|TLS_error:",
            "upstream_reset_after_response_started{protocol_error}",
        ]
    ),
}
OUTCOMES = {"connections": CONNECTIONS, "requests": REQUESTS}
"""Table -> row -> whether a hop shows it."""


def outcome_counts(observations: Iterable[Document]) -> dict[str, Counter[str]]:
    """How many probes met each row of each table."""
    found: dict[str, Counter[str]] = {table: Counter() for table in OUTCOMES}
    for observation in observations:
        for table, rows in OUTCOMES.items():
            found[table].update({row for row, shows in rows.items() if any(map(shows, observation["hops"]))})
    return found
