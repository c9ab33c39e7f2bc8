"""The matches of a rule: each option is one entry in a table, with the condition it means.

Conditions are small closures over one frame, because a walk asks some ten of them. Modules that are not in MATCHES
load as unmodelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter

from ..address import format_ip
from . import values
from .frame import NO_OWNER, Frame
from .options import Occurrence, Option, matching, spelled, unmodelled_option
from .rules import Match
from .words import quote_word

Holds = Callable[[Frame], bool]
Compile = Callable[[Occurrence], Match]


def always(_frame: Frame) -> bool:
    """The condition of an option that asks nothing; the walk leaves it out."""
    return True


def _never(_frame: Frame) -> bool:
    return False


_NOTHING = attrgetter("protocol")
"""What an option without a condition reads: nobody is shown it."""


def _silent(at: Occurrence, *words: str, want: str = "") -> Match:
    """An option that asks nothing of the packet."""
    return Match(at.what, want, words, always, _NOTHING)


# -- options without a module -------------------------------------------------------------------------------------


def _protocol(at: Occurrence) -> Match:
    name = values.protocol(at.values[0])
    if name == "all":
        if at.negated:
            raise ValueError("no packet is of none of all protocols")
        return _silent(at)
    if at.negated:
        return matching(at, name, lambda frame: frame.protocol != name, attrgetter("protocol"))
    return matching(at, name, lambda frame: frame.protocol == name, attrgetter("protocol"))


def _address(at: Occurrence, source: bool) -> Match:
    network, mask = values.prefix(at.values[0], v6=at.v6)
    text = values.prefix_text(network, mask)
    if text.endswith("/0") and not at.negated:
        return _silent(at)
    if source and at.negated:
        holds: Holds = lambda frame: frame.source & mask != network  # noqa: E731
    elif source:
        holds = lambda frame: frame.source & mask == network  # noqa: E731
    elif at.negated:
        holds = lambda frame: frame.destination & mask != network  # noqa: E731
    else:
        holds = lambda frame: frame.destination & mask == network  # noqa: E731
    return matching(at, text, holds, attrgetter("source" if source else "destination"), format_ip)


def _source(at: Occurrence) -> Match:
    return _address(at, source=True)


def _destination(at: Occurrence) -> Match:
    return _address(at, source=False)


def _incoming(at: Occurrence) -> Match:
    name, negated = values.interface(at.values[0]), at.negated
    holds: Holds = lambda frame: (frame.incoming == name) is not negated  # noqa: E731
    if name.endswith("+"):
        holds = lambda frame: frame.incoming.startswith(name[:-1]) is not negated  # noqa: E731
    return matching(at, name, holds, attrgetter("incoming"))


def _outgoing(at: Occurrence) -> Match:
    name, negated = values.interface(at.values[0]), at.negated
    holds: Holds = lambda frame: (frame.outgoing == name) is not negated  # noqa: E731
    if name.endswith("+"):
        holds = lambda frame: frame.outgoing.startswith(name[:-1]) is not negated  # noqa: E731
    return matching(at, name, holds, attrgetter("outgoing"))


def _fragment(at: Occurrence) -> Match:
    """The first packet of a connection is never a later fragment."""
    return Match(at.what, "", spelled(at), always if at.negated else _never, _NOTHING)


BASE: Mapping[str, Option] = {
    "-s": Option(_source, aliases=("--source", "--src")),
    "-d": Option(_destination, aliases=("--destination", "--dst")),
    "-i": Option(_incoming, aliases=("--in-interface",)),
    "-o": Option(_outgoing, aliases=("--out-interface",)),
    "-p": Option(_protocol, aliases=("--protocol", "--proto")),
    "-f": Option(_fragment, values=0, aliases=("--fragment",)),
}
"""In the order iptables-save prints them."""


# -- tcp, udp, multiport ------------------------------------------------------------------------------------------


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
    """The first packet of a connection carries SYN and no other flag."""
    mask, compared = ("FIN,SYN,RST,ACK", "SYN") if at.option == "--syn" else at.values
    examined, wanted = _flag_set(mask), _flag_set(compared)
    text = f"{_flag_text(examined)} {_flag_text(wanted)}"
    words = (*(("!",) if at.negated else ()), "--tcp-flags", *text.split())
    same = frozenset({"SYN"}) & examined == wanted
    return Match(at.what, text, words, _never if same is at.negated else always, lambda _frame: "SYN")


_SPORT = Option(_port("source_port"), aliases=("--source-port",))
_DPORT = Option(_port("destination_port"), aliases=("--destination-port",))


# -- owner, mark, conntrack, addrtype -----------------------------------------------------------------------------


def _shown_owner(seen: int) -> int | None:
    return None if seen == NO_OWNER else seen


def _uid(at: Occurrence) -> Match:
    wanted, negated = values.id_range(at.values[0]), at.negated
    text, only = values.range_text(wanted, "-"), wanted.start
    if len(wanted) > 1:
        return matching(at, text, lambda frame: (frame.uid in wanted) is not negated, attrgetter("uid"), _shown_owner)
    if negated:
        return matching(at, text, lambda frame: frame.uid != only, attrgetter("uid"), _shown_owner)
    return matching(at, text, lambda frame: frame.uid == only, attrgetter("uid"), _shown_owner)


def _gid(at: Occurrence) -> Match:
    wanted, negated = values.id_range(at.values[0]), at.negated
    text, only = values.range_text(wanted, "-"), wanted.start
    if "--suppl-groups" in at.beside:

        def any_group(frame: Frame) -> bool:
            return (frame.gid in wanted or any(group in wanted for group in frame.groups)) is not negated

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


def _modifier(at: Occurrence) -> Match:
    """An option that only changes what one beside it means."""
    return _silent(at, at.option)


def _mark(at: Occurrence) -> Match:
    value, mask = values.mark(at.values[0])
    negated = at.negated
    text = values.mark_text(value, mask)
    return matching(at, text, lambda frame: (frame.mark & mask == value) is not negated, attrgetter("mark"), hex)


_STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
"""In the order iptables-save prints them."""


def _state(known: tuple[str, ...]) -> Compile:
    def compile_state(at: Occurrence) -> Match:
        wanted = frozenset(at.values[0].upper().split(","))
        if not wanted <= set(known):
            raise ValueError(f"{at.values[0]!r} are not connection states")
        negated = at.negated

        def holds(frame: Frame) -> bool:
            return (frame.state in wanted or (frame.translated and "DNAT" in wanted)) is not negated

        text = ",".join(state for state in _STATES if state in wanted)
        return matching(at, text, holds, attrgetter("state", "translated"), _shown_state)

    return compile_state


def _shown_state(seen: tuple[str, bool]) -> str:
    return f"{seen[0]},DNAT" if seen[1] else seen[0]


_TYPES = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT",
    "THROW", "NAT", "XRESOLVE",
)  # fmt: skip


def _address_type(field: str) -> Compile:
    """Only LOCAL can be told from what is known of a namespace's routes."""
    read_address: Callable[[Frame], int] = attrgetter(field)

    def is_local(frame: Frame) -> bool:
        return frame.addresses.is_local(read_address(frame))

    def compile_type(at: Occurrence) -> Match:
        kinds, negated = at.values[0].upper(), at.negated
        if not set(kinds.split(",")) <= set(_TYPES):
            raise ValueError(f"{at.values[0]!r} are not address types")
        if kinds != "LOCAL" or at.beside & {"--limit-iface-in", "--limit-iface-out"}:
            return unmodelled_option(at)
        return matching(at, kinds, lambda frame: is_local(frame) is not negated, read_address, format_ip)

    return compile_type


