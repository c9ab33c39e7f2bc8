"""A connection as an Envoy listener knows it; follows reference Envoy's ConnectionSocket and ConnectionInfoProvider."""

from __future__ import annotations

from attrs import frozen

from ..address import format_endpoint


@frozen
class Peer:
    """What the downstream TLS handshake learned of the client."""

    presented: bool
    validated: bool
    uri_sans: tuple[str, ...] = ()
    dns_sans: tuple[str, ...] = ()
    subject: str = ""


@frozen
class DownstreamTls:
    """The result of a TLS handshake that a filter chain terminated."""

    alpn: str | None
    """What the server side picked; None when nothing was negotiated."""
    peer: Peer | None


@frozen
class Connection:
    """Addresses are ints. Built anew by each step that learns something; never changed."""

    local: int
    local_port: int
    """What Envoy takes as destination: the restored original destination once `restored`."""
    remote: int
    remote_port: int
    direct_remote: int
    direct_remote_port: int
    restored: bool = False
    """Whether original_dst or proxy_protocol wrote the local address (even to the same value)."""
    original: tuple[int, int] | None = None
    """What SO_ORIGINAL_DST would answer; None: the call fails."""
    transport: str = ""
    """Detected transport protocol: "" before detection, then tls or raw_buffer."""
    sni: str = ""
    alpn: tuple[str, ...] = ()
    """Requested application protocols in the client's order, or what http_inspector found."""
    tls: DownstreamTls | None = None
    """Set once a filter chain terminated TLS."""
    unread: bool = False
    """Listener filters looked at the client's first bytes, which still lie in the socket: the kernel answers a close
    with a reset."""

    def local_text(self) -> str:
        return format_endpoint(self.local, self.local_port)

    def remote_text(self) -> str:
        return format_endpoint(self.remote, self.remote_port)

    def direct_remote_text(self) -> str:
        return format_endpoint(self.direct_remote, self.direct_remote_port)
