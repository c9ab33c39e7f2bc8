"""The matches of a rule: each option is one entry in a table, with the condition it means.

Reads are attribute getters and tests are built-in methods where possible: the walk calls two of them for each
condition. Modules that are not in MATCHES load as unmodelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from ..address import format_ip
from . import values
from .frame import NO_OWNER, Frame
from .options import Occurrence, Option, matching, spelled, unmodelled_option
from .rules import Match

Test = Callable[[Any], bool]


def always(_seen: object) -> bool:
    """The test of an option that asks nothing; the walk leaves it out."""
    return True


def _never(_seen: object) -> bool:
    return False


def _equals(wanted: int | str, *, negated: bool) -> Test:
    return wanted.__ne__ if negated else wanted.__eq__


def _within(wanted: range, *, negated: bool) -> Test:
    if len(wanted) == 1:
        return _equals(wanted.start, negated=negated)
    if negated:
        return lambda seen: seen not in wanted
    return wanted.__contains__


# -- options without a module -------------------------------------------------------------------------------------


def _protocol(at: Occurrence) -> Match:
    name = values.protocol(at.values[0])
    if name == "all":
        if at.negated:
            raise ValueError("no packet is of none of all protocols")
        return Match(at.what, name, (), attrgetter("protocol"), always)
    return matching(at, name, attrgetter("protocol"), _equals(name, negated=at.negated))


def _address(field: str) -> Callable[[Occurrence], Match]:
    read = attrgetter(field)

    def compile_address(at: Occurrence) -> Match:
        network, mask = values.prefix(at.values[0], v6=at.v6)
        text = values.prefix_text(network, mask)
        if at.negated:
            return matching(at, text, read, lambda ip: ip & mask != network, format_ip)
        if values.prefix_text(network, mask).endswith("/0"):
            return Match(at.what, text, (), read, always, format_ip)
        return matching(at, text, read, lambda ip: ip & mask == network, format_ip)

    return compile_address


def _interface(field: str) -> Callable[[Occurrence], Match]:
    read = attrgetter(field)

    def compile_interface(at: Occurrence) -> Match:
        name = values.interface(at.values[0])
        if not name.endswith("+"):
            return matching(at, name, read, _equals(name, negated=at.negated))
        start = name[:-1]
        if at.negated:
            return matching(at, name, read, lambda device: not device.startswith(start))
        return matching(at, name, read, lambda device: device.startswith(start))

    return compile_interface


def _fragment(at: Occurrence) -> Match:
    """The first packet of a connection is never a later fragment."""
    return Match(at.what, "", spelled(at), attrgetter("protocol"), always if at.negated else _never)


BASE: Mapping[str, Option] = {
    "-s": Option(_address("source"), aliases=("--source", "--src")),
    "-d": Option(_address("destination"), aliases=("--destination", "--dst")),
    "-i": Option(_interface("incoming"), aliases=("--in-interface",)),
    "-o": Option(_interface("outgoing"), aliases=("--out-interface",)),
    "-p": Option(_protocol, aliases=("--protocol", "--proto")),
    "-f": Option(_fragment, values=0, aliases=("--fragment",)),
}
"""In the order iptables-save prints them."""


# -- tcp, udp, multiport ------------------------------------------------------------------------------------------


def _port(field: str) -> Callable[[Occurrence], Match]:
    read = attrgetter(field)

    def compile_port(at: Occurrence) -> Match:
        ports = values.port_range(at.values[0])
        return matching(at, values.range_text(ports), read, _within(ports, negated=at.negated))

    return compile_port


def _port_list(text: str) -> tuple[tuple[range, ...], str]:
    ranges = tuple(values.port_range(part) for part in text.split(","))
    if sum(2 if len(ports) > 1 else 1 for ports in ranges) > 15:
        raise ValueError("multiport holds at most 15 ports")
    return ranges, ",".join(values.range_text(ports) for ports in ranges)


def _ports(*fields: str) -> Callable[[Occurrence], Match]:
    """--ports compares both ports, the others one."""
    read = attrgetter(*fields)
    both = len(fields) == 2

    def compile_ports(at: Occurrence) -> Match:
        ranges, text = _port_list(at.values[0])
        wanted = frozenset(port for ports in ranges for port in ports)
        negated = at.negated
        if both:
            return matching(at, text, read, lambda seen: (seen[0] in wanted or seen[1] in wanted) is not negated, list)
        if negated:
            return matching(at, text, read, lambda seen: seen not in wanted)
        return matching(at, text, read, wanted.__contains__)

    return compile_ports


_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


def _flag_set(text: str) -> frozenset[str]:
    names = {"ALL": _FLAGS, "NONE": ()}.get(text.upper()) or (() if text.upper() == "NONE" else text.upper().split(","))
    if not set(names) <= set(_FLAGS):
        raise ValueError(f"{text!r} are not TCP flags")
    return frozenset(names)


def _flag_text(flags: frozenset[str]) -> str:
    return ",".join(flag for flag in _FLAGS if flag in flags) or "NONE"


def _tcp_flags(at: Occurrence) -> Match:
    """The first packet of a connection carries SYN and no other flag."""
    mask, compared = ("FIN,SYN,RST,ACK", "SYN") if at.option == "--syn" else at.values
    examined, wanted = _flag_set(mask), _flag_set(compared)
    holds = (frozenset({"SYN"}) & examined == wanted) is not at.negated
    text = f"{_flag_text(examined)} {_flag_text(wanted)}"
    words = (*(("!",) if at.negated else ()), "--tcp-flags", *text.split())
    return Match(at.what, text, words, _first_flags, always if holds else _never)


def _first_flags(_frame: Frame) -> str:
    return "SYN"


_SPORT = Option(_port("source_port"), aliases=("--source-port",))
_DPORT = Option(_port("destination_port"), aliases=("--destination-port",))


# -- owner, mark, conntrack, addrtype -----------------------------------------------------------------------------


def _shown_owner(seen: int) -> int | None:
    return None if seen == NO_OWNER else seen


def _uid(at: Occurrence) -> Match:
    wanted = values.id_range(at.values[0])
    text = values.range_text(wanted, "-")
    return matching(at, text, attrgetter("uid"), _within(wanted, negated=at.negated), _shown_owner)


def _gid(at: Occurrence) -> Match:
    wanted = values.id_range(at.values[0])
    text = values.range_text(wanted, "-")
    if "--suppl-groups" not in at.beside:
        return matching(at, text, attrgetter("gid"), _within(wanted, negated=at.negated), _shown_owner)
    negated = at.negated

    def any_group(seen: tuple[int, frozenset[int]]) -> bool:
        return (seen[0] in wanted or any(group in wanted for group in seen[1])) is not negated

    return matching(at, text, attrgetter("gid", "groups"), any_group, lambda seen: [seen[0], *sorted(seen[1])])


def _socket_exists(at: Occurrence) -> Match:
    test = NO_OWNER.__eq__ if at.negated else NO_OWNER.__ne__
    return Match(at.what, "", spelled(at), attrgetter("uid"), test, _shown_owner)


def _modifier(at: Occurrence) -> Match:
    """An option that only changes what one beside it means."""
    return Match(at.what, "", spelled(at), attrgetter("protocol"), always)


def _mark(at: Occurrence) -> Match:
    value, mask = values.mark(at.values[0])
    negated = at.negated
    text = values.mark_text(value, mask)
    if mask == 0xFFFFFFFF:
        return matching(at, text, attrgetter("mark"), _equals(value, negated=negated), hex)
    return matching(at, text, attrgetter("mark"), lambda mark: (mark & mask == value) is not negated, hex)


_STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
"""In the order iptables-save prints them."""


def _state(known: tuple[str, ...]) -> Callable[[Occurrence], Match]:
    def compile_state(at: Occurrence) -> Match:
        wanted = frozenset(at.values[0].upper().split(","))
        if not wanted <= set(known):
            raise ValueError(f"{at.values[0]!r} are not connection states")
        negated = at.negated

        def in_state(seen: tuple[str, bool]) -> bool:
            return (seen[0] in wanted or (seen[1] and "DNAT" in wanted)) is not negated

        text = ",".join(state for state in _STATES if state in wanted)
        return matching(at, text, attrgetter("state", "translated"), in_state, _shown_state)

    return compile_state


def _shown_state(seen: tuple[str, bool]) -> str:
    return f"{seen[0]},DNAT" if seen[1] else seen[0]


_TYPES = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT",
    "THROW", "NAT", "XRESOLVE",
)  # fmt: skip


def _address_type(field: str) -> Callable[[Occurrence], Match]:
    """Only LOCAL can be told from what is known of a namespace's routes."""

    def compile_type(at: Occurrence) -> Match:
        kinds = at.values[0].upper()
        if not set(kinds.split(",")) <= set(_TYPES):
            raise ValueError(f"{at.values[0]!r} are not address types")
        if kinds != "LOCAL" or at.beside & {"--limit-iface-in", "--limit-iface-out"}:
            return unmodelled_option(at)
        return matching(at, kinds, _local_reader(field), (not at.negated).__eq__)

    return compile_type


