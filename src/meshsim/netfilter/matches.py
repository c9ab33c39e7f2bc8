"""The table of matches: each option is one entry, with the condition it means.

Conditions are small closures over one frame, because a walk asks some ten of them. Modules that are not in MATCHES
load as unmodelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from ..address import format_ip
from . import match_chance, match_connection, match_host, match_ports, values
from .options import NOTHING, Holds, Occurrence, Option, WholeModule, always, matching, never, silent, spelled
from .rules import Match


def _protocol(at: Occurrence) -> Match:
    name = values.protocol(at.values[0])
    if name == "all":
        if at.negated:
            raise ValueError("no packet is of none of all protocols")
        return silent(at)
    if at.negated:
        return matching(at, name, lambda frame: frame.protocol != name, attrgetter("protocol"))
    return matching(at, name, lambda frame: frame.protocol == name, attrgetter("protocol"))


def _address(at: Occurrence, source: bool) -> Match:
    network, mask = values.prefix(at.values[0], v6=at.v6)
    text = values.prefix_text(network, mask)
    if text.endswith("/0") and not at.negated:
        return silent(at)
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
    return _interface(at, "incoming")


def _outgoing(at: Occurrence) -> Match:
    return _interface(at, "outgoing")


def _interface(at: Occurrence, field: str) -> Match:
    name, negated = values.interface(at.values[0]), at.negated
    read = attrgetter(field)
    if name == "+" and not negated:
        return silent(at)
    holds: Holds = lambda frame: (read(frame) == name) is not negated  # noqa: E731
    if name.endswith("+"):
        holds = lambda frame: read(frame).startswith(name[:-1]) is not negated  # noqa: E731
    return matching(at, name, holds, read)


def _fragment(at: Occurrence) -> Match:
    """The first packet of a connection is never a later fragment."""
    return Match(at.what, "", spelled(at), always if at.negated else never, NOTHING)


BASE: Mapping[str, Option] = {
    "-s": Option(_source, aliases=("--source", "--src")),
    "-d": Option(_destination, aliases=("--destination", "--dst")),
    "-i": Option(_incoming, aliases=("--in-interface",)),
    "-o": Option(_outgoing, aliases=("--out-interface",)),
    "-p": Option(_protocol, aliases=("--protocol", "--proto")),
    "-f": Option(_fragment, values=0, aliases=("--fragment",)),
}
"""In the order iptables-save prints them."""

MATCHES: Mapping[str, Mapping[str, Option]] = {
    "tcp": match_ports.TCP,
    "udp": match_ports.UDP,
    "icmp": match_ports.ICMP,
    "icmp6": match_ports.ICMPV6,
    "icmpv6": match_ports.ICMPV6,
    "multiport": match_ports.MULTIPORT,
    "iprange": match_ports.IPRANGE,
    "owner": match_host.OWNER,
    "addrtype": match_host.ADDRTYPE,
    "set": match_host.SET,
    "socket": match_host.SOCKET,
    "comment": match_host.COMMENT,
    "mark": match_connection.MARK,
    "connmark": match_connection.CONNMARK,
    "conntrack": match_connection.CONNTRACK,
    "state": match_connection.STATE,
    "statistic": match_chance.STATISTIC,
    "limit": match_chance.LIMIT,
}
"""Module -> its options, in the order iptables-save prints them."""

WHOLE_MODULES: Mapping[str, WholeModule] = {
    "socket": match_host.whole_socket,
    "statistic": match_chance.whole_statistic,
    "limit": match_chance.whole_limit,
}
"""Modules whose options mean something only together; also with none of them."""

PROTOCOL_MODULES: Mapping[str, str] = {
    "tcp": "tcp",
    "udp": "udp",
    "icmp": "icmp",
    "icmp6": "ipv6-icmp",
    "icmpv6": "ipv6-icmp",
}
"""Modules that `-p` alone makes known, and that need it: module -> protocol."""

NEEDS_PORTS = {"multiport": frozenset({"tcp", "udp", "udplite", "dccp", "sctp"})}
"""Modules that need one of these protocols."""

TRACKING_MATCHES = frozenset({"conntrack", "state", "connmark", "connbytes", "connlabel", "connlimit", "helper"})
"""Modules that switch conntrack on."""
