"""Envoy's matcher messages -> conditions: StringMatcher, HeaderMatcher, QueryParameterMatcher, CookieMatcher.

Reading only; what the tests mean is in match/strings. A field that is not modelled makes its condition unknowable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config.view import View
from ..errors import Rejected
from ..match import strings
from ..match.condition import Condition, unmodelled
from ..match.strings import TextTest
from .regexes import compile_regex

_STRING_KINDS = ("exact", "prefix", "suffix", "contains", "safe_regex", "hidden_envoy_deprecated_regex", "custom")
_STRING_FIELDS = frozenset({*_STRING_KINDS, "ignore_case"})
_HEADER_OLD_KINDS: dict[str, Callable[[str], TextTest]] = {
    "exact_match": lambda text: strings.exact(text) if text else strings.anything("exact (any value)"),
    "prefix_match": strings.prefix,
    "suffix_match": strings.suffix,
    "contains_match": strings.contains,
}
_HEADER_FIELDS = frozenset(
    {
        *_HEADER_OLD_KINDS,
        "name",
        "string_match",
        "safe_regex_match",
        "range_match",
        "present_match",
        "invert_match",
        "treat_missing_header_as_empty",
    }
)
_QUERY_FIELDS = frozenset({"name", "string_match", "present_match"})
_COOKIE_FIELDS = frozenset({"name", "string_match", "invert_match"})


_NOT_EMPTY = ("prefix", "suffix", "contains")


def _refused(view: View, words: str) -> Rejected:
    return Rejected("bad-string-matcher", words, place=view.place, hint="Envoy refuses it too")


def compile_string_matcher(view: View) -> TextTest | None:
    """None when it uses something that is not modelled."""
    if view.leftovers(_STRING_FIELDS):
        return None
    ignore_case = view.boolean("ignore_case", False)
    kind = view.one_of(_STRING_KINDS)
    if not view.data or (kind in _NOT_EMPTY and view.text(kind) == ""):
        raise _refused(view, f"a string matcher needs a text for {kind or 'one of its kinds'}")
    if kind == "safe_regex" and ignore_case:
        raise _refused(view, "ignore_case has no effect for safe_regex.")
    match kind:
        case "exact":
            return strings.exact(view.text("exact", ""), ignore_case=ignore_case)
        case "prefix":
            return strings.prefix(view.text("prefix", ""), ignore_case=ignore_case)
        case "suffix":
            return strings.suffix(view.text("suffix", ""), ignore_case=ignore_case)
        case "contains":
            return strings.contains(view.text("contains", ""), ignore_case=ignore_case)
        case "safe_regex":
            return compile_regex_matcher(view, "safe_regex")
    return None


def compile_regex_matcher(view: View, key: str) -> TextTest | None:
    """A RegexMatcher under a key."""
    return strings.regex(compile_regex(view, key)) if view.has(key) else None


def compile_header_matcher(view: View) -> Condition[Any]:
    name = strings.ascii_lower(view.text("name", ""))
    test = _header_test(view)
    if test is None or view.leftovers(_HEADER_FIELDS):
        return unmodelled(f"header {name}", _shown(view), view.place)
    return strings.header_condition(
        name,
        test,
        view.place,
        invert=view.boolean("invert_match", False),
        missing_as_empty=view.boolean("treat_missing_header_as_empty", False),
    )


def _header_test(view: View) -> TextTest | bool | None:
    if view.has("string_match"):
        below = view.view("string_match")
        return None if below is None else compile_string_matcher(below)
    if view.has("safe_regex_match"):
        return compile_regex_matcher(view, "safe_regex_match")
    if view.has("range_match"):
        bounds = view.view("range_match")
        return None if bounds is None else strings.in_range(bounds.integer("start", 0), bounds.integer("end", 0))
    for kind, make in _HEADER_OLD_KINDS.items():
        if view.has(kind):
            return make(view.text(kind, ""))
    return view.boolean("present_match", True)


def compile_query_matcher(view: View) -> Condition[Any]:
    name = view.text("name", "")
    test: TextTest | bool | None
    below = view.view("string_match")
    if below is not None:
        test = compile_string_matcher(below)
    else:
        test = view.boolean("present_match", True) or not view.dialect.tests_absent_parameters
    if test is None or view.leftovers(_QUERY_FIELDS):
        return unmodelled(f"query parameter {name}", _shown(view), view.place)
    return strings.query_condition(name, test, view.place)


def compile_cookie_matcher(view: View) -> Condition[Any]:
    name = view.text("name", "")
    below = view.view("string_match")
    test = compile_string_matcher(below) if below is not None else None
    if test is None or view.leftovers(_COOKIE_FIELDS):
        return unmodelled(f"cookie {name}", _shown(view), view.place)
    return strings.cookie_condition(name, test, view.place, invert=view.boolean("invert_match", False))


def _shown(view: View) -> str:
    return ", ".join(key for key in view.data if key != "name")
