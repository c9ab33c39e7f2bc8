"""Rows of the outcome tables, each told by what Envoy logged of a probe. Sections 4 to 8 of L4, section 6 of HTTP."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from attrs import frozen

Document = Mapping[str, Any]
Shows = Callable[[Document], bool]
"""Whether a logged hop shows the row."""


def _field(name: str, start: str, kind: str, hop: Document) -> bool:
    return hop["kind"] in kind.split() and (hop[name] or "").startswith(start)


def _flags(wanted: str, kind: str, hop: Document) -> bool:
    return hop["kind"] == kind and ",".join(hop["response_flags"]) == wanted


def _by(name: str, kind: str, starts: Iterable[str]) -> dict[str, Shows]:
    return {start: partial(_field, name, start, kind) for start in starts}


_closed = partial(_by, "downstream_local_close_reason", "tcp listener")
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
REDIRECTS = (301, 302, 303, 307, 308)


@frozen
class Answer:
    """A row of the reference's table: what is logged of a request, status and flags included."""

    statuses: tuple[int, ...]
    """Empty: whatever the configuration, a service or the upstream says."""
    flags: str
    """As the log sorts them; `|` between those that it may be."""
    details: str
    """How the details begin."""
    route: bool | None = None
    """Whether a route is named; None: either."""

    def __call__(self, hop: Document) -> bool:
        return (
            hop["kind"] == "http"
            and (not self.statuses or hop["status"] in self.statuses)
            and ",".join(hop["response_flags"]) in self.flags.split("|")
            and (hop["response_code_details"] or "").startswith(self.details)
            and (self.route is None or bool(hop["route"]) == self.route)
        )


def _codec(status: int, *details: str, flags: str = "DPE") -> dict[str, Shows]:
    return {each: Answer((status,), flags, each) for each in details}


def _refused_by_codecs() -> dict[str, Shows]:
    """The reference's row of 400 `DPE`, detail by detail, and those beside it.

    HTTP/2 streams are reset, so that there never is a status.
    """
    bad = "codec_error invalid_url unexpected_underscore invalid_characters invalid_scheme"
    return {
        **_codec(400, "http.invalid_authority", *(f"http1.{each}" for each in bad.split())),
        **_codec(400, "http1.content_length_and_chunked_not_allowed"),
        **_codec(403, "http1.https_url_on_plaintext_connection"),
        **_codec(501, "http1.invalid_transfer_encoding"),
        **_codec(431, "http1.too_many_headers", "http1.headers_too_large"),
        **_codec(0, "http2.invalid.header.field", "http2.violation.of.messaging.rule"),
        **_codec(0, "http2.too_many_headers", "http2.header_list_size_too_large", flags="DR"),
        **_codec(0, "http2.unexpected_underscore", flags="DPE|DR"),
    }


REQUESTS: dict[str, Shows] = {
    "no virtual host or route": Answer((404,), "NR", "route_not_found"),
    "Host missing": Answer((400,), "", "missing_host_header"),
    "HTTP/1.0 not accepted": Answer((426,), "DPE", "low_version"),
    "path not absolute": Answer((404,), "", "absolute_path_rejected"),
    "path normalisation rejects": Answer((400,), "", "path_normalization_failed"),
    "path normalisation redirects": Answer((307,), "", "path_normalization_failed"),
    "upgrade or CONNECT not enabled": Answer((403,), "", "upgrade_failed"),
    "require_tls": lambda hop: bool(hop["virtual_host"]) and Answer((301,), "", "direct_response", route=False)(hop),
    "direct response": lambda hop: Answer((), "", "direct_response")(hop) and hop["status"] not in REDIRECTS,
    **{f"unknown cluster {status}": Answer((status,), "NC", "cluster_not_found") for status in (503, 404, 500)},
    "no usable endpoint": Answer((503,), "UH", "no_healthy_upstream"),
    "connect refused": Answer(
        (503,), "UF", f"{_RESET}{{remote_connection_failure|delayed_connect_error:_Connection_refused}}"
    ),
    "connect time-out": Answer((503,), "UF", f"{_RESET}{{connection_timeout}}"),
    "TLS with the upstream fails": Answer((503,), "UF", f"{_RESET}{{remote_connection_failure|TLS_error:"),
    "connect refused, tried again": Answer((503,), "UF,URX", f"{_RESET}{{remote_connection_failure"),
    "upstream closes before headers": Answer((503,), "UC", f"{_RESET}{{connection_termination}}"),
    "upstream speaks garbage": Answer((502,), "UPE", f"{_RESET}{{protocol_error}}"),
    "upstream breaks off the body": Answer((), "UPE", "upstream_reset_after_response_started{protocol_error}"),
    "circuit breaker": Answer((503,), "UO", f"{_RESET}{{overflow}}"),
    "maintenance mode": Answer((503,), "UO", "maintenance_mode"),
    "EDS drops all": Answer((503,), "UDO", "unconditional_drop_overload"),
    "EDS drops a share": Answer((503,), "DO", "drop_overload"),
    "response time-out": Answer((504,), "UT", "response_timeout"),
    "time-out of the last try": Answer((504,), "URX,UT", "upstream_per_try_timeout"),
    "stream idle": Answer((504,), "SI", "stream_idle_timeout"),
    "longest stream": Answer((504,), "", "max_duration_timeout"),
    "body not there in time": Answer((408,), "", "request_overall_timeout"),
    "headers not there in time": Answer((408,), "", "request_header_timeout"),
    "upstream answered": Answer((), "", "via_upstream"),
    "upstream answered, retries exhausted": Answer((503,), "URX", "via_upstream"),
    "strict header check": Answer((400,), "IH", "request_headers_failed_strict_check{"),
    "RBAC": Answer((403,), "", "rbac_access_denied_matched_policy["),
    "JWT 401": Answer((401,), "", "jwt_authn_access_denied{"),
    "JWT 403": Answer((403,), "", "jwt_authn_access_denied{"),
    "ext_authz fails": Answer((403,), "UAEX", "ext_authz_error"),
    "ext_authz denies": Answer((), "UAEX", "ext_authz_denied"),
    "local rate limit": Answer((429,), "RL", "local_rate_limited"),
    "global rate limit": Answer((429,), "RL", "request_rate_limited"),
    "rate limit service fails": Answer((500,), "RLSE", "rate_limiter_error"),
    "fault aborts": Answer((), "FI", "fault_filter_abort"),
    "fault delays": Answer((200,), "DI", "via_upstream"),
    "fault delays and aborts": Answer((), "DI,FI", "fault_filter_abort"),
    "CORS preflight answered": Answer((200,), "", "cors_response"),
    "buffer limit": Answer((413,), "", "request_payload_too_large"),
    "client went away": Answer((0,), "DC", "downstream_remote_disconnect"),
    "lua answers": Answer((), "", "lua_response"),
    **_refused_by_codecs(),
    "CSRF": Answer((403,), "", "csrf_origin_mismatch"),
    "CDN loop": Answer((502,), "", "cdn_loop_detected"),
    "query without content type": Answer((400,), "", "query_missing_content_type"),
    "client's address not known": Answer((401, 403), "", "rejecting_because_detection_failed"),
    "filter takes a request's pseudo header": Answer((503,), "DPE", "filter_removed_required_request_headers{"),
    "filter takes a response's status": Answer((502,), "", "filter_removed_required_response_headers{"),
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
