"""A packet while it is inside the kernel: what the rules read and change. Lives for one walk and never leaves it."""

from __future__ import annotations

from attrs import define

from ..facts.packet import Packet
from .addresses import Addresses
from .conntrack import REPLY, Ends, Tracked
from .routing import Flow, Route
from .sockets import Socket, SocketTable

NO_OWNER = -1
"""Owner of a packet that no local socket sent: equal to no uid or gid, so that only negated owner matches hold
(linux net/netfilter/xt_owner.c compares the option bits with the negation bits then)."""

NO_FILE = -2
"""Owner of the kernel's own socket, which sends resets: a socket, but nobody's."""

NO_GROUPS: frozenset[int] = frozenset()
OPENS = frozenset({"SYN"})
ACCEPTS = frozenset({"SYN", "ACK"})
REFUSES = frozenset({"RST", "ACK"})
NO_FLAGS: frozenset[str] = frozenset()


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
    sockets: SocketTable | None = None
    """Who listens here, for the rules that ask."""
    flags: frozenset[str] = OPENS
    """TCP's."""
    state: str = "INVALID"
    """What `--ctstate` sees: INVALID until conntrack saw the packet."""
    direction: str = "original"
    confirmed: bool = False
    """Whether the connection is already in the table."""
    tracked: Tracked | None = None
    """Its connection, once conntrack saw it; a template where `-j CT` was met before."""
    socket: Socket | None = None
    """Whom TPROXY gave it to."""
    given: bool = False
    """Whether TPROXY gave it to somebody; whom, may be unknown."""
    waiting: Socket | None = None
    """For an answer: the socket here that waits for it."""
    waiting_for: Ends | None = None
    """What that socket takes."""
    hook: str = ""
    nexthop: Route | None = None
    """The route it leaves by."""

    @property
    def ends(self) -> Ends:
        return Ends(self.source, self.source_port, self.destination, self.destination_port)

    @property
    def is_answer(self) -> bool:
        return self.direction == REPLY

    def established(self) -> Socket | None:
        """The connected socket here that takes the packet as it is now."""
        return self.waiting if self.waiting is not None and self.ends == self.waiting_for else None

    def flow(self, incoming: str = "lo") -> Flow:
        """What routing is asked; a packet that is made here asks as from `lo`."""
        return Flow(
            self.destination,
            self.source,
            self.mark,
            incoming,
            None if self.uid < 0 else self.uid,
            self.protocol,
            self.source_port,
            self.destination_port,
        )


def frame_of(
    packet: Packet, addresses: Addresses, incoming: str, outgoing: str, sockets: SocketTable | None = None
) -> Frame:
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
        sockets,
        OPENS if packet.protocol == "tcp" else NO_FLAGS,
    )
