"""A connection as an Envoy listener knows it; follows reference Envoy's ConnectionSocket and ConnectionInfoProvider."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..address import format_endpoint


@frozen
class Peer:
    """What the downstream TLS handshake learned of the client."""

    presented: bool
    validated: bool
    uri_sans: tuple[str, ...] = ()
    dns_sans: tuple[str, ...] = ()
    subject: str = ""
    names_known: bool = True
    """False where no input says what the certificate holds."""


@frozen
class DownstreamTls:
    """The result of a TLS handshake that a filter chain terminated."""

    alpn: str | None
    """What the server side picked; None when nothing was negotiated."""
    peer: Peer | None
    own_uri_sans: tuple[str, ...] | None = None
    """Of the certificate that this side showed; None: no input says."""


DEFAULT_BUFFER_LIMIT = 1 << 20
NO_IP = 0xFFFFFFFF
"""What Envoy compares with prefixes where an address is no IP address: 255.255.255.255."""
INTERNAL_CLIENT = "envoy://internal_client_address/"
"""The remote address on an internal listener."""


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
    local_name: str = ""
    """A pipe's path or an internal listener's address; the int then is NO_IP, the port 0."""
    remote_name: str = ""
    direct_remote_name: str = ""
    before_detection: tuple[int, int] | None = None
    """Remote address and port before a request's headers named another client; None: none did."""
    buffer_limit: int = DEFAULT_BUFFER_LIMIT
    """per_connection_buffer_limit_bytes of the listener that has it; 0: none. Known from the network filters on."""
    filter_state: Mapping[str, str] = field(factory=dict, eq=False, repr=False)
    """What network filters wrote down, as text."""

    @property
    def is_internal(self) -> bool:
        """Whether another listener of the same Envoy dialled, without any socket."""
        return self.direct_remote_name == INTERNAL_CLIENT

    def local_text(self) -> str:
        return self.local_name or format_endpoint(self.local, self.local_port)

    def remote_text(self) -> str:
        return self.remote_name or format_endpoint(self.remote, self.remote_port)

    def direct_remote_text(self) -> str:
        return self.direct_remote_name or format_endpoint(self.direct_remote, self.direct_remote_port)


def socketless(local: str, remote: str, original: tuple[int, int] | None = None) -> Connection:
    """A connection between two addresses that are no IP addresses."""
    return Connection(
        local=NO_IP,
        local_port=0,
        remote=NO_IP,
        remote_port=0,
        direct_remote=NO_IP,
        direct_remote_port=0,
        original=original,
        local_name=local,
        remote_name=remote,
        direct_remote_name=remote,
    )
