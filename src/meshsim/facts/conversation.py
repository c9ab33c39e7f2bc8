"""What the connecting side says once its packet found a listener: TLS, then HTTP or plain bytes."""

from __future__ import annotations

from attrs import evolve, frozen

from .request import Request


@frozen
class ClientCertificate:
    """The certificate a TLS client presents."""

    uri_sans: tuple[str, ...] = ()
    dns_sans: tuple[str, ...] = ()
    subject: str = ""
    trusted: bool = True
    expired: bool = False
    names_known: bool = True
    """False for another proxy's certificate that no input shows."""


@frozen
class ClientTls:
    """The TLS ClientHello and what the client can present when asked."""

    sni: str | None = None
    alpn: tuple[str, ...] = ()
    """Offered protocols in the client's order."""
    client_certificate: ClientCertificate | None = None
    lowest: int = 2
    """The lowest x of TLS 1.x that the client speaks."""
    highest: int = 3
    cipher_suites: tuple[str, ...] | None = None
    """Of TLS 1.2 and before; None: whatever the server wants."""
    curves: tuple[str, ...] | None = None
    """For the key exchange; None: whatever the server wants."""


@frozen
class ProxyProtocol:
    """A PROXY protocol header that the client sends first; texts `ip:port`."""

    source: str
    destination: str


@frozen
class Conversation:
    """Everything one side says on one connection."""

    protocol: str
    """What is spoken, inside TLS if there is TLS: http/1.0, http/1.1, http2, tcp or udp."""
    tls: ClientTls | None = None
    request: Request | None = None
    """Set when HTTP is spoken."""
    server_first: bool = False
    """The client waits for the server's first bytes."""
    payload: str = ""
    """The first bytes of a tcp or udp client."""
    proxy_protocol: ProxyProtocol | None = None
    inner: Conversation | None = None
    """What is said inside the TLS where that is TLS again, passed on by a proxy that encrypts it once more."""
    protocol_stated: bool = True
    """False where the protocol follows from what ALPN negotiates (an https call that states none)."""

    def after_proxy_header(self) -> Conversation:
        """The same once somebody has read the PROXY header."""
        return evolve(self, proxy_protocol=None)

    def speaks_http(self) -> bool:
        return self.request is not None
