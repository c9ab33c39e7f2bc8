"""filter_chain_match: the nine criteria of a filter chain as levels of a Sieve, in Envoy's fixed order.

Follows envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc: which key a connection tries
first at each level, and when `source_type` takes a client for local. Chains themselves live in `chains`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..address import LOOPBACK_V4, LOOPBACK_V6, V6_BIT, format_ip, make_prefix, parse_ip, prefix_length
from ..config.view import View
from ..errors import InputError, Rejected
from ..facts.connection import Connection
from ..match.sieve import Level
from ..place import Place

SOURCE_TYPES = ("ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL")
MATCH_FIELDS = (
    "destination_port",
    "prefix_ranges",
    "server_names",
    "transport_protocol",
    "application_protocols",
    "direct_source_prefix_ranges",
    "source_type",
    "source_prefix_ranges",
    "source_ports",
)
"""Field of filter_chain_match a level, in order."""

_UNIMPLEMENTED = ("address_suffix", "suffix_len")
_LONGEST_PREFIX, _LAST_PORT = 128, 65535

Keys = tuple[tuple[Hashable, ...], ...]

_EVERYWHERE = frozenset({(0, V6_BIT), (V6_BIT, V6_BIT), None})
"""0.0.0.0/0, ::/0 and no range at all: equal to Envoy's trie, and which subtree it keeps is a matter of hash order."""


def compile_keys(match: View | None) -> Keys:
    """The keys of one chain, a tuple a level; a level without a condition has its catch-all key alone."""
    if match is None:
        return ((0,), (None,), ("",), ("",), ("",), (None,), ("ANY",), (None,), (0,))
    for field in _UNIMPLEMENTED:
        if match.has(field):
            raise _refused("unimplemented-match-field", f"{field} is an unimplemented field", match.place_of(field))
    port = match.integer("destination_port", 0)
    if match.has("destination_port"):
        _check_port(port, match.place_of("destination_port"))
    return (
        (port,),
        _prefixes(match, "prefix_ranges"),
        tuple(_server_name(name, match) for name in match.texts("server_names")) or ("",),
        (match.text("transport_protocol", ""),),
        match.texts("application_protocols") or ("",),
        _prefixes(match, "direct_source_prefix_ranges"),
        (match.enum("source_type", SOURCE_TYPES),),
        _prefixes(match, "source_prefix_ranges"),
        _ports(match, "source_ports"),
    )


def _prefixes(match: View, field: str) -> tuple[Hashable, ...]:
    found = []
    for each in match.views(field):
        text = each.text("address_prefix", "")
        try:
            address = parse_ip(text)
        except ValueError:
            raise Rejected(
                "bad-prefix",
                f"{text!r} is no IP address",
                place=each.place,
                hint="give address_prefix as an IP address; Envoy refuses this listener too",
            ) from None
        length = each.integer("prefix_len", 0)
        if not 0 <= length <= _LONGEST_PREFIX:
            message = f"prefix_len {length} is not between 0 and {_LONGEST_PREFIX}"
            raise _refused("bad-prefix", message, each.place_of("prefix_len"))
        found.append(make_prefix(address, length))
    return tuple(found) or (None,)


def _ports(match: View, field: str) -> tuple[Hashable, ...]:
    stated = match.values(field)
    if not stated:
        return (0,)
    if not all(isinstance(port, int) and not isinstance(port, bool) for port in stated):
        raise InputError(
            "wrong-type",
            f"expected a list of ports in {field}",
            place=match.place_of(field),
            hint="take the file again from where it came; if it was edited, mend this value",
        )
    for port in stated:
        _check_port(port, match.place_of(field))
    return stated


def _check_port(port: int, place: Place) -> None:
    if not 1 <= port <= _LAST_PORT:
        raise _refused("bad-port", f"port {port} is not between 1 and {_LAST_PORT}", place)


def _refused(reference: str, message: str, place: Place) -> Rejected:
    return Rejected(reference, message, place=place, hint="mend the match; Envoy refuses this listener too")


def _server_name(name: str, match: View) -> str:
    lowered = name.lower()
    if lowered.startswith("*."):
        return lowered[1:]
    if "*" in lowered:
        raise Rejected(
            "partial-wildcard",
            f"server name {name!r} holds a wildcard that does not stand alone at the front",
            place=match.place_of("server_names"),
            hint="use `*.` before a whole domain, or no server_names for every name",
        )
    return lowered


def is_local(connection: Connection) -> bool:
    """SAME_IP_OR_LOOPBACK: the remote side is 127.0.0.1 or ::1 exactly, or the local address itself, or a pipe."""
    if connection.remote_name:
        return not connection.is_internal
    remote = connection.remote
    return remote in (LOOPBACK_V4, LOOPBACK_V6) or remote == connection.local


def levels(rows: Sequence[Keys]) -> tuple[Level[Connection], ...]:
    """The nine levels for these chains' keys; prefix levels try only lengths that are in use."""
    return (
        Level("destination_port", 0, lambda seen: (seen.local_port, 0), lambda seen: seen.local_port, _same),
        _prefix_level("prefix_ranges", rows, 1, lambda seen: seen.local),
        Level("server_names", "", _names, lambda seen: seen.sni, _name_text),
        Level("transport_protocol", "", lambda seen: (seen.transport, ""), lambda seen: seen.transport, _same),
        Level("application_protocols", "", lambda seen: (*seen.alpn, ""), lambda seen: list(seen.alpn), _same),
        _prefix_level("direct_source_prefix_ranges", rows, 5, lambda seen: seen.direct_remote),
        Level("source_type", "ANY", _source_types, lambda seen: _source_types(seen)[0], _same),
        _prefix_level("source_prefix_ranges", rows, 7, lambda seen: seen.remote),
        Level("source_ports", 0, lambda seen: (seen.remote_port, 0), lambda seen: seen.remote_port, _same),
    )


def _same(key: Any) -> Any:
    return key


def _source_types(connection: Connection) -> tuple[str, str]:
    return ("SAME_IP_OR_LOOPBACK" if is_local(connection) else "EXTERNAL", "ANY")


def _names(connection: Connection) -> tuple[str, ...]:
    """The name itself, then its suffixes from each dot on, longest first, then the catch-all."""
    name = connection.sni
    if not name:
        return ("",)
    suffixes = [name[at:] for at in range(1, len(name) - 1) if name[at] == "."]
    return (name, *suffixes, "")


def _name_text(key: str) -> str:
    return "*" + key if key.startswith(".") else key


def _prefix_level(field: str, rows: Sequence[Keys], index: int, read: Callable[[Connection], int]) -> Level[Connection]:
    masks = {key[1] for keys in rows for key in keys[index] if isinstance(key, tuple)}
    longest_first = sorted(masks, reverse=True)

    def tries(connection: Connection) -> list[Hashable]:
        address = read(connection)
        keys: list[Hashable] = [(address & mask, mask) for mask in longest_first]
        keys.append(None)
        return keys

    return Level(field, None, tries, lambda seen: format_ip(read(seen)), _prefix_text, _EVERYWHERE)


def _prefix_text(key: tuple[int, int] | None) -> str:
    return f"{format_ip(key[0])}/{prefix_length(key[1])}" if key is not None else "any"
