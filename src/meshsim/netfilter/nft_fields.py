"""What an nftables rule may look at: each field is one entry, read from the packet or absent.

A field that a packet does not have (an IPv6 address of an IPv4 packet, the owner of one that no socket sent) ends the
rule, whether or not the comparison is negated: that is where nftables differs from iptables.
Upstream: linux net/netfilter/nft_meta.c, nft_payload.c, nft_ct.c, nft_bitwise.c (NFT_BREAK).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..address import V6_BIT, make_prefix
from . import values
from .frame import NO_OWNER, Frame
from .match_connection import states_of
from .rules import Match

Value = int | str | None
"""None: the packet has no such field."""
Read = Callable[[Frame], Value]
Test = Callable[[Any], bool]


class NotModelledError(ValueError):
    """Valid for nft, unknown here."""


def _owner(of: Callable[[Frame], int]) -> Read:
    return lambda frame: None if of(frame) == NO_OWNER else of(frame)


def _address(of: Callable[[Frame], int], *, v6: bool) -> Read:
    return lambda frame: of(frame) if (of(frame) >= V6_BIT) is v6 else None


def _port(protocols: Sequence[str], of: Callable[[Frame], int]) -> Read:
    return lambda frame: of(frame) if frame.protocol in protocols else None


def _connection_mark(frame: Frame) -> Value:
    return frame.tracked.mark if frame.tracked is not None else None


_PAYLOADS = {
    **{
        (protocol, field): _address(of, v6=protocol == "ip6")
        for protocol in ("ip", "ip6")
        for field, of in (("saddr", lambda frame: frame.source), ("daddr", lambda frame: frame.destination))
    },
    **{
        (name, field): _port(("tcp", "udp") if name == "th" else (name,), of)
        for name in ("tcp", "udp", "th")
        for field, of in (("sport", lambda frame: frame.source_port), ("dport", lambda frame: frame.destination_port))
    },
    ("ip", "protocol"): lambda frame: frame.protocol if frame.destination < V6_BIT else None,
    ("ip6", "nexthdr"): lambda frame: frame.protocol if frame.destination >= V6_BIT else None,
}
"""(header, field) -> how it is read."""

_META: Mapping[str, Read] = {
    "iifname": lambda frame: frame.incoming,
    "iif": lambda frame: frame.incoming,
    "oifname": lambda frame: frame.outgoing,
    "oif": lambda frame: frame.outgoing,
    "l4proto": lambda frame: frame.protocol,
    "nfproto": lambda frame: "ipv6" if frame.destination >= V6_BIT else "ipv4",
    "mark": lambda frame: frame.mark,
    "skuid": _owner(lambda frame: frame.uid),
    "skgid": _owner(lambda frame: frame.gid),
}

_CONNECTION: Mapping[str, Read] = {
    "mark": _connection_mark,
    "direction": lambda frame: frame.direction if frame.tracked is not None else None,
    "zone": lambda frame: frame.tracked.zone.of(frame.direction) if frame.tracked is not None else None,
}

_NAMES = ("iifname", "oifname", "iif", "oif", "nfproto", "direction")
"""Fields whose values are words."""
_PROTOCOLS = frozenset({("meta", "l4proto"), ("ip", "protocol"), ("ip6", "nexthdr")})


def compile_match(expression: Mapping[str, Any], sets: Mapping[str, Sequence[Any]]) -> Match:
    """A `match` expression of the JSON. NotModelledError where something in it is not known here."""
    left, right, operator = expression["left"], expression["right"], expression.get("op", "==")
    if operator not in ("==", "!=", "in"):
        raise NotModelledError(f"operator {operator}")
    negated = operator == "!="
    if _is_state(left):
        return _state(right, negated=negated)
    label, read = compile_read(left)
    test = _among(label, right, sets)

    def holds(frame: Frame) -> bool:
        seen = read(frame)
        return seen is not None and test(seen) is not negated

    what, want = f"{label} !=" if negated else label, text_of(right)
    return Match(what, want, (*what.split(), want), holds, read, lambda seen: _shown(label, seen))


def compile_read(expression: Any) -> tuple[str, Read]:
    """A label for the field and how it is read; bit operations over such fields too."""
    if isinstance(expression, int) and not isinstance(expression, bool):
        return f"{expression:#x}", lambda _frame: expression
    if not isinstance(expression, dict) or len(expression) != 1:
        raise NotModelledError(text_of(expression))
    kind, inside = next(iter(expression.items()))
    if kind in _BITS:
        return _bits(kind, inside)
    table = {"meta": _META, "ct": _CONNECTION}.get(kind)
    if table is not None and isinstance(inside, dict) and inside.get("key") in table and len(inside) == 1:
        key = inside["key"]
        return f"{kind} {key}", table[key]
    if kind == "payload" and isinstance(inside, dict):
        field = (inside.get("protocol"), inside.get("field"))
        found = _PAYLOADS.get(field)  # type: ignore[arg-type]
        if found is not None:
            return f"{field[0]} {field[1]}", found
    raise NotModelledError(text_of(expression))


_BITS: Mapping[str, Callable[[int, int], int]] = {
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
}


def _bits(operator: str, operands: Any) -> tuple[str, Read]:
    if not isinstance(operands, list) or len(operands) < 2:
        raise NotModelledError(operator)
    parts = [compile_read(operand) for operand in operands]
    if any(label.startswith(("ip ", "ip6 ")) for label, _ in parts):
        # an address carries its family here, which bit operations would lose
        raise NotModelledError(text_of({operator: operands}))
    combine = _BITS[operator]

    def read(frame: Frame) -> Value:
        result: int | None = None
        for _label, part in parts:
            value = part(frame)
            if not isinstance(value, int):
                return None
            result = value if result is None else combine(result, value)
        return result

    return f" {operator} ".join(label for label, _ in parts), read


def _is_state(left: Any) -> bool:
    return isinstance(left, dict) and left.get("ct") == {"key": "state"}


def _state(right: Any, *, negated: bool) -> Match:
    """Bits: any of the named states. Known for every packet, INVALID where conntrack has none."""
    names = right.get("set", right) if isinstance(right, dict) else right
    wanted = frozenset(str(name).upper() for name in (names if isinstance(names, list) else [names]))
    if not wanted <= {"INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED"}:
        raise NotModelledError(f"ct state {text_of(right)}")
    what, want = "ct state !=" if negated else "ct state", text_of(right)

    def holds(frame: Frame) -> bool:
        return (frame.state in wanted) is not negated

    return Match(what, want, (*what.split(), want), holds, states_of, ",".join)


def _among(label: str, right: Any, sets: Mapping[str, Sequence[Any]]) -> Test:
    """Whether a value is one of those on the right side."""
    if isinstance(right, str) and right.startswith("@"):
        if right[1:] not in sets:
            raise NotModelledError(f"set {right}")
        right = {"set": sets[right[1:]]}
    items = right["set"] if isinstance(right, dict) and "set" in right else right
    tests = [_one(label, item) for item in (items if isinstance(items, list) else [items])]
    if len(tests) == 1:
        return tests[0]
    return lambda value: any(test(value) for test in tests)


def _one(label: str, item: Any) -> Test:
    if isinstance(item, dict) and "elem" in item:
        item = item["elem"].get("val")
    if isinstance(item, dict) and "range" in item:
        first, last = (_scalar(label, side) for side in item["range"])
        if not isinstance(first, int) or not isinstance(last, int) or label.endswith(_NAMES):
            raise NotModelledError(text_of(item))
        return lambda value: first <= value <= last
    if isinstance(item, dict) and "prefix" in item:
        if not label.startswith(("ip ", "ip6 ")):
            raise NotModelledError(text_of(item))
        network, mask = make_prefix(_scalar(label, item["prefix"]["addr"]), int(item["prefix"]["len"]))
        return lambda value: value & mask == network
    wanted = _scalar(label, item)
    if isinstance(wanted, str) and wanted.endswith("*") and label.endswith("ifname"):
        return lambda value: value.startswith(wanted[:-1])
    return lambda value: value == wanted


def _scalar(label: str, item: Any) -> Any:
    """The value as a packet shows it: addresses are ints, protocols their names."""
    field = label.split()
    if tuple(field) in _PROTOCOLS:
        return values.protocol(str(item))
    if field[0] in ("ip", "ip6") and isinstance(item, str):
        return values.address(item, v6=field[0] == "ip6")
    if isinstance(item, bool) or not isinstance(item, int | str):
        raise NotModelledError(text_of(item))
    if isinstance(item, str) and field[-1] not in _NAMES:
        raise NotModelledError(f"{label} {item}")
    return item


def _shown(label: str, seen: Value) -> Any:
    if isinstance(seen, int) and label.startswith(("ip ", "ip6 ")):
        return values.address_text(seen)
    return hex(seen) if isinstance(seen, int) and "mark" in label else seen


def text_of(expression: Any) -> str:
    """As nft writes it, near enough to read."""
    if isinstance(expression, dict):
        kind, inside = next(iter(expression.items()), ("", None))
        if kind == "set":
            return "{ " + ", ".join(map(text_of, inside if isinstance(inside, list) else [inside])) + " }"
        if kind == "range" and isinstance(inside, list):
            return "-".join(map(text_of, inside))
        if kind == "prefix" and isinstance(inside, dict):
            return f"{inside.get('addr')}/{inside.get('len')}"
        if kind in _BITS and isinstance(inside, list):
            return f" {kind} ".join(map(text_of, inside))
        if kind == "payload" and isinstance(inside, dict):
            return f"{inside.get('protocol')} {inside.get('field')}"
        if kind in ("meta", "ct") and isinstance(inside, dict):
            return f"{kind} {inside.get('key')}"
        return kind
    if isinstance(expression, list):
        return ",".join(map(text_of, expression))
    return str(expression)
