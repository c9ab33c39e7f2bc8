"""Weighted clusters whose pick a header states, and what falls back on the stream's random value."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.envoy.network_filters.hcm import HttpConnectionManager
from tests.builders_http import manager, one_route, request, walk

ENTRIES = [{"name": "a", "weight": 1}, {"name": "b", "weight": 3}]


@pytest.mark.parametrize(
    ("values", "cluster"),
    [(("0",), "a"), ((" 3 ",), "b"), (("+4",), "a"), (("18446744073709551615",), "b")],
)
def test_a_header_decides(values: tuple[str, ...], cluster: str) -> None:
    weighted = {"clusters": ENTRIES, "header_name": "X-Weight"}
    walked = walk(
        manager(one_route(route={"weighted_clusters": weighted})),
        request(headers={"x-weight": values}),
    )
    assert walked.cluster == cluster
    assert not walked.chooser.taken


@pytest.mark.parametrize("values", [("1", "1"), ("-1",), ("x",), ("",), ("18446744073709551616",)])
def test_what_is_no_single_number_leaves_it_to_chance(values: tuple[str, ...]) -> None:
    weighted = {"clusters": ENTRIES, "header_name": "x-weight"}
    hcm = manager(one_route(route={"weighted_clusters": weighted}))
    said = request(headers={"x-weight": values})
    assert walk(hcm, said, random_value=4).cluster == "a"
    assert walk(hcm, said, random_value=5).cluster == "b"


def test_the_hash_of_the_hash_policy_decides() -> None:
    hcm = _by_hash({"header": {"header_name": "x-a"}})
    taken = [walk(hcm, request(headers={"x-a": (value,)})) for value in ("one", "two", "three", "four", "five", "six")]
    assert {each.cluster for each in taken} == {"a", "b"}
    assert not any(each.chooser.taken for each in taken)


def test_nothing_to_hash_leaves_it_to_chance() -> None:
    hcm = _by_hash({"header": {"header_name": "x-a"}})
    assert walk(hcm, random_value=4).cluster == "a"
    assert walk(hcm, random_value=5).cluster == "b"


def test_no_cookie_is_made_before_a_cluster_is_picked() -> None:
    walked = walk(_by_hash({"cookie": {"name": "id", "ttl": "5s"}}), random_value=4)
    assert walked.cluster == "a"
    assert not walked.chooser.assumptions


def test_a_hash_of_filter_state_is_not_known() -> None:
    walked = walk(_by_hash({"filter_state": {"key": "k"}}))
    assert walked.cluster == "b"
    assert [made.code for made in walked.chooser.assumptions] == ["router.weights-by-hash"]


def _by_hash(policy: dict[str, Any]) -> HttpConnectionManager:
    weighted = {"clusters": ENTRIES, "use_hash_policy": True}
    return manager(one_route(route={"weighted_clusters": weighted, "hash_policy": [policy]}))
