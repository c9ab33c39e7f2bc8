"""A RouteMatch as protobuf's text format writes it: how the tool names a route that no test covers.

Fields in the order of their numbers; what equals its default is left out, unless it is one of a oneof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...config import protojson
from .schema import ENUMS, MESSAGES
from .strict import Field, message

_MOST_NESTED = 32
_WRAPPED = frozenset("BULF")
_ESCAPED = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", ord('"'): '\\"', ord("'"): "\\'", ord("\\"): "\\\\"}


def match_text(match: Mapping[str, Any]) -> str:
    return "\n".join(_message(match, "RouteMatch", 0))


def _message(data: Any, name: str, depth: int) -> Iterator[str]:
    if not isinstance(data, Mapping) or depth > _MOST_NESTED:
        return
    fields = message(name).fields
    stated = {fields[key].name: value for key, value in data.items() if key in fields and value is not None}
    for known in dict.fromkeys(fields.values()):
        if known.name in stated:
            value = stated[known.name]
            for each in value if known.many and isinstance(value, list) else [value]:
                yield from _field(known, each, depth)


def _field(known: Field, value: Any, depth: int) -> Iterator[str]:
    if known.kind in MESSAGES:
        yield from _block(known.name, _message(value, known.kind, depth + 1), depth)
    elif known.kind in _WRAPPED:
        plain = _plain(known, value)
        inside = () if plain in ("false", "0") else (_line("value", plain, depth + 1),)
        yield from _block(known.name, inside, depth)
    elif known.kind in "Tm":
        yield from _block(known.name, _opaque(value, depth + 1), depth)
    else:
        plain = _plain(known, value)
        if known.many or known.group is not None or plain not in ("false", "0", '""', _first(known.kind)):
            yield _line(known.name, plain, depth)


def _block(name: str, inside: Iterator[str] | tuple[str, ...], depth: int) -> Iterator[str]:
    yield "  " * depth + name + " {"
    yield from inside
    yield "  " * depth + "}"


def _line(name: str, value: str, depth: int) -> str:
    return f"{'  ' * depth}{name}: {value}"


def _plain(known: Field, value: Any) -> str:
    if known.kind in ENUMS:
        names = ENUMS[known.kind]
        text = str(value)
        return names[int(text)] if text.isdecimal() else text.upper()
    if known.kind in "bB":
        return "true" if protojson.boolean(value) else "false"
    if known.kind in "sy":
        return _quoted(str(value))
    return f"{protojson.number(value):g}" if known.kind in "dF" else str(protojson.integer(value))


def _first(kind: str) -> str:
    return ENUMS[kind][0] if kind in ENUMS else ""


def _quoted(text: str) -> str:
    written = (
        _ESCAPED.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}")
        for byte in text.encode("utf-8", "surrogateescape")
    )
    return '"' + "".join(written) + '"'


def _opaque(value: Any, depth: int) -> Iterator[str]:
    """An extension's configuration, or a map: as it is written."""
    for key, below in value.items() if isinstance(value, Mapping) and depth <= _MOST_NESTED else ():
        for each in below if isinstance(below, list) else [below]:
            if isinstance(each, Mapping):
                yield from _block(key, _opaque(each, depth + 1), depth)
            else:
                yield _line(key, _quoted(each) if isinstance(each, str) else str(each).lower(), depth)
