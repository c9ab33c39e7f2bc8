"""Weighted clusters whose pick a header states, and what falls back on the stream's random value."""

from __future__ import annotations

import pytest

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


def test_a_hash_is_not_known() -> None:
    policy = [{"header": {"header_name": "x-a"}}]
    weighted = {"clusters": ENTRIES, "use_hash_policy": True}
    walked = walk(manager(one_route(route={"weighted_clusters": weighted, "hash_policy": policy})))
    assert walked.cluster == "b"
    assert [made.code for made in walked.chooser.assumptions] == ["router.weights-by-hash"]
