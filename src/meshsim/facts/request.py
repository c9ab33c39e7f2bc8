"""One HTTP request as it travels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

Headers = Mapping[str, tuple[str, ...]]
"""Lower-case name -> its values in order. Pseudo headers are fields of Request, not entries here."""


def lower_case_headers(headers: Mapping[str, str | tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Names that differ only in case are one header."""
    merged: dict[str, tuple[str, ...]] = {}
    for name, value in headers.items():
        values = (value,) if isinstance(value, str) else tuple(value)
        merged[name.lower()] = (*merged.get(name.lower(), ()), *values)
    return merged


@frozen
class Request:
    method: str
    """Empty, like scheme and path: a filter took the pseudo header away."""
    scheme: str
    authority: str | None
    """None: no Host header was sent."""
    path: str
    """The request target with its query, as in `:path`."""
    headers: Headers
    version: str = "http/1.1"
    """http/1.0, http/1.1 or http2."""
    ends_connection: bool = False
    """Whether its HTTP/1 connection ends with a reply that no upstream made: the client wants no other, or a body is
    still to come."""
    wants_close: bool = False
    """Whether its HTTP/1 client says that it will send no other; HTTP/1.0 does unless it says keep-alive."""
    chunked: bool = False
    """Whether its body comes in chunks; the header that says so belongs to one connection and is gone."""
    continued: bool = False
    """Whether its client was told to go on (100 Continue) before anything else."""
    connect_port: str = ""
    """What was cut off a CONNECT request's host and goes on upstream again."""
    body: int = 0
    """How many bytes of a body follow, without the frames of chunks."""
    arrived_as_grpc: bool | None = None
    """Whether it was gRPC when the proxy at hand read it; None: whether it is now."""
    stated: Headers | None = None
    """Pseudo headers that an HTTP/2 client sends against the habit: name -> values, none where one is left out."""
    arrived_as_head: bool | None = None
    """Whether it was a HEAD when the proxy at hand read it; None: whether it is now."""
    patience_ms: float | None = None
    """How long its client still waits, without what filters on the way have held it back for; None: for ever."""

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a header; `:method`, `:path`, `:authority`, `:scheme` and `host` read the pseudo headers."""
        read = _PSEUDO.get(name)
        if read is None:
            return self.headers.get(name, ())
        value = read(self)
        return () if value is None else (value,)

    def is_grpc(self) -> bool:
        """Envoy source/common/grpc/common.cc: exactly application/grpc, or application/grpc+something."""
        return is_grpc_content((self.headers.get("content-type") or ("",))[0])

    def replied_as_grpc(self) -> bool:
        """Whether the proxy's own replies take gRPC's form: what filters make of the request changes nothing there."""
        return self.is_grpc() if self.arrived_as_grpc is None else self.arrived_as_grpc

    def replied_as_head(self) -> bool:
        """Whether the proxy's own replies have no body."""
        return self.method == "HEAD" if self.arrived_as_head is None else self.arrived_as_head


_PSEUDO: dict[str, Callable[[Request], str | None]] = {
    ":method": lambda request: request.method or None,
    ":path": lambda request: request.path or None,
    ":authority": lambda request: request.authority,
    "host": lambda request: request.authority,
    ":scheme": lambda request: request.scheme or None,
}


def is_grpc_content(content_type: str) -> bool:
    return content_type == "application/grpc" or content_type.startswith("application/grpc+")
