"""Matchers of headers, query parameters and cookies: does one hold wherever another does?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ...config.view import View
from ...envoy.matchers import compile_cookie_matcher, compile_header_matcher, compile_query_matcher
from ...match.condition import Condition
from ...match.strings import ascii_lower
from .texts import CONTAINS, EXACT, PREFIX, SUFFIX, Test, Texts, grows, texts_of_pattern

_KINDS = {"exact": EXACT, "prefix": PREFIX, "suffix": SUFFIX, "contains": CONTAINS}
_OLD_KINDS = {"exact_match": EXACT, "prefix_match": PREFIX, "suffix_match": SUFFIX, "contains_match": CONTAINS}
_GROWS_RIGHT, _GROWS_LEFT = (PREFIX, CONTAINS), (SUFFIX, CONTAINS)


@frozen(eq=False)
class ValueMatcher:
    """One matcher of a request's values, prepared for comparisons."""

    data: Any
    """As written."""
    name: str
    present: bool = False
    """It holds where a value is there, whichever."""
    needs_value: bool = False
    """It holds only where a value is there."""
    texts: Texts | None = None
    """One of the values is among these wherever it holds; None: nobody can say."""
    test: Test | None = None
    """It holds wherever this holds for one of the values."""

    def implied_by(self, other: ValueMatcher) -> bool:
        """It holds wherever the other one does."""
        if self.data == other.data:
            return True
        if self.name != other.name:
            return False
        if self.present and other.needs_value:
            return True
        return self.test is not None and other.texts is not None and self.test.covers(other.texts)


def header(view: View) -> ValueMatcher:
    """A HeaderMatcher. Many values: each is tested by itself, and one that holds is enough."""
    name = ascii_lower(view.text("name", ""))
    condition = compile_header_matcher(view)
    inverted = view.boolean("invert_match", False)
    if view.boolean("treat_missing_header_as_empty", False) or condition.test(("",)) is None:
        return ValueMatcher(view.data, name)
    kind, texts, pattern = _stated(view)
    if kind is None and not view.has("range_match"):
        wanted = view.boolean("present_match", True) != inverted
        return ValueMatcher(view.data, name, present=wanted, needs_value=wanted)
    if inverted:
        return ValueMatcher(view.data, name, needs_value=True)
    if kind == "exact_match" and texts is not None and not texts.seed:
        return ValueMatcher(view.data, name, present=True, needs_value=True)
    test = _test(texts, pattern, lambda value: condition.test((value,)))
    return ValueMatcher(view.data, name, needs_value=True, texts=texts, test=test)


def query_parameter(view: View) -> ValueMatcher:
    """Its first value counts."""
    name = view.text("name", "")
    condition = compile_query_matcher(view)
    if condition.test("") is None:
        return ValueMatcher(view.data, name)
    below = view.view("string_match")
    if below is None:
        wanted = view.boolean("present_match", True)
        return ValueMatcher(view.data, name, present=wanted, needs_value=wanted)
    return _string(view, name, below, condition)


def cookie(view: View) -> ValueMatcher:
    """An absent cookie satisfies an inverted matcher, and no other."""
    name = view.text("name", "")
    condition = compile_cookie_matcher(view)
    below = view.view("string_match")
    if below is None or view.boolean("invert_match", False) or condition.test("") is None:
        return ValueMatcher(view.data, name)
    return _string(view, name, below, condition)


def _string(view: View, name: str, below: View, condition: Condition[Any]) -> ValueMatcher:
    _kind, texts, pattern = _stated_string(below)
    test = _test(texts, pattern, condition.test)
    return ValueMatcher(view.data, name, needs_value=True, texts=texts, test=test)


def _stated(view: View) -> tuple[str | None, Texts | None, str | None]:
    """(the field that says what is wanted, the texts, the pattern where it is one)."""
    below = view.view("string_match")
    if below is not None:
        return _stated_string(below)
    regex = view.view("safe_regex_match")
    if regex is not None:
        pattern = regex.text("regex", "")
        return "safe_regex_match", texts_of_pattern(pattern), pattern
    kind = view.one_of(tuple(_OLD_KINDS))
    return (None, None, None) if kind is None else (kind, Texts(view.text(kind, ""), _OLD_KINDS[kind]), None)


def _stated_string(view: View) -> tuple[str | None, Texts | None, str | None]:
    regex = view.view("safe_regex")
    if regex is not None:
        pattern = regex.text("regex", "")
        return "safe_regex", texts_of_pattern(pattern), pattern
    kind = view.one_of(tuple(_KINDS))
    if kind is None:
        return "custom", None, None
    return kind, Texts(view.text(kind, ""), _KINDS[kind], view.boolean("ignore_case", False)), None


def _test(texts: Texts | None, pattern: str | None, holds: Callable[[str], Any]) -> Test:
    if pattern is not None:
        return Test(holds, grows_right=grows(pattern))
    grown = texts.grown if texts is not None else ""
    any_case = texts is not None and texts.any_case
    return Test(holds, grows_right=grown in _GROWS_RIGHT, grows_left=grown in _GROWS_LEFT, any_case=any_case)
