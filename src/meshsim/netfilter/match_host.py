"""The matches that ask the host about a packet: who sent it, whose address it carries, which set or socket it meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter

from ..address import format_endpoint, format_ip
from . import values
from .conntrack import Ends
from .frame import NO_OWNER, Frame
from .ipset import IpSet, Probe
from .options import (
    Given,
    Occurrence,
    Option,
    matching,
    modifier,
    silent,
    spelled,
    unmodelled_match,
    unmodelled_option,
)
from .rules import Match
from .words import quote_word

Compile = Callable[[Occurrence], Match]

# -- owner --------------------------------------------------------------------------------------------------------


def _shown_owner(seen: int) -> int | None:
    return None if seen == NO_OWNER else seen


def _uid(at: Occurrence) -> Match:
    wanted, negated = values.id_range(at.values[0], at.environment.users), at.negated
    text, only = values.range_text(wanted, "-"), wanted.start
    if len(wanted) > 1:
        return matching(at, text, lambda frame: (frame.uid in wanted) is not negated, attrgetter("uid"), _shown_owner)
    if negated:
        return matching(at, text, lambda frame: frame.uid != only, attrgetter("uid"), _shown_owner)
    return matching(at, text, lambda frame: frame.uid == only, attrgetter("uid"), _shown_owner)


def _gid(at: Occurrence) -> Match:
    wanted, negated = values.id_range(at.values[0], at.environment.groups), at.negated
    text, only = values.range_text(wanted, "-"), wanted.start
    if "--suppl-groups" in at.beside:

        def any_group(frame: Frame) -> bool:
            # without a socket the kernel's comparison of option bits fails on --suppl-groups, which has no negation
            found = frame.gid in wanted or any(group in wanted for group in frame.groups)
            return frame.gid != NO_OWNER and found is not negated

        return matching(at, text, any_group, lambda frame: [frame.gid, *sorted(frame.groups)])
    if len(wanted) > 1:
        return matching(at, text, lambda frame: (frame.gid in wanted) is not negated, attrgetter("gid"), _shown_owner)
    if negated:
        return matching(at, text, lambda frame: frame.gid != only, attrgetter("gid"), _shown_owner)
    return matching(at, text, lambda frame: frame.gid == only, attrgetter("gid"), _shown_owner)


def _socket_exists(at: Occurrence) -> Match:
    negated = at.negated
    read = attrgetter("uid")
    return Match(at.what, "", spelled(at), lambda frame: (frame.uid == NO_OWNER) is negated, read, _shown_owner)


# -- addrtype -----------------------------------------------------------------------------------------------------

_TYPES = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT",
    "THROW", "NAT", "XRESOLVE",
)  # fmt: skip
_ASK_ROUTES_V6 = frozenset({"LOCAL", "ANYCAST", "UNREACHABLE"})


def _address_type(field: str) -> Compile:
    read_address: Callable[[Frame], int] = attrgetter(field)

    def compile_type(at: Occurrence) -> Match:
        kinds, negated = frozenset(at.values[0].upper().split(",")), at.negated
        if not kinds <= set(_TYPES):
            raise ValueError(f"{at.values[0]!r} are not address types")

        def type_of(frame: Frame) -> str:
            device = ""
            if "--limit-iface-in" in at.beside:
                device = frame.incoming
            elif "--limit-iface-out" in at.beside:
                device = frame.outgoing
            return frame.addresses.type_of(read_address(frame), device)

        def holds(frame: Frame) -> bool:
            seen = type_of(frame)
            if not at.v6:
                return (seen in kinds) is not negated
            # linux net/netfilter/xt_addrtype.c match_type6: a LOCAL address is a UNICAST one too
            if ("MULTICAST" in kinds and seen != "MULTICAST") or ("UNICAST" in kinds and seen == "MULTICAST"):
                return negated
            asked = kinds & _ASK_ROUTES_V6
            return (not asked or seen in asked) is not negated

        text = ",".join(kind for kind in _TYPES if kind in kinds)
        return matching(at, text, holds, lambda frame: f"{format_ip(read_address(frame))} {type_of(frame)}")

    return compile_type


# -- socket, set --------------------------------------------------------------------------------------------------


def whole_socket(at: Occurrence, given: Mapping[str, Given]) -> Match:
    """linux net/ipv4/netfilter/nf_socket_ipv4.c: a socket that listens where the packet goes, wildcards left out."""
    words = tuple(given)
    what = " ".join((at.what, *words))
    if "--restore-skmark" in given:
        return unmodelled_match(at, what, words)
    wildcards, transparent = "--nowildcard" in given, "--transparent" in given

    def holds(frame: Frame) -> bool:
        if frame.waiting is not None and frame.waiting_for is not None and _is_awaited(frame, frame.waiting_for):
            return frame.waiting.transparent or not transparent
        found = frame.socket or (
            frame.sockets.find(frame.protocol, frame.destination, frame.destination_port) if frame.sockets else None
        )
        return found is not None and (wildcards or not found.is_wildcard) and (found.transparent or not transparent)

    want = "transparent socket" if transparent else "socket"
    read = attrgetter("destination", "destination_port")
    return Match(what, want, words, holds, read, lambda ends: format_endpoint(*ends))


def _is_awaited(frame: Frame, awaited: Ends) -> bool:
    """The kernel undoes a translated source for this look-up, but not a translated destination."""
    tracked = frame.tracked
    ends = frame.ends
    if tracked is not None and frame.is_answer:
        ends = Ends(ends.source, ends.source_port, tracked.original.source, tracked.original.source_port)
    return ends == awaited


def _set(at: Occurrence) -> Match:
    name, flags = at.values
    sides = flags.split(",")
    if not set(sides) <= {"src", "dst"} or len(sides) > 6:
        raise ValueError(f"{flags!r} is not a list of src and dst")
    held = at.environment.sets.get(name)
    if held is None or "--return-nomatch" in at.beside or at.beside & _SET_COUNTERS:
        return unmodelled_option(at)
    return _in_set(at, held, sides)


def _in_set(at: Occurrence, held: IpSet, sides: list[str]) -> Match:
    negated = at.negated

    def probes(frame: Frame) -> list[Probe]:
        return [
            Probe(frame.source, frame.protocol, frame.source_port, frame.incoming, frame.mark)
            if side == "src"
            else Probe(frame.destination, frame.protocol, frame.destination_port, frame.outgoing, frame.mark)
            for side in sides
        ]

    def holds(frame: Frame) -> bool:
        return held.holds(probes(frame)) is not negated

    return Match(at.what, " ".join(at.values), spelled(at, *at.values), holds, lambda frame: _shown(probes(frame)))


def _shown(probes: list[Probe]) -> list[str]:
    return [f"{format_ip(probe.ip)} {probe.protocol}:{probe.port} {probe.device}".rstrip() for probe in probes]


_SET_COUNTERS = frozenset({"--packets-eq", "--packets-lt", "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt"})


def _comment(at: Occurrence) -> Match:
    return silent(at, at.option, quote_word(at.values[0]), want=at.values[0])


OWNER = {
    "--socket-exists": Option(_socket_exists, values=0),
    "--uid-owner": Option(_uid),
    "--gid-owner": Option(_gid),
    "--suppl-groups": Option(modifier, values=0, negatable=False),
}
ADDRTYPE = {
    "--src-type": Option(_address_type("source")),
    "--dst-type": Option(_address_type("destination")),
    "--limit-iface-in": Option(modifier, values=0, negatable=False),
    "--limit-iface-out": Option(modifier, values=0, negatable=False),
}
SOCKET = {
    option: Option(modifier, values=0, negatable=False)
    for option in ("--transparent", "--nowildcard", "--restore-skmark")
}
SET = {
    "--match-set": Option(_set, values=2, aliases=("--set",)),
    "--return-nomatch": Option(modifier, values=0, negatable=False),
    "--update-counters": Option(modifier, values=0),
    "--update-subcounters": Option(modifier, values=0),
    **{option: Option(modifier) for option in sorted(_SET_COUNTERS)},
}
COMMENT = {"--comment": Option(_comment, negatable=False)}
