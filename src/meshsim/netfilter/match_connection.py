"""The matches that look at marks and at the connection's record: mark, connmark, conntrack, state."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from ..address import V6_BIT, format_ip, prefix_length
from . import values
from .conntrack import ORIGINAL, REPLY, Tracked
from .frame import Frame
from .options import Occurrence, Option, matching, unmodelled_option
from .rules import Match

Compile = Callable[[Occurrence], Match]


def _mark(at: Occurrence) -> Match:
    value, mask = values.mark(at.values[0])
    negated = at.negated
    text = values.mark_text(value, mask)
    return matching(at, text, lambda frame: (frame.mark & mask == value) is not negated, attrgetter("mark"), hex)


def _connection_mark(at: Occurrence) -> Match:
    """linux net/netfilter/xt_connmark.c: without a connection it holds in neither form."""
    value, mask = values.mark(at.values[0])
    negated = at.negated

    def holds(frame: Frame) -> bool:
        return frame.tracked is not None and (frame.tracked.mark & mask == value) is not negated

    return matching(at, values.mark_text(value, mask), holds, _read_connection_mark)


def _read_connection_mark(frame: Frame) -> str | None:
    return None if frame.tracked is None else hex(frame.tracked.mark)


_STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
"""In the order iptables-save prints them."""


def states_of(frame: Frame) -> tuple[str, ...]:
    tracked = frame.tracked
    if tracked is None:
        return (frame.state,)
    return (
        frame.state,
        *(("SNAT",) if tracked.source_translated else ()),
        *(("DNAT",) if tracked.destination_translated else ()),
    )


def _state(known: tuple[str, ...]) -> Compile:
    def compile_state(at: Occurrence) -> Match:
        wanted = frozenset(at.values[0].upper().split(","))
        if not wanted <= set(known):
            raise ValueError(f"{at.values[0]!r} are not connection states")
        negated = at.negated
        translated = not wanted.isdisjoint(("SNAT", "DNAT"))

        def holds(frame: Frame) -> bool:
            seen = frame.state in wanted or (translated and not wanted.isdisjoint(states_of(frame)))
            return seen is not negated

        text = ",".join(state for state in _STATES if state in wanted)
        return matching(at, text, holds, states_of, ",".join)

    return compile_state


def _of_connection(
    at: Occurrence, text: str, test: Callable[[Tracked, Frame], bool], read: Callable[[Tracked, Frame], object]
) -> Match:
    """A packet without a connection passes what stands beside --ctstate (linux net/netfilter/xt_conntrack.c)."""
    negated, untracked = at.negated, "--ctstate" in at.beside

    def holds(frame: Frame) -> bool:
        tracked = frame.tracked
        return untracked if tracked is None else test(tracked, frame) is not negated

    def seen(frame: Frame) -> object:
        return None if frame.tracked is None else read(frame.tracked, frame)

    return matching(at, text, holds, seen)


def _ends_address(read: Callable[[Tracked], int]) -> Compile:
    def compile_address(at: Occurrence) -> Match:
        network, mask = values.prefix(at.values[0], v6=at.v6)
        full = prefix_length(mask) == (128 if network >= V6_BIT else 32)
        text = values.address_text(network) if full else values.prefix_text(network, mask)
        return _of_connection(
            at, text, lambda tracked, _: read(tracked) & mask == network, lambda tracked, _: format_ip(read(tracked))
        )

    return compile_address


def _ends_port(read: Callable[[Tracked], int]) -> Compile:
    def compile_port(at: Occurrence) -> Match:
        ports = values.port_range(at.values[0])
        return _of_connection(
            at, values.range_text(ports), lambda tracked, _: read(tracked) in ports, lambda tracked, _: read(tracked)
        )

    return compile_port


def _protocol(at: Occurrence) -> Match:
    name = values.protocol(at.values[0])
    number = str(values.PROTOCOLS.get(name, name))
    return _of_connection(at, number, lambda tracked, _: tracked.protocol == name, lambda tracked, _: tracked.protocol)


def _direction(at: Occurrence) -> Match:
    wanted = at.values[0].upper()
    if wanted not in ("ORIGINAL", "REPLY"):
        raise ValueError(f"{at.values[0]!r} is not a direction")
    direction = ORIGINAL if wanted == "ORIGINAL" else REPLY
    return _of_connection(at, wanted, lambda _, frame: frame.direction == direction, lambda _, frame: frame.direction)


_STATUSES = ("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")


def _status(at: Occurrence) -> Match:
    wanted = frozenset(at.values[0].upper().split(","))
    if not wanted <= set(_STATUSES):
        raise ValueError(f"{at.values[0]!r} are not connection statuses")

    def statuses(tracked: Tracked, frame: Frame) -> frozenset[str]:
        confirmed = frame.confirmed or tracked.template
        return frozenset(
            (*(("CONFIRMED",) if confirmed else ()), *(("SEEN_REPLY",) if frame.direction == REPLY else ()))
        )

    text = ",".join(status for status in _STATUSES if status in wanted)
    return _of_connection(
        at,
        text,
        lambda tracked, frame: not wanted.isdisjoint(statuses(tracked, frame)),
        lambda tracked, frame: ",".join(sorted(statuses(tracked, frame))),
    )


MARK = {"--mark": Option(_mark)}
CONNMARK = {"--mark": Option(_connection_mark)}
CONNTRACK = {
    "--ctstate": Option(_state(_STATES)),
    "--ctproto": Option(_protocol),
    "--ctorigsrc": Option(_ends_address(lambda tracked: tracked.original.source)),
    "--ctorigdst": Option(_ends_address(lambda tracked: tracked.original.destination)),
    "--ctreplsrc": Option(_ends_address(lambda tracked: tracked.answer.source)),
    "--ctrepldst": Option(_ends_address(lambda tracked: tracked.answer.destination)),
    "--ctorigsrcport": Option(_ends_port(lambda tracked: tracked.original.source_port)),
    "--ctorigdstport": Option(_ends_port(lambda tracked: tracked.original.destination_port)),
    "--ctreplsrcport": Option(_ends_port(lambda tracked: tracked.answer.source_port)),
    "--ctrepldstport": Option(_ends_port(lambda tracked: tracked.answer.destination_port)),
    "--ctstatus": Option(_status),
    "--ctexpire": Option(unmodelled_option),
    "--ctdir": Option(_direction, negatable=False),
}
STATE = {"--state": Option(_state(_STATES[:5]))}
