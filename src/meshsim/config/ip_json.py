"""What `ip -j addr`, `ip -j route show table all` and `ip -j rule` print (and their -4 and -6 forms), as host facts.

Addresses become ints; routes and rules become the lines that `ip` takes back, which is how host facts state them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..address import make_prefix, parse_ip
from ..errors import InputError
from ..place import Place
from .documents import Document
from .host_facts import HostFacts, Prefix
from .view import View

V6 = "v6:"
"""Before a line that is of IPv6 and does not show it."""


def looks_like_addresses(data: Any) -> bool:
    return _list_of(data, "ifname") and any("addr_info" in entry or "link_type" in entry for entry in data)


def looks_like_routes(data: Any) -> bool:
    return _list_of(data, "dst") and any(not {"dev", "type", "nexthops", "gateway"}.isdisjoint(entry) for entry in data)


def looks_like_rules(data: Any) -> bool:
    return _list_of(data, "priority") and any("table" in entry or "src" in entry for entry in data)


def _list_of(data: Any, key: str) -> bool:
    """A list of objects that have the key; `ip` prints `{}` for what a family filter left out."""
    if not isinstance(data, list) or not any(data):
        return False
    return all(isinstance(entry, dict) and (not entry or key in entry) for entry in data)


def read_addresses(document: Document) -> HostFacts:
    interfaces: dict[str, tuple[Prefix, ...]] = {}
    for link in _entries(document):
        held = tuple(_address(entry) for entry in link.views("addr_info") if entry.has("local"))
        if held:  # a device without an address takes no part in a call
            interfaces[link.text("ifname", "")] = held
    return HostFacts(place=Place(document.name), interfaces=interfaces)


def _address(entry: View) -> Prefix:
    try:
        ip = parse_ip(entry.text("local", ""))
        return ip, make_prefix(ip, entry.integer("prefixlen", 128 if entry.text("family") == "inet6" else 32))[1]
    except ValueError as error:
        raise _bad(entry, str(error)) from None


def read_routes(document: Document) -> HostFacts:
    lines = [line for route in _entries(document) for line in _route_lines(route)]
    return HostFacts(place=Place(document.name), routes=tuple(dict.fromkeys(lines)))


def _route_lines(route: View) -> Iterator[str]:
    words = [route.text("type", ""), route.text("dst", "default")]
    hops = route.views("nexthops")
    # Of several next hops the first stands for all: which one a connection takes is a hash nobody states.
    for hop in (route, *hops[:1]):
        words += _via(hop)
        words += _named(hop, "dev", "dev")
    words += _named(route, "src", "prefsrc") + _named(route, "metric", "metric") + _named(route, "table", "table")
    line = " ".join(filter(None, words))
    yield f"{V6} {line}" if route.has("pref") and ":" not in line else line


def _via(hop: View) -> list[str]:
    if hop.has("gateway"):
        return ["via", hop.text("gateway", "")]
    via = hop.view("via")
    return ["via", via.text("family", ""), via.text("host", "")] if via is not None else []


_STANDARD = ((0, "local"), (32766, "main"), (32767, "default"))
"""The rules every network namespace begins with."""


def read_rules(document: Document) -> HostFacts:
    """The rules beside the three that are always there; which family a plain one is of, those three tell."""
    rules = _entries(document)
    tables = {_standard(rule) for rule in rules}
    only_v6 = (32766, "main") in tables and (32767, "default") not in tables
    lines = [_rule_line(rule, v6=only_v6) for rule in rules if _standard(rule) not in _STANDARD]
    return HostFacts(place=Place(document.name), rules=tuple(dict.fromkeys(lines)))


def _standard(rule: View) -> tuple[int, str] | None:
    if rule.text("src", "all") != "all" or not set(rule.data) <= {"priority", "src", "table", "action"}:
        return None
    return rule.integer("priority", 0), rule.text("table", "")


_RULE_WORDS = (
    ("tos", "tos"),
    ("fwmark", "fwmark"),
    ("iif", "iif"),
    ("oif", "oif"),
    ("ipproto", "ipproto"),
)
_RANGES = (("uidrange", "uid"), ("sport", "sport"), ("dport", "dport"))


def _rule_line(rule: View, *, v6: bool) -> str:
    words = ["priority", str(rule.integer("priority", 0))]
    if "not" in rule.data:  # its value is null
        words.append("not")
    words += ["from", _selector(rule, "src")]
    if rule.has("dst"):
        words += ["to", _selector(rule, "dst")]
    for word, key in _RULE_WORDS:
        named = _named(rule, word, key)
        if key == "fwmark" and named and rule.has("fwmask"):
            named[1] += f"/{rule.raw('fwmask')}"
        words += named
    for word, key in _RANGES:
        if rule.has(f"{key}_start"):
            words += [word, f"{rule.integer(f'{key}_start')}-{rule.integer(f'{key}_end')}"]
        else:
            words += _named(rule, word, key)
    if rule.has("table"):
        words += ["lookup", str(rule.raw("table")), *_named(rule, "suppress_prefixlength", "suppress_prefixlen")]
    else:
        words += _named(rule, "goto", "goto") or [rule.text("action", "")]
    line = " ".join(filter(None, words))
    return f"{V6} {line}" if v6 and ":" not in line else line


def _selector(rule: View, key: str) -> str:
    address = rule.text(key, "all")
    length = rule.integer(f"{key}len")
    return address if length is None else f"{address}/{length}"


def _named(view: View, word: str, key: str) -> list[str]:
    """`[word, value]`; nothing where the key is absent."""
    value = view.raw(key)
    return [] if value is None else [word, str(value)]


def _entries(document: Document) -> tuple[View, ...]:
    listed = enumerate(document.data)
    return tuple(View(entry, Place(document.name, (at,))) for at, entry in listed if entry)


def _bad(entry: View, message: str) -> InputError:
    hint = "take the output again: ip -j addr"
    return InputError("bad-ip-output", message[0].lower() + message[1:], place=entry.place, hint=hint)
