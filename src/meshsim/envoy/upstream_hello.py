"""What a TLS connection to an upstream says on the wire, and whose certificate it wants to see.

Follows envoyproxy/envoy source/common/tls/client_ssl_socket.cc and source/common/router/router.cc (auto SNI).
"""

from __future__ import annotations

from ..address import split_host_port, try_parse_ip
from ..facts.request import Request
from .endpoints import Endpoint
from .upstream_protocol import UpstreamProtocol
from .upstream_tls import UpstreamTls


def server_name(
    tls: UpstreamTls, protocol: UpstreamProtocol, endpoint: Endpoint, request: Request | None
) -> str | None:
    """The SNI that is sent; None: none. `request` is what leaves, None where no HTTP is spoken."""
    if protocol.auto_sni and request is not None:
        host = _request_host(protocol, request)
        # An IP address is no server name.
        if host and try_parse_ip(host) is None:
            return host
    if tls.auto_host_sni and endpoint.hostname:
        return endpoint.hostname
    return tls.sni or None


def _request_host(protocol: UpstreamProtocol, request: Request) -> str:
    """The authority's host, or that of the configured header."""
    authority = request.authority or ""
    if protocol.auto_sni_header:
        values = request.values(protocol.auto_sni_header)
        authority = values[0] if values and values[0] else authority
    try:
        return split_host_port(authority)[0]
    except ValueError:
        return authority


def offered_alpn(tls: UpstreamTls, override: tuple[str, ...], pool: tuple[str, ...]) -> tuple[str, ...]:
    """First of: what a filter set for this request, the configured list, what the connection pool speaks."""
    return override or tls.alpn or pool


def wanted_san(
    tls: UpstreamTls, protocol: UpstreamProtocol, sni: str | None, request: Request | None
) -> tuple[str, ...]:
    """What the peer's certificate must be for, as it is reported."""
    name = wanted_name(tls, protocol, sni, request)
    return tls.san if name is None else (name,)


def wanted_name(
    tls: UpstreamTls, protocol: UpstreamProtocol | None, sni: str | None, request: Request | None
) -> str | None:
    """The name known only per connection that replaces the configured list; None: that list stands."""
    if protocol is not None and protocol.auto_san_validation and request is not None:
        return _request_host(protocol, request)
    return sni if tls.sni_san and sni is not None else None
