"""Header, query and cookie conditions, and the messages they are compiled from."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from meshsim.envoy.matchers import compile_cookie_matcher, compile_header_matcher, compile_query_matcher
from meshsim.facts.request import Request
from meshsim.match.condition import check
from tests.builders_http import request, view


@frozen
class Facts:
    request: Request


def header(matcher: dict[str, Any], *values: str, present: bool = True) -> bool | None:
    sent = request("/p?q=1", headers={"x": tuple(values)} if values or not present else {})
    return compile_header_matcher(view({"name": "X", **matcher})).holds(Facts(sent))


@pytest.mark.parametrize(
    ("matcher", "values", "holds"),
    [
        ({"string_match": {"exact": "a"}}, ("b", "a"), True),  # value by value
        ({"string_match": {"exact": "b,a"}}, ("b", "a"), False),
        ({"string_match": {"exact": "a"}, "invert_match": True}, ("b", "a"), False),
        ({"string_match": {"exact": "a"}, "invert_match": True}, ("b", "c"), True),
        ({"string_match": {"exact": "a"}, "invert_match": True}, (), False),  # absent never satisfies a value test
        ({"string_match": {"exact": ""}, "treat_missing_header_as_empty": True}, (), True),
        ({"string_match": {"exact": "a"}, "invert_match": True, "treat_missing_header_as_empty": True}, (), True),
        ({"present_match": True, "treat_missing_header_as_empty": True}, (), True),
        ({"string_match": {"prefix": "Ab", "ignore_case": True}}, ("aBc",), True),
        ({"string_match": {"suffix": "c"}}, ("abc",), True),
        ({"string_match": {"contains": "B"}}, ("abc",), False),
        ({"string_match": {"safe_regex": {"regex": "a|b"}}}, ("ab",), False),
        ({"exact_match": ""}, ("anything",), True),
        ({"exact_match": "a"}, ("a",), True),
        ({"prefix_match": "a"}, ("ab",), True),
        ({"suffix_match": "a"}, ("ab",), False),
        ({"contains_match": "b"}, ("abc",), True),
        ({"safe_regex_match": {"regex": "[0-9]+"}}, ("12",), True),
        ({"range_match": {"start": -1, "end": 3}}, (" +2 ",), True),
        ({"range_match": {"start": 0, "end": 3}}, ("3",), False),
        ({"range_match": {"start": 0, "end": 9}}, ("5.0",), False),
        ({"range_match": {"start": 0, "end": 9}, "invert_match": True}, ("0x5",), True),
        ({"range_match": {"start": "0", "end": "9223372036854775807"}}, ("9223372036854775808",), False),
        ({"present_match": False}, (), True),
        ({"present_match": False}, ("a",), False),
        ({"present_match": True, "invert_match": True}, (), True),
        ({}, ("a",), True),
        ({}, (), False),
    ],
)
def test_header_matchers(matcher: dict[str, Any], values: tuple[str, ...], holds: bool) -> None:
    assert header(matcher, *values) is holds


def test_a_header_whose_value_only_run_time_knows() -> None:
    assert header({"string_match": {"exact": "a"}}, present=False) is None
    assert header({"present_match": True}, present=False) is True


@pytest.mark.parametrize(
    ("name", "wanted", "holds"),
    [
        (":method", "GET", True),
        (":path", "/p?q=1", True),
        (":authority", "A.com", True),
        ("host", "A.com", True),
        (":authority", "a.com", False),  # values are case-sensitive
        (":scheme", "http", True),
    ],
)
def test_pseudo_headers(name: str, wanted: str, holds: bool) -> None:
    condition = compile_header_matcher(view({"name": name, "string_match": {"exact": wanted}}))
    assert condition.holds(Facts(request("/p?q=1", host="A.com"))) is holds


def test_what_is_not_modelled_is_unknowable_and_says_where() -> None:
    condition = compile_header_matcher(view({"name": "x", "string_match": {"custom": {"name": "e"}}}))
    made = check(condition, Facts(request()))
    assert made.ok is None
    assert str(made.place) == "test.json"
    assert header({"string_match": {"exact": "a"}, "brand_new_field": 1}, "a") is None


@pytest.mark.parametrize(
    ("matcher", "path", "holds"),
    [
        ({"string_match": {"exact": "1"}}, "/?q=1&q=2", True),  # the first value counts
        ({"string_match": {"exact": "2"}}, "/?q=1&q=2", False),
        ({"string_match": {"exact": ""}}, "/?q", True),
        ({"string_match": {"exact": "a b"}}, "/?q=a%20b", False),  # nothing is decoded
        ({"string_match": {"exact": "a=b"}}, "/?q=a=b", True),
        ({"present_match": True}, "/?r=1", False),
        ({"present_match": False}, "/?r=1", True),
        ({}, "/?Q=1", False),
    ],
)
def test_query_parameters(matcher: dict[str, Any], path: str, holds: bool) -> None:
    assert compile_query_matcher(view({"name": "q", **matcher})).holds(Facts(request(path))) is holds


@pytest.mark.parametrize(
    ("lines", "invert", "holds"),
    [
        (('k="v"; l=2',), False, True),
        (("l=2", "k=v"), False, True),
        (("k=other; k=v",), False, False),
        (("k",), False, False),
        (("k=v ;l=2",), False, False),  # the blank is the value's
        (("k =v",), False, False),
        (("l=2;  k=v",), False, True),
        ((), True, True),  # unlike headers
        (("k=v",), True, False),
    ],
)
def test_cookies(lines: tuple[str, ...], invert: bool, holds: bool) -> None:
    condition = compile_cookie_matcher(view({"name": "k", "string_match": {"exact": "v"}, "invert_match": invert}))
    sent = request(headers={"cookie": lines} if lines else {})
    assert condition.holds(Facts(sent)) is holds
