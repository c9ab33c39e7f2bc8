"""MetadataMatcher and FilterStateMatcher -> conditions on what the filters before have left behind.

envoyproxy/envoy source/common/common/matchers.cc (MetadataMatcher, ValueMatcher). Routes are looked up before the first
HTTP filter, so both see an empty state there unless something looks again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..config.view import View
from ..match.condition import Condition, unmodelled
from .matchers import compile_string_matcher

ValueTest = Callable[[Any], bool]
_MISSING = object()
_VALUE_KINDS = ("null_match", "double_match", "string_match", "bool_match", "present_match", "list_match", "or_match")
_METADATA_FIELDS = frozenset({"filter", "path", "value", "invert"})
_MOST_NESTED = 16


class HasMetadata(Protocol):
    """Facts that know the stream's dynamic metadata and the texts in its filter state."""

    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def filter_state(self) -> Mapping[str, str]: ...


def compile_metadata_matcher(view: View) -> Condition[Any]:
    """A MetadataMatcher; a missing key is no value, which only an inverted test takes."""
    keys = tuple(segment.text("key", "") for segment in view.views("path"))
    name = view.text("filter", "")
    what = f"dynamic_metadata {'.'.join((name, *keys))}"
    value = view.view("value")
    test = compile_value_matcher(value) if value is not None else None
    if test is None or view.leftovers(_METADATA_FIELDS):
        return unmodelled(what, "not modelled", view.place)
    invert = view.boolean("invert", False)

    def read(facts: HasMetadata) -> Any:
        return _at(facts.metadata.get(name, _MISSING), keys)

    def holds(seen: Any) -> bool:
        return test(seen) != invert

    kind = value.one_of(_VALUE_KINDS) if value is not None else None
    return Condition(what, f"not {kind}" if invert else kind, lambda facts: _shown(read(facts)), _on(holds), view.place)


def _shown(seen: Any) -> Any:
    """What was read, JSON-safe; a missing value is told from a null by its tuple."""
    return () if seen is _MISSING else (seen,)


def _on(holds: ValueTest) -> ValueTest:
    return lambda seen: holds(seen[0] if seen else _MISSING)


def _at(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return _MISSING
        value = value[key]
    return value


def compile_value_matcher(view: View, depth: int = 0) -> ValueTest | None:
    """A ValueMatcher on a JSON value; None where it asks what is not modelled."""
    kind = view.one_of(_VALUE_KINDS)
    if kind is None or depth > _MOST_NESTED:
        return None
    return _VALUE_TESTS[kind](view, depth)


def _null(_view: View, _depth: int) -> ValueTest:
    return lambda value: value is None


def _double(view: View, _depth: int) -> ValueTest | None:
    below = view.view("double_match")
    if below is None:
        return None
    bounds = below.view("range")
    if bounds is None:
        exact = below.number("exact", 0)
        return lambda value: _is_number(value) and value == exact
    start, end = bounds.number("start", 0), bounds.number("end", 0)
    return lambda value: _is_number(value) and start <= value < end


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _string(view: View, _depth: int) -> ValueTest | None:
    below = view.view("string_match")
    test = compile_string_matcher(below) if below is not None else None
    if test is None:
        return None
    holds = test.holds
    return lambda value: isinstance(value, str) and holds(value)


def _bool(view: View, _depth: int) -> ValueTest:
    wanted = view.boolean("bool_match", False)
    return lambda value: isinstance(value, bool) and value == wanted


def _present(view: View, _depth: int) -> ValueTest:
    wanted = view.boolean("present_match", False)
    return lambda value: wanted and value is not _MISSING


def _list(view: View, depth: int) -> ValueTest | None:
    below = view.view("list_match")
    one = below.view("one_of") if below is not None else None
    test = compile_value_matcher(one, depth + 1) if one is not None else None
    if test is None:
        return None
    return lambda value: isinstance(value, list) and any(map(test, value))


def _or(view: View, depth: int) -> ValueTest | None:
    below = view.view("or_match")
    tests = [compile_value_matcher(each, depth + 1) for each in below.views("value_matchers")] if below else []
    known = [test for test in tests if test is not None]
    if len(known) < len(tests):
        return None
    return lambda value: any(test(value) for test in known)


_VALUE_TESTS: dict[str, Callable[[View, int], ValueTest | None]] = {
    "null_match": _null,
    "double_match": _double,
    "string_match": _string,
    "bool_match": _bool,
    "present_match": _present,
    "list_match": _list,
    "or_match": _or,
}


def compile_filter_state_matcher(view: View) -> Condition[Any]:
    """A FilterStateMatcher; a missing key never matches."""
    key = view.text("key", "")
    what = f"filter_state {key}"
    below = view.view("string_match")
    test = compile_string_matcher(below) if below is not None else None
    if test is None or view.leftovers(frozenset({"key", "string_match"})):
        return unmodelled(what, "not modelled", view.place)
    holds = test.holds
    return Condition(
        what,
        test.want,
        lambda facts: facts.filter_state.get(key),
        lambda seen: seen is not None and holds(seen),
        view.place,
    )