def _local_reader(field: str) -> Callable[[Frame], bool]:
    read = attrgetter(field)
    return lambda frame: frame.addresses.is_local(read(frame))


def _comment(at: Occurrence) -> Match:
    return Match(at.what, at.values[0], spelled(at, *at.values), attrgetter("protocol"), always)


def _unmodelled(count: int = 1) -> Option:
    return Option(unmodelled_option, values=count)


MATCHES: Mapping[str, Mapping[str, Option]] = {
    "tcp": {
        "--sport": _SPORT,
        "--dport": _DPORT,
        "--tcp-option": _unmodelled(),
        "--tcp-flags": Option(_tcp_flags, values=2),
        "--syn": Option(_tcp_flags, values=0),
    },
    "udp": {"--sport": _SPORT, "--dport": _DPORT},
    "multiport": {
        "--sports": Option(_ports("source_port"), aliases=("--source-ports",)),
        "--dports": Option(_ports("destination_port"), aliases=("--destination-ports",)),
        "--ports": Option(_ports("source_port", "destination_port")),
    },
    "owner": {
        "--socket-exists": Option(_socket_exists, values=0),
        "--uid-owner": Option(_uid),
        "--gid-owner": Option(_gid),
        "--suppl-groups": Option(_modifier, values=0, negatable=False),
    },
    "mark": {"--mark": Option(_mark)},
    "conntrack": {
        "--ctstate": Option(_state(_STATES)),
        "--ctproto": _unmodelled(),
        "--ctorigsrc": _unmodelled(),
        "--ctorigdst": _unmodelled(),
        "--ctreplsrc": _unmodelled(),
        "--ctrepldst": _unmodelled(),
        "--ctorigsrcport": _unmodelled(),
        "--ctorigdstport": _unmodelled(),
        "--ctreplsrcport": _unmodelled(),
        "--ctrepldstport": _unmodelled(),
        "--ctstatus": _unmodelled(),
        "--ctexpire": _unmodelled(),
        "--ctdir": _unmodelled(),
    },
    "state": {"--state": Option(_state(_STATES[:5]))},
    "addrtype": {
        "--src-type": Option(_address_type("source")),
        "--dst-type": Option(_address_type("destination")),
        "--limit-iface-in": Option(_modifier, values=0, negatable=False),
        "--limit-iface-out": Option(_modifier, values=0, negatable=False),
    },
    "comment": {"--comment": Option(_comment, negatable=False)},
}
"""Module -> its options, in the order iptables-save prints them."""

PROTOCOL_MODULES = frozenset({"tcp", "udp"})
"""Modules that `-p` alone makes known, and that need it."""

NEEDS_PORTS = {"multiport": frozenset({"tcp", "udp", "udplite", "dccp", "sctp"})}
"""Modules that need one of these protocols."""

TRACKING_MATCHES = frozenset({"conntrack", "state", "connmark", "connbytes", "connlabel", "connlimit", "helper"})
"""Modules that switch conntrack on."""
