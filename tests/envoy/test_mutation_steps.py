"""Single header mutations: which are refused, what they take away; and the numbers and texts of their values."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.config.view import View
from meshsim.envoy.doubles import read_double, written_double
from meshsim.envoy.format_operators import FormatFacts
from meshsim.envoy.json_text import json_text
from meshsim.envoy.mutation_steps import compile_step, stepped
from meshsim.envoy.sendable import unsendable
from meshsim.errors import Rejected
from meshsim.place import Place
from tests.builders_http import connection, request


def step(**fields: Any) -> Any:
    return compile_step(View(fields, Place("document")))


@pytest.mark.parametrize(
    "fields",
    [{}, {"remove_on_match": {}}, {"remove": "a\nb"}, {"append": {}}, {"append": {"header": {"key": "host"}}}],
)
def test_what_envoy_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        step(**fields)


@pytest.mark.parametrize(
    ("fields", "missing", "host"),
    [
        ({"remove": ":method"}, "missing required header: :method", "a.test"),
        ({"remove": ":path"}, "missing required header: :path", "a.test"),
        ({"remove_on_match": {"key_matcher": {"prefix": ":"}}}, "missing required header: :method", None),
        ({"remove": "host"}, None, None),
        ({"remove_on_match": {"key_matcher": {"exact": "host"}}}, None, "a.test"),
        ({"append": {"header": {"key": "x", "value": "a\tb"}}}, None, "a.test"),
    ],
)
def test_what_a_request_then_lacks(fields: dict[str, Any], missing: str | None, host: str | None) -> None:
    before = request("/p", authority="a.test")
    made = stepped(before, (step(**fields),), FormatFacts(before, connection(), ""))
    assert unsendable(made) == missing
    assert made.authority == host


def test_replies_go_by_what_the_request_came_as() -> None:
    arrived = {"arrived_as_grpc": True, "arrived_as_head": True}
    before = request("/p", headers={"content-type": ("application/grpc",)}, method="HEAD", **arrived)
    made = stepped(before, (step(remove="content-type"), step(remove=":method")), FormatFacts(before, connection(), ""))
    assert not made.is_grpc() and made.replied_as_grpc() and made.replied_as_head()


@settings(max_examples=100)
@given(st.floats())
def test_a_double_survives_its_text(value: float) -> None:
    text = written_double(value)
    if math.isnan(value):
        assert text == "null"
    else:
        assert read_double(text) == value and len(text) <= max(len(repr(value)), 2)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=8,
)


@settings(max_examples=100)
@given(_VALUES)
def test_a_structure_survives_its_text(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return  # half a pair has no UTF-8 to survive in
    assert json.loads(json_text(value)) == value
