"""The matches that look at ports, TCP flags and ranges of addresses: tcp, udp, icmp, multiport, iprange."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from ..address import format_ip
from . import values
from .frame import Frame
from .options import Occurrence, Option, always, matching, never, spelled, unmodelled_option
from .rules import Match

Compile = Callable[[Occurrence], Match]


def _port(field: str) -> Compile:
    read: Callable[[Frame], int] = attrgetter(field)

    def compile_port(at: Occurrence) -> Match:
        ports = values.port_range(at.values[0])
        text, first, negated = values.range_text(ports), ports.start, at.negated
        if len(ports) > 1:
            return matching(at, text, lambda frame: (read(frame) in ports) is not negated, read)
        if negated:
            return matching(at, text, lambda frame: read(frame) != first, read)
        return matching(at, text, lambda frame: read(frame) == first, read)

    return compile_port


def _port_list(text: str) -> tuple[frozenset[int], str]:
    ranges = tuple(values.port_range(part) for part in text.split(","))
    if sum(2 if len(ports) > 1 else 1 for ports in ranges) > 15:
        raise ValueError("multiport holds at most 15 ports")
    return frozenset(port for ports in ranges for port in ports), ",".join(map(values.range_text, ranges))


def _ports(field: str) -> Compile:
    read: Callable[[Frame], int] = attrgetter(field)

    def compile_ports(at: Occurrence) -> Match:
        wanted, text = _port_list(at.values[0])
        negated = at.negated
        return matching(at, text, lambda frame: (read(frame) in wanted) is not negated, read)

    return compile_ports


def _either_port(at: Occurrence) -> Match:
    wanted, text = _port_list(at.values[0])
    negated = at.negated

    def holds(frame: Frame) -> bool:
        return (frame.source_port in wanted or frame.destination_port in wanted) is not negated

    return matching(at, text, holds, attrgetter("source_port", "destination_port"), list)


_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


def _flag_set(text: str) -> frozenset[str]:
    names: tuple[str, ...] = {"ALL": _FLAGS, "NONE": ()}.get(text.upper(), tuple(text.upper().split(",")))
    if not set(names) <= set(_FLAGS):
        raise ValueError(f"{text!r} are not TCP flags")
    return frozenset(names)


def _flag_text(flags: frozenset[str]) -> str:
    return ",".join(flag for flag in _FLAGS if flag in flags) or "NONE"


def _tcp_flags(at: Occurrence) -> Match:
    mask, compared = ("FIN,SYN,RST,ACK", "SYN") if at.option == "--syn" else at.values
    examined, wanted = _flag_set(mask), _flag_set(compared)
    text = f"{_flag_text(examined)} {_flag_text(wanted)}"
    words = (*(("!",) if at.negated else ()), "--tcp-flags", *text.split())
    negated = at.negated

    def holds(frame: Frame) -> bool:
        return (frame.flags & examined == wanted) is not negated

    return Match(at.what, text, words, holds, attrgetter("flags"), _flag_text)


def _icmp_type(at: Occurrence) -> Match:
    """No packet of a call is ICMP, and `-p` has already said so."""
    holds = always if at.negated else never
    return Match(at.what, at.values[0], spelled(at, *at.values), holds, attrgetter("protocol"))


def _address_range(field: str) -> Compile:
    read: Callable[[Frame], int] = attrgetter(field)

    def compile_range(at: Occurrence) -> Match:
        first_text, dash, last_text = at.values[0].partition("-")
        first = values.address(first_text, v6=at.v6)
        last = values.address(last_text, v6=at.v6) if dash else first
        if last < first:
            raise ValueError(f"{at.values[0]!r} ends before it begins")
        text, negated = f"{values.address_text(first)}-{values.address_text(last)}", at.negated
        return matching(at, text, lambda frame: (first <= read(frame) <= last) is not negated, read, format_ip)

    return compile_range


SPORT = Option(_port("source_port"), aliases=("--source-port",))
DPORT = Option(_port("destination_port"), aliases=("--destination-port",))

TCP = {
    "--sport": SPORT,
    "--dport": DPORT,
    "--tcp-option": Option(unmodelled_option),
    "--tcp-flags": Option(_tcp_flags, values=2),
    "--syn": Option(_tcp_flags, values=0),
}
UDP = {"--sport": SPORT, "--dport": DPORT}
ICMP = {"--icmp-type": Option(_icmp_type)}
ICMPV6 = {"--icmpv6-type": Option(_icmp_type)}
MULTIPORT = {
    "--sports": Option(_ports("source_port"), aliases=("--source-ports",)),
    "--dports": Option(_ports("destination_port"), aliases=("--destination-ports",)),
    "--ports": Option(_either_port),
}
IPRANGE = {
    "--src-range": Option(_address_range("source")),
    "--dst-range": Option(_address_range("destination")),
}
