"""What `ss -Hltunpe` prints: who listens in a pod, as host facts. Columns by position, the rest by name.

A pod whose sockets are listed refuses on every other port. What the application behind one speaks, `ss` cannot say.
"""

from __future__ import annotations

import re

from attrs import evolve

from ..address import ANY_V6, V6_BIT, parse_ip
from ..errors import InputError
from ..place import Place
from .documents import Document
from .host_facts import HostFacts, StatedSocket

_LINE = re.compile(
    r"\s*(?:(?P<netid>tcp|udp)\s+)?(?P<state>LISTEN|UNCONN)\s+\d+\s+\d+\s+(?P<local>\S+):(?P<port>\d+|\*)\s+\S+:\S+(?P<rest>.*)"
)
_HEADER = re.compile(r"\s*(?:Netid\s+)?State\s+Recv-Q")
_SOCKET_LINE = re.compile(_LINE.pattern, re.MULTILINE)
_PROCESS = re.compile(r'\("([^"]*)",pid=\d+')
_UID = re.compile(r"\buid:(\d+)")
_V6ONLY = re.compile(r"\bv6only:(\d)")


def looks_like_sockets(text: str) -> bool:
    return _SOCKET_LINE.search(text) is not None


def read_sockets(document: Document) -> HostFacts:
    place = Place(document.name)
    found: dict[tuple[str, int, int], StatedSocket] = {}
    for number, line in enumerate(document.source.text().splitlines(), 1):
        if not line.strip() or _HEADER.match(line):
            continue
        socket = _socket(line, place.at_line(number))
        if socket is not None:
            # Several lines of one address are one port shared by SO_REUSEPORT.
            found.setdefault((socket.protocol, socket.ip, socket.port), socket)
    return HostFacts(place=place, sockets=tuple(found.values()), sockets_stated=True)


def _socket(line: str, place: Place) -> StatedSocket | None:
    """A listening socket; None for a line about another kind of socket."""
    row = _LINE.match(line)
    if row is None:
        if re.match(r"\s*(?:u_|nl\b|p_|v_|icmp|raw|sctp|mptcp|xdp|ESTAB|TIME-WAIT|(?:tcp|udp)\s+[A-Z])", line):
            return None
        raise InputError(
            "bad-ss-output", "this line is no socket as ss prints it", place=place, hint="take it again: ss -Hltunpe"
        )
    if row["port"] == "*" or int(row["port"]) > 65535:
        return None
    protocol = row["netid"] or ("tcp" if row["state"] == "LISTEN" else "udp")
    rest = row["rest"]
    try:
        ip, dual = _local(row["local"])
    except ValueError as error:
        message = str(error)
        hint = "take it again with numeric addresses: ss -Hltunpe"
        raise InputError("bad-ss-output", message[0].lower() + message[1:], place=place, hint=hint) from None
    only = _V6ONLY.search(rest)
    uid = _UID.search(rest)
    socket = StatedSocket(
        ip=ip,
        port=int(row["port"]),
        place=place,
        protocol=protocol,
        speaks=protocol,
        # ss -e leaves the uid out where it is root's
        uid=int(uid[1]) if uid is not None else 0 if "ino:" in rest else None,
        process=next(iter(_PROCESS.findall(rest)), ""),
    )
    return evolve(socket, v6only=only[1] == "1" if only is not None else not dual) if ip == ANY_V6 else socket


def _local(text: str) -> tuple[int, bool]:
    """(address, whether `*` said that it takes both families)."""
    host = text.partition("%")[0].strip("[]")
    if host == "*":
        return ANY_V6, True
    return _unmapped(parse_ip(host)), False


def _unmapped(ip: int) -> int:
    """An IPv6 socket on ::ffff:a.b.c.d takes what comes to a.b.c.d."""
    return ip & 0xFFFFFFFF if (ip ^ V6_BIT) >> 32 == 0xFFFF else ip
