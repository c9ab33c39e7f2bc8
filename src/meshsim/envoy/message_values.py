"""Scalars of Envoy's messages: whether its reader takes them, and whether they keep the rules of their field.

protobuf's JSON mapping as Envoy 1.40 reads it, and bufbuild/protoc-gen-validate. Each answer is what is wrong, in few
words; None: nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from ..config import protojson
from ..match.regex import Regex, RegexRules
from .message_table import Field

Rules = Mapping[str, Any]

_RANGES = {
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
}
_LONGEST_DURATION = 315_576_000_000 * 1_000_000_000
_pattern = cache(partial(Regex, place=None, rules=RegexRules(latin1=False)))
_ONE_LINE = re.compile(r"[^\0\n\r]*")
_WELL_KNOWN = {
    ("HTTP_HEADER_NAME", True): re.compile(r":?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+"),
    ("HTTP_HEADER_VALUE", True): re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*"),
}
_URL_SAFE = str.maketrans("-_", "+/")
_SHOWN = 60


def wrong_scalar(field: Field, value: Any, rules: Rules) -> str | None:
    """What is wrong with a value that is there."""
    if field.enum is not None:
        return _wrong_enum(field.enum, value, rules)
    return _READERS[field.kind](field, value, rules)


def wrong_absence(field: Field) -> str | None:
    """What is wrong with a field that is not there: it is its kind's empty value, which may break a rule."""
    rules = field.rules
    if rules.get("required"):
        return "value is required"
    if field.label in ("repeated", "map"):
        return wrong_size(0, field.label, rules)
    if field.label == "wrapped" or (field.enum is None and field.kind not in _EMPTY):
        return None
    return wrong_scalar(field, empty(field), rules)


def empty(field: Field) -> Any:
    """What null is among the values of a list, and what a field is that is not there."""
    return 0 if field.enum is not None else _EMPTY.get(field.kind, {})


def wrong_size(size: int, label: str, rules: Rules) -> str | None:
    """Of a list or a map."""
    if label == "map":
        return _size(size, rules, "pair(s)", "min_pairs", "max_pairs")
    return _size(size, rules, "item(s)", "min_items", "max_items")


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _size(size: int, rules: Rules, what: str, least: str, most: str) -> str | None:
    if size < rules.get(least, 0):
        return f"value must contain at least {rules[least]} {what}"
    if most in rules and size > rules[most]:
        return f"value must contain no more than {rules[most]} {what}"
    return None


def _wrong_enum(names: Mapping[str, int], value: Any, rules: Rules) -> str | None:
    number = names.get(value.upper()) if isinstance(value, str) else None
    if number is None:
        try:
            number = protojson.integer(value)
        except ValueError:
            return f"unknown enum value {shown(value)}"
    if rules.get("defined_only") and number not in names.values():
        return "value must be one of the defined enum values"
    return _listed(number, rules)


def _wrong_number(field: Field, value: Any, rules: Rules) -> str | None:
    if isinstance(value, dict) and field.label != "wrapped":
        return f"{shown(value)} is no number"
    try:
        number = (protojson.integer if field.kind in _RANGES else protojson.number)(value)
    except ValueError as error:
        return str(error)
    lowest, highest = _RANGES.get(field.kind, (float("-inf"), float("inf")))
    if not lowest <= number <= highest and number == number:
        return f"{shown(value)} is out of the range of {field.kind}"
    return _within(number, rules) or _listed(number, rules)


def _within(number: int | float, rules: Rules) -> str | None:
    for name, (words, holds) in _BOUNDS.items():
        if name in rules and not holds(number, rules[name]):
            return f"value must be {words} {rules[name]}"
    return None


def _listed(value: Any, rules: Rules) -> str | None:
    if "in" in rules and value not in rules["in"]:
        return f"value must be in list {rules['in']}"
    if "not_in" in rules and value in rules["not_in"]:
        return f"value must not be in list {rules['not_in']}"
    return None


def _wrong_text(_field: Field, value: Any, rules: Rules) -> str | None:
    if not isinstance(value, str):
        return f"expected a string, found {shown(value)}"
    if rules.get("ignore_empty") and not value:
        return None
    if len(value) < rules.get("min_len", 0):
        return f"value length must be at least {rules['min_len']} characters"
    if "max_len" in rules and len(value) > rules["max_len"]:
        return f"value length must be at most {rules['max_len']} characters"
    size = len(value.encode(errors="replace"))
    if size < rules.get("min_bytes", 0):
        return f"value length must be at least {rules['min_bytes']} bytes"
    if "max_bytes" in rules and size > rules["max_bytes"]:
        return f"value length must be at most {rules['max_bytes']} bytes"
    known = rules.get("well_known_regex")
    if known and not _WELL_KNOWN.get((known, rules.get("strict", True)), _ONE_LINE).fullmatch(value):
        return f"value does not match the regex pattern of {known}"
    if not (value.startswith(rules.get("prefix", "")) and value.endswith(rules.get("suffix", ""))):
        return f"value does not stand between {rules.get('prefix', '')!r} and {rules.get('suffix', '')!r}"
    if "pattern" in rules and not _pattern(rules["pattern"]).found_in(value):
        return f"value does not match regex pattern {rules['pattern']!r}"
    return _listed(value, rules)


def _wrong_bytes(_field: Field, value: Any, rules: Rules) -> str | None:
    if not isinstance(value, str):
        return f"expected base64, found {shown(value)}"
    try:
        base64.b64decode(value.translate(_URL_SAFE) + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return f"{shown(value)} is no base64"
    return _size(len(value), rules, "byte(s)", "min_len", "")


def _wrong_boolean(field: Field, value: Any, rules: Rules) -> str | None:
    if isinstance(value, dict) and field.label != "wrapped":
        return f"{shown(value)} is neither true nor false"
    try:
        found = protojson.boolean(value)
    except ValueError as error:
        return str(error)
    return None if rules.get("const") in (None, found) else f"value must equal {rules['const']}"


def _wrong_duration(_field: Field, value: Any, rules: Rules) -> str | None:
    try:
        nanoseconds = protojson.duration_ms(value) * 1_000_000
    except ValueError as error:
        return str(error)
    if nanoseconds < 0:
        # no rule says so, but no duration was found that Envoy's own code takes below zero
        return f"Invalid duration: Expected positive duration, not {shown(value)}"
    if nanoseconds > _LONGEST_DURATION:
        return f"{shown(value)} is longer than durations can be"
    return _within(nanoseconds, {name: bound for name, bound in rules.items() if name in _BOUNDS})


_BOUNDS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "gte": ("greater than or equal to", lambda value, bound: value >= bound),
    "gt": ("greater than", lambda value, bound: value > bound),
    "lte": ("less than or equal to", lambda value, bound: value <= bound),
    "lt": ("less than", lambda value, bound: value < bound),
}
_READERS: Mapping[str, Callable[[Field, Any, Rules], str | None]] = {
    **dict.fromkeys((*_RANGES, "double", "float"), _wrong_number),
    "string": _wrong_text,
    "bytes": _wrong_bytes,
    "bool": _wrong_boolean,
    "google.protobuf.Duration": _wrong_duration,
}
_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys((*_RANGES, "double", "float"), 0),
    "string": "",
    "bytes": "",
    "bool": False,
}
SCALARS = frozenset(_READERS)
