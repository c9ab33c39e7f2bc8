"""Tests on texts, and the conditions Envoy builds of them: headers, query parameters, cookies.

Semantics of envoyproxy/envoy source/common/common/matchers.cc and source/common/http/header_utility.cc. Works on
plain values; reading configuration is the compiler's task. A header that is there with a value only run time knows
(an empty tuple of values) makes value tests unknowable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from ..facts.request import Request
from ..place import Place
from .condition import Condition
from .regex import Regex

Values = tuple[str, ...] | None
"""None: the header is absent. (): it is there, its value is made at run time."""

INT64_MAX = (1 << 63) - 1


@frozen(eq=False)
class TextTest:
    """One test on a text, and how it is written in an explanation."""

    want: str
    holds: Callable[[str], bool]


class HasRequest(Protocol):
    """Facts that know the request. Where they have a true `joins_header_values`, many values are tested as one."""

    @property
    def request(self) -> Request: ...


def ascii_lower(text: str) -> str:
    """Lower case for A to Z only, as Envoy compares hosts and values."""
    return text.lower() if text.isascii() else "".join(char.lower() if char.isascii() else char for char in text)


def exact(wanted: str, *, ignore_case: bool = False) -> TextTest:
    if ignore_case:
        folded = ascii_lower(wanted)
        return TextTest(f"exact {wanted} (any case)", lambda value: ascii_lower(value) == folded)
    return TextTest(f"exact {wanted}", wanted.__eq__)


def prefix(wanted: str, *, ignore_case: bool = False) -> TextTest:
    if ignore_case:
        folded = ascii_lower(wanted)
        return TextTest(f"prefix {wanted} (any case)", lambda value: ascii_lower(value).startswith(folded))
    return TextTest(f"prefix {wanted}", lambda value: value.startswith(wanted))


def suffix(wanted: str, *, ignore_case: bool = False) -> TextTest:
    if ignore_case:
        folded = ascii_lower(wanted)
        return TextTest(f"suffix {wanted} (any case)", lambda value: ascii_lower(value).endswith(folded))
    return TextTest(f"suffix {wanted}", lambda value: value.endswith(wanted))


def contains(wanted: str, *, ignore_case: bool = False) -> TextTest:
    if ignore_case:
        folded = ascii_lower(wanted)
        return TextTest(f"contains {wanted} (any case)", lambda value: folded in ascii_lower(value))
    return TextTest(f"contains {wanted}", lambda value: wanted in value)


def regex(compiled: Regex) -> TextTest:
    return TextTest(f"regex {compiled.pattern}", compiled.matches)


def anything(want: str) -> TextTest:
    """Holds for every value that is there (`exact_match: ""` of old configurations)."""
    return TextTest(want, lambda _value: True)


_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,40})[ \t\n\v\f\r]*")


def in_range(start: int, end: int) -> TextTest:
    """Decimal int64 with start <= value < end; anything else fails."""

    def holds(value: str) -> bool:
        found = _INTEGER.fullmatch(value)
        if found is None:
            return False
        number = int(found.group(1))
        return -INT64_MAX - 1 <= number <= INT64_MAX and start <= number < end

    return TextTest(f"range {start} to {end}", holds)


def header_condition(
    name: str,
    test: TextTest | bool,
    place: Place | None,
    *,
    invert: bool = False,
    missing_as_empty: bool = False,
) -> Condition[Any]:
    """A HeaderMatcher. `test` is a bool for presence (True: must be there).

    Each value is tested by itself (Envoy 1.39 and later). An absent header never satisfies a test on values, not
    even an inverted one.
    """
    if isinstance(test, bool):
        want = "present" if test != invert else "absent"

        def verdict(values: Values) -> bool | None:
            return ((values is not None or missing_as_empty) == test) != invert

    else:
        want = f"not {test.want}" if invert else test.want
        one = test.holds

        def verdict(values: Values) -> bool | None:
            if values is None:
                return one("") != invert if missing_as_empty else False
            if not values:
                return None
            return any(map(one, values)) != invert

    return Condition(f"header {name}", want, _reader(name), verdict, place)


def _reader(name: str) -> Callable[[HasRequest], Values]:
    if name in (":method", ":path", ":authority", ":scheme", "host"):
        return lambda facts: facts.request.values(name) or None

    def read(facts: HasRequest) -> Values:
        values = facts.request.headers.get(name)
        if values is not None and len(values) > 1 and getattr(facts, "joins_header_values", False):
            return (",".join(values),)
        return values

    return read


def query_parameters(path: str) -> dict[str, str]:
    """The first value of each parameter, undecoded, as Envoy's parseQueryString splits it."""
    parameters: dict[str, str] = {}
    _, mark, query = path.partition("?")
    if mark:
        for item in query.split("&"):
            name, _, value = item.partition("=")
            parameters.setdefault(name, value)
    return parameters


def query_condition(name: str, test: TextTest | bool, place: Place | None) -> Condition[Any]:
    """A QueryParameterMatcher; `test` is a bool for presence."""

    def read(facts: HasRequest) -> str | None:
        return query_parameters(facts.request.path).get(name)

    if isinstance(test, bool):
        want = "present" if test else "absent"
        return Condition(f"query parameter {name}", want, read, lambda value: (value is not None) == test, place)
    holds = test.holds
    return Condition(
        f"query parameter {name}", test.want, read, lambda value: value is not None and holds(value), place
    )


def cookies(lines: tuple[str, ...]) -> dict[str, str]:
    """The first cookie of each name; items without `=` are passed over, quotes around the whole value removed.

    Only spaces before a name are passed over: those before `=` belong to it, and those behind a value to that.
    envoyproxy/envoy source/common/http/header_utility.cc (forEachCookie).
    """
    found: dict[str, str] = {}
    for line in lines:
        for item in line.split(";"):
            name, equals, value = item.lstrip(" ").partition("=")
            if equals:
                if len(value) >= 2 and value[0] == '"' == value[-1]:
                    value = value[1:-1]
                found.setdefault(name, value)
    return found


def cookie_condition(name: str, test: TextTest, place: Place | None, *, invert: bool = False) -> Condition[Any]:
    """A CookieMatcher. Unlike headers, an absent cookie satisfies an inverted test."""
    holds = test.holds

    def read(facts: HasRequest) -> str | None:
        return cookies(facts.request.headers.get("cookie", ())).get(name)

    def verdict(value: str | None) -> bool:
        return (value is not None and holds(value)) != invert

    return Condition(f"cookie {name}", f"not {test.want}" if invert else test.want, read, verdict, place)
