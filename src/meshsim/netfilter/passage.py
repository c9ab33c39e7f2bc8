"""What became of a connection's first packet in one network namespace. Data only: the walk makes it."""

from __future__ import annotations

from attrs import frozen

from ..facts.packet import Packet
from .conntrack import Tracked
from .rules import Rule
from .sockets import Socket


@frozen
class Passage:
    """One first packet's way through the rules; the fields are INTERFACE's netfilter entry as typed values."""

    way: str
    """out (made here, leaves), loop (made here, delivered here), in (arrived), forward."""
    before: Packet
    rules: tuple[Rule, ...]
    """Every rule that matched, in order."""
    chains: tuple[str, ...]
    """The base chains that were asked: "nat/OUTPUT"."""
    after: Packet
    """Source, destination and mark as they are at the end."""
    interface: str
    """The device it leaves by or, delivered here, came in by."""
    original_destination: tuple[int, int] | None
    """What SO_ORIGINAL_DST answers the accepting socket; None: nothing."""
    result: str
    """socket, refused, wire, dropped, rejected or lost."""
    socket: Socket | None
    """The socket that accepts; None also where nothing is known about the sockets."""
    by: str | None
    """What ended it: a rule's name, "filter/INPUT/policy", "route" or "martian"."""
    asked: tuple[tuple[Rule, str, bool], ...] = ()
    """What no rule model could tell: the rule, the match or target, and the answer that was given."""
    tracked: Tracked | None = None
    """The connection as conntrack keeps it from now on; None: it keeps nothing."""
    given: bool = False
    """Whether TPROXY gave the packet to its socket."""
