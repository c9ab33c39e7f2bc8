"""MetadataMatcher and ValueMatcher: a path into a struct of metadata, and a test on what stands there.

envoyproxy/envoy source/common/common/matchers.cc (ValueMatcher, MetadataMatcher).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...config.view import View
from ..matchers import compile_string_matcher

_KINDS = (
    "null_match",
    "double_match",
    "string_match",
    "bool_match",
    "present_match",
    "list_match",
    "or_match",
)
_MAX_DEPTH = 32

ValueTest = Callable[[Any], bool | None]
"""Of a value as JSON has it; ABSENT where nothing stands there."""


class _Absent:
    """Nothing stands at a path, which is not the same as a null."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


def compile_value_matcher(view: View, depth: int = 0) -> ValueTest | None:
    """None when it uses something that is not modelled."""
    kind = view.one_of(_KINDS)
    if kind is None or depth > _MAX_DEPTH or view.leftovers(frozenset(_KINDS)):
        return None
    below = view.view(kind) if kind not in ("bool_match", "present_match") else None
    match kind:
        case "null_match":
            return lambda value: value is None
        case "bool_match":
            wanted = view.boolean(kind, False)
            return lambda value: isinstance(value, bool) and value is wanted
        case "present_match":
            present = view.boolean(kind, False)
            # Envoy: false matches nothing at all, whether a value is there or not.
            return lambda value: present and value is not ABSENT
        case "string_match":
            text = compile_string_matcher(below) if below is not None else None
            return None if text is None else lambda value: isinstance(value, str) and text.holds(value)
        case "double_match":
            return None if below is None else _double(below)
    return None if below is None else _composed(below, kind, depth)


def _double(view: View) -> ValueTest:
    bounds = view.view("range")
    if bounds is not None:
        start, end = bounds.number("start", 0), bounds.number("end", 0)
        return lambda value: _is_number(value) and start <= value < end
    exact = view.number("exact", 0)
    return lambda value: _is_number(value) and value == exact


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _composed(view: View, kind: str, depth: int) -> ValueTest | None:
    if kind == "list_match":
        one = view.view("one_of")
        test = compile_value_matcher(one, depth + 1) if one is not None else None
        return None if test is None else lambda value: isinstance(value, list) and some(map(test, value))
    tests = [compile_value_matcher(each, depth + 1) for each in view.views("value_matchers")]
    if None in tests:
        return None
    return lambda value: some(test(value) for test in tests if test is not None)


def some(verdicts: Any) -> bool | None:
    """Whether one of them holds; None where only an unknown one could."""
    found: bool | None = False
    for verdict in verdicts:
        if verdict:
            return True
        if verdict is None:
            found = None
    return found


def value_at(metadata: Mapping[str, Mapping[str, Any]] | None, namespace: str, path: tuple[str, ...]) -> Any:
    value: Any = (metadata or {}).get(namespace, ABSENT)
    for key in path:
        value = value.get(key, ABSENT) if isinstance(value, Mapping) else ABSENT
    return value


def metadata_path(view: View) -> tuple[str, tuple[str, ...]]:
    """(namespace, keys) that a MetadataMatcher names."""
    return view.text("filter", ""), tuple(each.text("key", "") for each in view.views("path"))
