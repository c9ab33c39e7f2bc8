"""How protobuf messages look in JSON: field spellings, durations, wrapped numbers, percentages, Any and TypedStruct.

Values only: functions here raise ValueError with a plain message and know no place; `view` adds the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

TYPE_PREFIX = "type.googleapis.com/"
_HIDDEN = "hidden_envoy_deprecated_"
"""Envoy 1.14 to 1.17 printed v2 fields in v3 dumps under this prefix."""

_TYPED_STRUCTS = frozenset({"udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"})
_STRUCT = "google.protobuf.Struct"
_MAX_NESTED_ANY = 8


@lru_cache(maxsize=4096)
def camel(snake: str) -> str:
    """`tls_context` -> `tlsContext`, as protobuf's JSON mapping does."""
    first, *rest = snake.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """`tlsContext` -> `tls_context`, without the prefix of deprecated fields."""
    text = re.sub(r"[A-Z]", lambda found: "_" + found.group().lower(), name)
    return text.removeprefix(_HIDDEN)


@lru_cache(maxsize=4096)
def _is_snake(name: object) -> bool:
    text = str(name)  # YAML has other keys too
    return text == text.lower() and not text.startswith(_HIDDEN)


def all_snake(names: Iterable[str]) -> bool:
    """Whether fields of these names stand under no other spelling than that of the code."""
    return all(map(_is_snake, names))


def both_spellings(field: str) -> tuple[str, str]:
    """The two names protobuf's JSON readers accept for a field."""
    return field, camel(field)


@lru_cache(maxsize=4096)
def other_spellings(field: str) -> tuple[str, ...]:
    """Every further name a field may be printed under, after the snake_case one."""
    hidden = _HIDDEN + field
    names = (camel(field), hidden, camel(hidden))
    return tuple(dict.fromkeys(name for name in names if name != field))


_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s")


def duration_ms(value: Any) -> int | float:
    """`"1.5s"` or `{"seconds": 1, "nanos": 500000000}` -> 1500 (a float only where it is no whole millisecond)."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None:
            raise ValueError(f"{_shown(value)} is no duration such as 1.5s")
        sign, seconds, fraction = found.groups()
        nanos = int(seconds) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
        nanos = -nanos if sign else nanos
    elif isinstance(value, dict):
        nanos = integer(value.get("seconds", 0)) * 1_000_000_000 + integer(value.get("nanos", 0))
    else:
        raise ValueError(f"{_shown(value)} is no duration such as 1.5s")
    whole, rest = divmod(nanos, 1_000_000)
    return whole if not rest else nanos / 1_000_000


_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")


def number(value: Any) -> int | float:
    """A number, written plainly, as a string (64-bit fields) or wrapped in `{"value": …}`."""
    if isinstance(value, dict):
        value = value.get("value", 0) if set(value) <= {"value"} else value
    if isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is no number")
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        if _NUMBER.fullmatch(value):
            return int(value) if value.lstrip("-").isdigit() else float(value)
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
    raise ValueError(f"{_shown(value)} is no number")


def integer(value: Any) -> int:
    """Like number, but whole (protobuf accepts 1.0 for 1)."""
    result = number(value)
    if isinstance(result, float):
        if not result.is_integer():
            raise ValueError(f"{_shown(value)} is no whole number")
        return int(result)
    return result


def boolean(value: Any) -> bool:
    if isinstance(value, dict) and set(value) <= {"value"}:
        value = value.get("value", False)
    known = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(known, bool):
        raise ValueError(f"{_shown(value)} is neither true nor false")
    return known


_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
"""What Envoy's reader takes as a text, in any case of letters."""


_SIZES = (("HUNDRED", 100), ("TEN_THOUSAND", 10_000), ("MILLION", 1_000_000))
_DENOMINATORS: dict[str | int | float, int] = {
    key: size for number, (name, size) in enumerate(_SIZES) for key in (name, number, str(number))
}


def fraction(value: Any) -> tuple[int, int]:
    """FractionalPercent -> (numerator, denominator); HUNDRED unless stated."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is no fraction with numerator and denominator")
    denominator = value.get("denominator")
    key = "HUNDRED" if denominator is None else denominator.upper() if isinstance(denominator, str) else denominator
    if not isinstance(key, str | int | float) or key not in _DENOMINATORS:
        raise ValueError(f"{_shown(denominator)} is none of HUNDRED, TEN_THOUSAND and MILLION")
    numerator = value.get("numerator")
    return 0 if numerator is None else integer(numerator), _DENOMINATORS[key]


def unwrap_any(value: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """An Any -> (full type URL, path to its message inside); None for a bare Struct, whose type only the name tells.

    A TypedStruct names the real type in its `type_url` and holds the message in its `value`; they may be nested.
    """
    stated: Any = value.get("@type")
    path: tuple[str, ...] = ()
    for _ in range(_MAX_NESTED_ANY):
        if not isinstance(stated, str) or not stated:
            raise ValueError("a TypedStruct must have a type_url" if path else "an Any must name its type in @type")
        type_name = stated.rpartition("/")[2]
        if type_name == _STRUCT:
            return None, (*path, "value") if "value" in value else path
        if type_name not in _TYPED_STRUCTS:
            return TYPE_PREFIX + type_name, path
        stated = value.get("type_url", value.get("typeUrl"))
        value = value.get("value") or {}
        if not isinstance(value, dict):
            raise ValueError(f"the value of a TypedStruct is an object, not {_shown(value)}")
        path = (*path, "value")
    raise ValueError("TypedStructs are nested too deeply")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
