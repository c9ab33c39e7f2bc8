"""A packet while it is inside the kernel: what the rules read and change. Lives for one walk and never leaves it."""

from __future__ import annotations

from attrs import define

from ..facts.packet import Packet
from .addresses import Addresses

NO_OWNER = -1
"""Owner of a packet that no local socket sent: equal to no uid or gid, so that only negated owner matches hold
(linux net/netfilter/xt_owner.c compares the option bits with the negation bits then)."""


@define(eq=False)
class Frame:
    """Mutable on purpose: one a walk, as the kernel has one sk_buff."""

    addresses: Addresses
    protocol: str
    source: int
    source_port: int
    destination: int
    destination_port: int
    uid: int
    gid: int
    groups: frozenset[int]
    mark: int
    incoming: str
    """What `-i` sees; empty before the packet arrived anywhere."""
    outgoing: str
    """What `-o` sees; empty while no way out was chosen."""
    state: str = "INVALID"
    """What `--ctstate` sees: INVALID until conntrack saw the packet, then NEW."""
    translated: bool = False
    """Whether nat changed the destination."""


def frame_of(packet: Packet, addresses: Addresses, incoming: str, outgoing: str) -> Frame:
    uid, gid = packet.uid, packet.gid
    return Frame(
        addresses,
        packet.protocol,
        packet.source,
        packet.source_port,
        packet.destination,
        packet.destination_port,
        NO_OWNER if uid is None else uid,
        NO_OWNER if gid is None else gid,
        frozenset(packet.groups) if packet.groups else NO_GROUPS,
        packet.mark,
        incoming,
        outgoing,
    )


NO_GROUPS: frozenset[int] = frozenset()
