"""Responses that are thrown away for their headers: the table as the real Envoy 1.40 gave it."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.view import View
from meshsim.envoy.retry_policy import RetryPolicy, compile_retry_policy, for_request
from meshsim.facts.request import Request
from meshsim.place import Place

PRESENT = {"name": "x-again", "present_match": True}
VALUE = {"name": "X-Again", "string_match": {"exact": "yes"}}
ABSENT = {"name": "x-again", "present_match": True, "invert_match": True}
STATUS = {"name": ":status", "string_match": {"exact": "418"}}
DATE = {"name": "date", "present_match": True}
OTHER = {"name": "x-none", "present_match": True}

ANSWERS: dict[str, tuple[int, dict[str, tuple[str, ...]]]] = {
    "yes": (200, {"x-again": ("yes",), "date": ()}),
    "other": (200, {"x-again": ("other",), "date": ()}),
    "teapot": (418, {"date": ()}),
    "limited": (200, {"x-again": ("yes",), "x-envoy-ratelimited": ("true",), "date": ()}),
    "plain": (200, {"date": ()}),
}


def policy(*matchers: dict[str, Any], on: str = "retriable-headers", **fields: Any) -> RetryPolicy:
    config = {"retry_on": on, "retriable_headers": list(matchers), **fields}
    made = compile_retry_policy(View({"retry_policy": config}, Place("t")))
    assert made is not None
    return made


def retried(asked: RetryPolicy | None) -> set[str]:
    assert asked is not None
    return {name for name, (status, headers) in ANSWERS.items() if asked.after_response(status, None, headers)}


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        ([PRESENT], {"yes", "other"}),
        ([VALUE], {"yes"}),
        ([ABSENT], {"teapot", "plain"}),
        ([STATUS], {"teapot"}),
        ([OTHER, PRESENT], {"yes", "other"}),
        ([DATE], {"yes", "other", "teapot", "plain"}),
        ([], set()),
    ],
)
def test_what_the_matchers_take(matchers: list[dict[str, Any]], expected: set[str]) -> None:
    assert retried(policy(*matchers)) == expected


def test_only_where_retry_on_says_so() -> None:
    assert retried(policy(PRESENT, on="5xx")) == set()


def test_requests_that_may_not_be_retried() -> None:
    made = policy(PRESENT, retriable_request_headers=[{"name": "x-may", "present_match": True}])
    assert retried(for_request(made, Request("GET", "http", "a", "/", {}))) == set()
    assert retried(for_request(made, Request("GET", "http", "a", "/", {"x-may": ("1",)}))) == {"yes", "other"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [("x-foo, X-Again", {"yes", "other"}), ("x-again", {"yes", "other"}), ("x-foo", set())],
)
def test_headers_that_the_request_itself_names(names: str, expected: set[str]) -> None:
    headers = {"x-envoy-retry-on": ("retriable-headers",), "x-envoy-retriable-header-names": (names,)}
    assert retried(for_request(policy(on="5xx"), Request("GET", "http", "a", "/", headers))) == expected
