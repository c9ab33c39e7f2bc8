"""Client address, scheme, x-forwarded headers, and the headers no client may send.

envoyproxy/envoy source/common/http/conn_manager_utility.cc (mutateRequestHeaders).
"""

from __future__ import annotations

from attrs import define

from ..address import contains, format_ip, is_loopback, try_parse_ip
from ..facts.connection import Connection
from ..facts.request import Request
from .hcm_options import ForwardingOptions

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"})
_NOT_INTERNAL = frozenset(
    {
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
        "x-envoy-max-retries",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-stream-duration-ms",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-retriable-status-codes",
        "x-envoy-retriable-header-names",
        "x-envoy-force-trace",
        "x-envoy-ip-tags",
    }
)
_EDGE = frozenset(
    {
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-downstream-service-node",
        "x-envoy-original-path",
        "x-envoy-original-host",
    }
)
_XFF = "x-forwarded-for"
_PROTO = "x-forwarded-proto"
_KEPT_TOKENS = frozenset({"close", "keep-alive", "upgrade", "te", ""})


@define
class Forwarded:
    """The headers that routing sees, the scheme, and who the client is taken to be."""

    headers: dict[str, tuple[str, ...]]
    scheme: str
    remote: int


def without_hop_by_hop(headers: dict[str, tuple[str, ...]]) -> str | None:
    """Removes what belongs to one connection only; returns the upgrade type where the request asks for one."""
    if _HOP_BY_HOP.isdisjoint(headers):
        return None
    te = headers.get("te")
    if te is not None:
        tokens = _tokens(te)
        if "trailers" in tokens:
            headers["te"] = ("trailers",)
        else:
            del headers["te"]
    connection = headers.get("connection")
    upgrade = headers.get("upgrade")
    wanted: str | None = None
    if connection is not None:
        tokens = _tokens(connection)
        for token in tokens:
            if token not in _KEPT_TOKENS:
                headers.pop(token, None)
        if upgrade and "upgrade" in tokens and upgrade[0].lower() != "h2c":
            wanted = upgrade[0]
    for name in _HOP_BY_HOP - {"te"}:
        headers.pop(name, None)
    if wanted is not None:
        headers["connection"] = ("upgrade",)
        headers["upgrade"] = (wanted,)
    return wanted


def _tokens(values: tuple[str, ...]) -> list[str]:
    return [token.strip().lower() for token in ",".join(values).split(",")]


def upgrade_type(request: Request) -> str | None:
    """Lower case; after hop-by-hop headers were removed, what is left asks for an upgrade."""
    if request.method == "CONNECT":
        return "connect"
    values = request.headers.get("upgrade")
    return values[0].lower() if values else None


def forwarded(
    options: ForwardingOptions,
    connection: Connection,
    stated_scheme: str,
    headers: dict[str, tuple[str, ...]],
    own_address: int | None,
    internal_only: tuple[str, ...] = (),
) -> Forwarded:
    """`headers` are changed in place. `own_address` stands in for a loopback client in x-forwarded-for."""
    secure = connection.tls is not None
    final, single = _client(options, connection, headers)
    if options.use_remote_address:
        if not options.skip_xff_append:
            shown = connection.remote
            if own_address is not None and is_loopback(shown):
                shown = own_address
            listed = filter(None, headers.get(_XFF, ()))
            headers[_XFF] = (",".join((*listed, format_ip(shown))),)
        if options.trusted_hops == 0 or _PROTO not in headers:
            headers[_PROTO] = ("https" if secure else "http",)
    elif _PROTO not in headers:
        headers[_PROTO] = ("https" if secure else "http",)
    overwrites_port = options.use_remote_address and options.trusted_hops == 0
    if options.append_port and (overwrites_port or "x-forwarded-port" not in headers):
        headers["x-forwarded-port"] = (str(connection.local_port),)
    scheme = _scheme(options, stated_scheme, headers, secure=secure)
    internal = single and final is not None and any(contains(prefix, final) for prefix in options.internal_ranges)
    edge = options.use_remote_address and not internal
    _sanitise(options, connection, headers, internal=internal, edge=edge, internal_only=internal_only)
    if edge and final is not None:
        headers["x-envoy-external-address"] = (format_ip(final),)
    if options.via:
        before = headers.get("via")
        headers["via"] = (", ".join((*before, options.via)) if before else options.via,)
    return Forwarded(headers, scheme, connection.remote if final is None else final)


def _client(
    options: ForwardingOptions, connection: Connection, headers: dict[str, tuple[str, ...]]
) -> tuple[int | None, bool]:
    """The address the client is taken to have, and whether that is the only one on the list."""
    listed = ",".join(headers.get(_XFF, ()))
    if options.use_remote_address:
        found = _from_the_right(listed, options.trusted_hops) if options.trusted_hops else None
        return (connection.remote if found is None else found), _XFF not in headers
    return _from_the_right(listed, options.trusted_hops + 1), bool(listed) and "," not in listed


def _from_the_right(listed: str, number: int) -> int | None:
    parts = listed.split(",")
    if not listed or number > len(parts):
        return None
    return try_parse_ip(parts[-number].strip())


def _scheme(
    options: ForwardingOptions, stated_scheme: str, headers: dict[str, tuple[str, ...]], *, secure: bool
) -> str:
    if options.scheme is not None:
        headers[_PROTO] = (options.scheme,)
        return options.scheme
    if stated_scheme:
        return stated_scheme
    stated = headers[_PROTO][0].lower() if headers[_PROTO] else ""
    if stated in ("http", "https"):
        return stated
    return "https" if secure else "http"


def _sanitise(
    options: ForwardingOptions,
    connection: Connection,
    headers: dict[str, tuple[str, ...]],
    *,
    internal: bool,
    edge: bool,
    internal_only: tuple[str, ...],
) -> None:
    headers.pop("x-envoy-internal", None)
    if internal:
        headers["x-envoy-internal"] = ("true",)
    else:
        _remove(headers, _NOT_INTERNAL)
        for name in internal_only:
            headers.pop(name, None)
    if edge:
        _remove(headers, _EDGE)
    if options.add_user_agent:
        headers["x-envoy-downstream-service-cluster"] = headers["x-envoy-downstream-service-node"] = ()
        headers.setdefault("user-agent", ())
    if options.generate_request_id and ("x-request-id" not in headers or (edge and not options.preserve_request_id)):
        headers["x-request-id"] = ()
    _client_certificate(options, connection, headers)


def _remove(headers: dict[str, tuple[str, ...]], names: frozenset[str]) -> None:
    if not names.isdisjoint(headers):
        for name in names:
            headers.pop(name, None)


def _client_certificate(
    options: ForwardingOptions, connection: Connection, headers: dict[str, tuple[str, ...]]
) -> None:
    """x-forwarded-client-cert; a new element carries the certificate's hash, so its value is not known here."""
    mode = options.client_certificate
    presented = connection.tls is not None and connection.tls.peer is not None and connection.tls.peer.presented
    if mode == "ALWAYS_FORWARD_ONLY" or (mode == "FORWARD_ONLY" and presented):
        return
    if presented and mode in ("APPEND_FORWARD", "SANITIZE_SET"):
        headers["x-forwarded-client-cert"] = ()
    else:
        headers.pop("x-forwarded-client-cert", None)
