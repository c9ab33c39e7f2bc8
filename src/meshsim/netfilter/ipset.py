"""`ipset save` text -> sets, and whether a packet is in one. Knows no rules; a member is tested dimension by dimension.

Upstream: linux net/netfilter/ipset (hash:net keeps the longest prefix, `nomatch` entries are its exceptions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import define, field, frozen

from ..address import V6_BIT, make_prefix, parse_ip, prefix_length
from ..errors import InputError
from ..place import Place
from .values import PROTOCOLS, decimal
from .words import split_words

_REMEDY = "take the text anew with `ipset save`"
_DIMENSIONS = frozenset({"ip", "net", "port", "iface", "mark", "set"})
_MOST_DIMENSIONS = 3


@frozen
class Probe:
    """What one dimension of a set is asked, on the source or the destination side of a packet."""

    ip: int
    protocol: str
    port: int
    device: str
    mark: int


Part = Callable[[Probe], bool]


@frozen(eq=False)
class Entry:
    text: str
    parts: tuple[Part, ...]
    specific: int
    """Bits of its prefixes: of two entries that hold, the longer one counts."""
    excluded: bool
    place: Place


@define(eq=False)
class IpSet:
    """One set. Filled while its text is read, never changed afterwards."""

    name: str
    kind: str
    v6: bool
    place: Place
    entries: list[Entry] = field(factory=list)
    members: list[IpSet] = field(factory=list)
    """Of a list:set."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.kind.partition(":")[2].split(","))

    def holds(self, sides: Sequence[Probe]) -> bool:
        """Whether the packet is in the set; `sides` is what each dimension in turn looks at."""
        if self.kind == "list:set":
            return any(member.holds(sides) for member in self.members)
        if len(sides) < len(self.dimensions):
            return False
        best: Entry | None = None
        for entry in self.entries:
            if (best is None or entry.specific > best.specific) and all(map(_asked, entry.parts, sides)):
                best = entry
        return best is not None and not best.excluded


def _asked(part: Part, side: Probe) -> bool:
    return part(side)


def parse_ipset_save(text: str, document_name: str) -> dict[str, IpSet]:
    """Name -> set. InputError names the line that `ipset restore` would not take."""
    sets: dict[str, IpSet] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        place = Place(document_name, (), number)
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                _read_line(sets, line, place)
            except ValueError as problem:
                raise InputError("broken-ipset", str(problem), place=place, note=line.strip(), hint=_REMEDY) from None
    if not sets:
        raise InputError("no-ipset", "the file holds no set", place=Place(document_name, (), 1), hint=_REMEDY)
    return sets


def _read_line(sets: dict[str, IpSet], line: str, place: Place) -> None:
    words = [word.text for word in split_words(line)]
    if words[0] in ("create", "-N") and len(words) >= 3:
        name, kind, options = words[1], words[2], words[3:]
        if name in sets:
            raise ValueError(f"set {name!r} is created twice")
        method, _, dimensions = kind.partition(":")
        if method not in ("hash", "bitmap", "list") or not set(dimensions.split(",")) <= _DIMENSIONS | {"mac"}:
            raise ValueError(f"{kind!r} is no type of set")
        sets[name] = IpSet(name, kind, "inet6" in options, place)
    elif words[0] in ("add", "-A") and len(words) >= 3:
        held = sets.get(words[1])
        if held is None:
            raise ValueError(f"set {words[1]!r} is not created before this line")
        if held.kind == "list:set":
            member = sets.get(words[2])
            if member is None or member.kind == "list:set":
                raise ValueError(f"{words[2]!r} is no set that a list may hold")
            held.members.append(member)
        else:
            held.entries.append(_entry(held, words[2], excluded="nomatch" in words[3:], place=place))
    elif words[0] not in ("COMMIT", "flush", "-F"):
        raise ValueError(f"{words[0]!r} does not begin a line of `ipset save`")


def _entry(held: IpSet, text: str, *, excluded: bool, place: Place) -> Entry:
    pieces = text.split(",")
    kinds = held.dimensions
    if len(pieces) != len(kinds) or len(pieces) > _MOST_DIMENSIONS:
        raise ValueError(f"{text!r} has not the {len(kinds)} parts of a {held.kind}")
    parts, specific = [], 0
    for kind, piece in zip(kinds, pieces, strict=True):
        part, bits = _READERS[kind](piece, held.v6)
        parts.append(part)
        specific += bits
    return Entry(text, tuple(parts), specific, excluded, place)


def _address_part(text: str, v6: bool) -> tuple[Part, int]:
    first_text, dash, last_text = text.partition("-")
    if dash:
        first, last = parse_ip(first_text), parse_ip(last_text)
        return lambda probe: first <= probe.ip <= last, 0
    base, slash, length = text.partition("/")
    ip = parse_ip(base)
    if (ip >= V6_BIT) is not v6:
        raise ValueError(f"{text!r} is not of the set's family")
    network, mask = make_prefix(ip, decimal(length, 128) if slash else 128)
    return lambda probe: probe.ip & mask == network, prefix_length(mask)


def _port_part(text: str, _v6: bool) -> tuple[Part, int]:
    protocol, colon, ports = text.rpartition(":")
    protocol = protocol.lower() if colon else "tcp"
    if protocol not in PROTOCOLS and not protocol.isdigit():
        raise ValueError(f"{text!r} names no protocol")
    first_text, _, last_text = ports.partition("-")
    first = decimal(first_text, 65535)
    last = decimal(last_text, 65535) if last_text else first
    return lambda probe: probe.protocol == protocol and first <= probe.port <= last, 0


def _bare_port_part(text: str, _v6: bool) -> tuple[Part, int]:
    first_text, _, last_text = text.partition("-")
    first = decimal(first_text, 65535)
    last = decimal(last_text, 65535) if last_text else first
    return lambda probe: probe.protocol in ("tcp", "udp") and first <= probe.port <= last, 0


def _device_part(text: str, _v6: bool) -> tuple[Part, int]:
    name = text.removeprefix("physdev:")
    return lambda probe: probe.device == name, 0


def _mark_part(text: str, _v6: bool) -> tuple[Part, int]:
    mark = decimal(text, 0xFFFFFFFF)
    return lambda probe: probe.mark == mark, 0


def _hardware_part(_text: str, _v6: bool) -> tuple[Part, int]:
    raise ValueError("sets of hardware addresses are not modelled")


_READERS: Mapping[str, Callable[[str, bool], tuple[Part, int]]] = {
    "ip": _address_part,
    "net": _address_part,
    "port": _port_part,
    "iface": _device_part,
    "mark": _mark_part,
    "mac": _hardware_part,
}
