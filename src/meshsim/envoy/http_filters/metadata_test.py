"""envoy.type.matcher.v3.MetadataMatcher on dynamic metadata. envoyproxy/envoy source/common/common/matchers.cc."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...config.view import View
from ..matchers import compile_string_matcher
from .progress import Metadata

Test = Callable[[Any], bool | None]


@frozen(eq=False)
class MetadataTest:
    namespace: str
    path: tuple[str, ...]
    test: Test
    invert: bool

    def holds(self, metadata: Metadata) -> bool | None:
        value: Any = metadata.get(self.namespace)
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        held = self.test(value)
        return None if held is None else held != self.invert


def compile_metadata_test(view: View) -> MetadataTest:
    path = tuple(segment.text("key", "") for segment in view.views("path"))
    return MetadataTest(view.text("filter", ""), path, _test(view.view("value")), view.boolean("invert", False))


def _test(view: View | None) -> Test:
    if view is None:
        return lambda _value: None
    kind = view.one_of(
        ("null_match", "double_match", "string_match", "bool_match", "present_match", "list_match", "or_match")
    )
    match kind:
        case "string_match":
            text = compile_string_matcher(view.view(kind) or view)
            return lambda value: None if text is None else isinstance(value, str) and text.holds(value)
        case "bool_match":
            wanted = view.boolean(kind)
            return lambda value: isinstance(value, bool) and value == wanted
        case "present_match":
            present = view.boolean(kind, False)
            return lambda value: (value is not None) == present
        case "or_match":
            below = view.view(kind)
            tests = tuple(_test(each) for each in below.views("value_matchers")) if below is not None else ()
            return lambda value: _any(test(value) for test in tests)
        case "list_match":
            below = view.view(kind)
            one = _test(below.view("one_of") if below is not None else None)
            return lambda value: isinstance(value, list) and _any(map(one, value))
        case "double_match":
            return _number(view.view(kind) or view)
    return lambda _value: None


def _number(view: View) -> Test:
    bounds = view.view("range")
    if bounds is None:
        exact = view.number("exact", 0)
        return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value == exact
    start, end = bounds.number("start", 0), bounds.number("end", 0)
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and start <= value < end


def _any(held: Any) -> bool | None:
    seen = tuple(held)
    return True if True in seen else None if None in seen else False
