"""A pod's network namespace: its addresses, its rules for both families, and the sockets that listen in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from ..address import ANY_V4, ANY_V6, V6_BIT
from .addresses import Addresses, Prefix
from .rules import RuleSet


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


@frozen(eq=False)
class Netns:
    name: str
    interfaces: Mapping[str, tuple[Prefix, ...]] = field(factory=dict)
    """Device -> ((ip, mask), …) in the order `ip addr` prints; empty: an eth0 of unknown address. lo is implied."""
    rules_v4: RuleSet | None = None
    rules_v6: RuleSet | None = None
    local_prefixes: tuple[Prefix, ...] = ()
    sockets: SocketTable | None = None
    """None: nothing is known about who listens."""
    unreachable: tuple[Prefix, ...] = ()
    """Destinations that never answer. Packets to them leave all the same: this is for who asks what became of them."""
    forwarding_v4: bool = True
    """net.ipv4.ip_forward: a pod takes over the node's setting, and a Kubernetes node forwards."""
    forwarding_v6: bool = False
    addresses: Addresses = field(init=False)

    @addresses.default
    def _addresses(self) -> Addresses:
        return Addresses(self.interfaces, self.local_prefixes)

    def rules_for(self, ip: int) -> RuleSet | None:
        return self.rules_v6 if ip >= V6_BIT else self.rules_v4
