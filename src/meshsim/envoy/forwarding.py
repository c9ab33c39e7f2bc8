"""Client address, scheme, x-forwarded headers, and the headers no client may send.

envoyproxy/envoy source/common/http/conn_manager_utility.cc (mutateRequestHeaders).
"""

from __future__ import annotations

from attrs import define

from ..address import contains, format_ip, is_loopback
from ..facts.connection import Connection
from ..facts.request import Request
from .absolute_url import is_referer
from .hcm_options import ForwardingOptions
from .ip_detection import XFF, Detected, detected, from_the_right

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
_PROTO = "x-forwarded-proto"
_KEPT_TOKENS = frozenset({"close", "keep-alive", "upgrade", "te", ""})


@define
class Forwarded:
    """The headers that routing sees, the scheme, and who the client is taken to be."""

    headers: dict[str, tuple[str, ...]]
    scheme: str
    remote: int
    reject: int | None = None
    """The status for a client whose address nobody can tell."""


def without_hop_by_hop(headers: dict[str, tuple[str, ...]]) -> str | None:
    """Removes what belongs to one connection only; returns the upgrade type where the request asks for one."""
    if _HOP_BY_HOP.isdisjoint(headers):
        return None
    te = headers.get("te")
    if te is not None:
        # unlike those of `connection`, this one is compared as it is written
        if "trailers" in (token.strip() for token in ",".join(te).split(",")):
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
        assert connection is not None
        headers["connection"] = connection
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
    client = _client(options, connection, headers)
    if client.reject is not None:
        return Forwarded(headers, stated_scheme, connection.remote, client.reject)
    final = client.address
    if not client.skip_append and not connection.remote_name:
        shown = connection.remote
        if own_address is not None and is_loopback(shown):
            shown = own_address
        listed = filter(None, headers.get(XFF, ()))
        headers[XFF] = (",".join((*listed, format_ip(shown))),)
    overwrites = options.use_remote_address and options.trusted_hops == 0
    if overwrites or _PROTO not in headers:
        headers[_PROTO] = ("https" if secure else "http",)
    if options.append_port and (overwrites or "x-forwarded-port" not in headers):
        headers["x-forwarded-port"] = (str(connection.local_port),)
    scheme = _scheme(options, stated_scheme, headers, secure=secure)
    inside = final is not None and any(contains(prefix, final) for prefix in options.internal_ranges)
    internal = client.trusted and inside
    edge = options.use_remote_address and not internal
    _sanitise(options, connection, headers, internal=internal, edge=edge, internal_only=internal_only)
    if edge and final is not None:
        headers["x-envoy-external-address"] = (format_ip(final),)
    if options.via:
        before = headers.get("via", ())
        headers["via"] = (", ".join(filter(None, (*before, options.via))),)
    return Forwarded(headers, scheme, connection.remote if final is None else final)


def _client(options: ForwardingOptions, connection: Connection, headers: dict[str, tuple[str, ...]]) -> Detected:
    """The address the client is taken to have; trusted where it is the only one on the list."""
    listed = ",".join(headers.get(XFF, ()))
    if options.use_remote_address:
        found = from_the_right(listed, options.trusted_hops) if options.trusted_hops else None
        return Detected(connection.remote if found is None else found, XFF not in headers, options.skip_xff_append)
    if options.detections:
        return detected(options.detections, headers, connection.remote)
    return Detected(from_the_right(listed, options.trusted_hops + 1), bool(listed) and "," not in listed)


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
    referer = headers.get("referer")
    if referer and not is_referer(referer[0]):
        del headers["referer"]
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
    options.client_certificate.apply(connection, headers)


def _remove(headers: dict[str, tuple[str, ...]], names: frozenset[str]) -> None:
    if not names.isdisjoint(headers):
        for name in names:
            headers.pop(name, None)