def _comment(at: Occurrence) -> Match:
    return _silent(at, at.option, quote_word(at.values[0]), want=at.values[0])


_UNMODELLED = Option(unmodelled_option)

MATCHES: Mapping[str, Mapping[str, Option]] = {
    "tcp": {
        "--sport": _SPORT,
        "--dport": _DPORT,
        "--tcp-option": _UNMODELLED,
        "--tcp-flags": Option(_tcp_flags, values=2),
        "--syn": Option(_tcp_flags, values=0),
    },
    "udp": {"--sport": _SPORT, "--dport": _DPORT},
    "multiport": {
        "--sports": Option(_ports("source_port"), aliases=("--source-ports",)),
        "--dports": Option(_ports("destination_port"), aliases=("--destination-ports",)),
        "--ports": Option(_either_port),
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
        "--ctproto": _UNMODELLED,
        "--ctorigsrc": _UNMODELLED,
        "--ctorigdst": _UNMODELLED,
        "--ctreplsrc": _UNMODELLED,
        "--ctrepldst": _UNMODELLED,
        "--ctorigsrcport": _UNMODELLED,
        "--ctorigdstport": _UNMODELLED,
        "--ctreplsrcport": _UNMODELLED,
        "--ctrepldstport": _UNMODELLED,
        "--ctstatus": _UNMODELLED,
        "--ctexpire": _UNMODELLED,
        "--ctdir": _UNMODELLED,
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
