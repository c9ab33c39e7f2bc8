"""A want and a value: literals, patterns, lists, `not:`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.suite.matching import holds
from meshsim.suite.model import Want

VALUES = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "a", "b", "7", "true", "null"])


@pytest.mark.parametrize(
    ("want", "got", "so"),
    [
        (Want((404,)), 404, True),
        (Want((404,)), "404", True),
        (Want(("404",)), 404, False),
        (Want((True,)), 1, False),
        (Want((1,)), True, False),
        (Want((None,)), None, True),
        (Want((None,)), "", False),
        (Want(patterns=("^rbac",)), "rbac_access_denied", True),
        (Want(patterns=("access",)), "rbac_access_denied", True),
        (Want(patterns=("^access",)), "rbac_access_denied", False),
        (Want(patterns=("^4",)), 404, True),
        (Want(patterns=("",)), None, False),
        (Want(("UF",)), ["UF", "URX"], True),
        (Want(("UF",), listed=True), ["UF", "URX"], False),
        (Want(("URX", "UF"), listed=True), ["UF", "URX"], True),
        (Want(("UF",), patterns=("^UR",), listed=True), ["UF", "URX"], True),
        (Want(("UF", "UC"), listed=True), ["UF"], False),
        (Want((), listed=True), [], True),
        (Want((), listed=True), ["UF"], False),
        (Want(("UF",)), [], False),
        (Want(("UF",), negated=True), [], True),
    ],
)
def test_it_holds_or_not(want: Want, got: Any, so: bool) -> None:
    assert holds(want, got) is so


@given(st.lists(VALUES, min_size=1, max_size=3), st.booleans(), VALUES | st.lists(VALUES, max_size=3))
def test_not_is_the_opposite(literals: list[Any], listed: bool, got: Any) -> None:
    want = Want(tuple(literals), listed=listed)
    assert holds(Want(tuple(literals), listed=listed, negated=True), got) is not holds(want, got)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_of_one_value_a_list_is_one_of(literals: list[Any]) -> None:
    want = Want(tuple(literals), listed=True)
    assert all(holds(want, literal) for literal in literals)
    assert not holds(want, "something else")


@given(st.permutations(["a", "b", "c"]))
def test_of_a_list_a_list_is_all_of_it_in_any_order(order: list[str]) -> None:
    assert holds(Want(("a", "b", "c"), listed=True), order)
    assert not holds(Want(("a", "b"), listed=True), order)
