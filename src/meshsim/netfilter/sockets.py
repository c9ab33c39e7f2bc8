"""The sockets that listen in a namespace, and which of them takes a packet. Knows no rules and no routes."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..address import ANY_V4, ANY_V6, V6_BIT


@frozen
class Socket:
    """A listening socket."""

    ip: int
    """ANY_V4 and ANY_V6 are the wildcards."""
    port: int
    v6only: bool = False
    """Whether a `::` socket leaves IPv4 alone."""
    transparent: bool = False
    owner: object = None
    """Who listens, for the caller's use."""
    name: str = ""
    protocol: str = "tcp"
    uid: int = 1000
    """Whose answers `-m owner` sees."""
    gid: int = 1000

    @property
    def is_wildcard(self) -> bool:
        return self.ip in (ANY_V4, ANY_V6)


class SocketTable:
    """The stated sockets of a namespace; where one is stated, every other port refuses."""

    __slots__ = ("_by_address", "sockets")

    def __init__(self, sockets: Iterable[Socket]) -> None:
        self.sockets = tuple(sockets)
        self._by_address: dict[tuple[str, int, int], Socket] = {}
        for socket in self.sockets:
            self._by_address.setdefault((socket.protocol, socket.ip, socket.port), socket)

    def find(self, protocol: str, ip: int, port: int) -> Socket | None:
        """The socket that takes a connection to ip:port: the exact address before the wildcards."""
        table = self._by_address
        found = table.get((protocol, ip, port))
        if found is not None:
            return found
        if ip >= V6_BIT:
            return table.get((protocol, ANY_V6, port))
        found = table.get((protocol, ANY_V4, port))
        if found is not None:
            return found
        dual = table.get((protocol, ANY_V6, port))
        return dual if dual is not None and not dual.v6only else None
