"""The kernel's record of one connection: both directions' addresses, its zone, its mark, and what nat decided.

Records never change; who changes one makes the next. Nothing here knows rules or hooks.
Upstream: linux net/netfilter/nf_conntrack_core.c, nf_nat_core.c.
"""

from __future__ import annotations

from typing import NamedTuple

ORIGINAL, REPLY = "original", "reply"


class Ends(NamedTuple):
    """Who sends to whom, in one direction of a connection."""

    source: int
    source_port: int
    destination: int
    destination_port: int

    def turned(self) -> Ends:
        return Ends(self.destination, self.destination_port, self.source, self.source_port)


NO_ENDS = Ends(0, 0, 0, 0)


class Zone(NamedTuple):
    """A conntrack zone and the directions it counts for; everywhere else the zone is 0."""

    id: int
    original: bool = True
    reply: bool = True

    def of(self, direction: str) -> int:
        return self.id if (self.original if direction == ORIGINAL else self.reply) else 0


NO_ZONE = Zone(0)


class Tracked(NamedTuple):
    """A connection, as conntrack keeps it. One is made for most packets, so it is a tuple and not attrs."""

    protocol: str
    original: Ends
    """What the first packet carried when conntrack saw it."""
    answer: Ends
    """What a reply must carry: `original` turned round, as nat changed it."""
    zone: Zone = NO_ZONE
    mark: int = 0
    source_translated: bool = False
    destination_translated: bool = False
    template: bool = False
    """Only what `-j CT` hangs on a packet until conntrack sees it: all but the zone is empty."""

    def marked(self, mark: int) -> Tracked:
        return self._replace(mark=mark)

    def with_destination(self, ip: int, port: int) -> Tracked:
        """After nat sends the connection to ip:port."""
        answer = Ends(ip, port, self.answer.destination, self.answer.destination_port)
        if answer == self.answer:
            return self
        return Tracked(self.protocol, self.original, answer, self.zone, self.mark, self.source_translated, True)

    def with_source(self, ip: int, port: int) -> Tracked:
        """After nat lets the connection come from ip:port."""
        answer = Ends(self.answer.source, self.answer.source_port, ip, port)
        if answer == self.answer:
            return self
        return Tracked(self.protocol, self.original, answer, self.zone, self.mark, True, self.destination_translated)

    def direction_of(self, ends: Ends, zone: Zone) -> str | None:
        """Which direction of this connection a packet is; None when it belongs to another one."""
        if ends == self.original and zone.of(ORIGINAL) == self.zone.of(ORIGINAL):
            return ORIGINAL
        if ends == self.answer and zone.of(REPLY) == self.zone.of(REPLY):
            return REPLY
        return None


def template(protocol: str, zone: Zone) -> Tracked:
    return Tracked(protocol, NO_ENDS, NO_ENDS, zone, template=True)
