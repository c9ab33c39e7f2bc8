"""Rings, tables and hash functions: known answers, and what holds of any of them. Exact hosts are in `tests.truth`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.choices import Chooser
from meshsim.envoy.endpoints import Endpoint
from meshsim.envoy.hash_policy import compile_hash_policies, hash_of
from meshsim.envoy.hashing import HashOptions, Maglev, Ring, normalised, table_of
from meshsim.envoy.murmur import murmur_hash_2
from meshsim.errors import Rejected
from meshsim.stages import endpoint as stage
from tests.builders_upstream import (
    assignment,
    at_endpoint,
    cluster,
    connection,
    endpoint,
    http_via,
    locality,
    request,
    said,
    static_cluster,
    view,
)

WEIGHTS = st.lists(st.integers(1, 50), min_size=2, max_size=6)


def weighed(weights: list[int]) -> list[tuple[Endpoint, float]]:
    made = [endpoint(f"10.0.0.{number}:80", load_balancing_weight=weight) for number, weight in enumerate(weights, 1)]
    return normalised([(1.0, assignment(locality(*made)).endpoints)])


@pytest.mark.parametrize(
    ("data", "wanted"),
    [("", 6142509188972423790), ("a", 4993892634952068459), ("abcdefgh", 8664279048047335611)],
)
def test_murmur_is_the_hash_of_libstdcpp(data: str, wanted: int) -> None:
    assert murmur_hash_2(data.encode()) == wanted


@settings(max_examples=60)
@given(weights=WEIGHTS, smallest=st.integers(1, 300), value=st.integers(0, 2**64 - 1))
def test_a_ring_gives_each_hash_to_one_host_and_leaves_none_over(weights: list[int], smallest: int, value: int) -> None:
    ring = Ring(weighed(weights), HashOptions(minimum_ring=smallest))
    assert sum(ring.shares.values()) == 2**64
    assert ring.hashes == sorted(ring.hashes) and len(ring.hashes) >= smallest
    found = ring.host(value)
    after = [host for hashed, host in zip(ring.hashes, ring.hosts, strict=True) if hashed >= value]
    assert found is (after or ring.hosts)[0]


@settings(max_examples=40)
@given(weights=WEIGHTS, table=st.sampled_from([53, 101, 211]))
def test_a_table_is_full_and_heavier_hosts_have_no_less_of_it(weights: list[int], table: int) -> None:
    hosts = weighed(weights)
    made = Maglev(hosts, HashOptions(table=table))
    assert sum(made.shares.values()) == table
    heaviest, lightest = max(hosts, key=lambda each: each[1])[0], min(hosts, key=lambda each: each[1])[0]
    assert made.shares[heaviest] >= made.shares[lightest]


def test_what_would_cost_seconds_is_not_built() -> None:
    assert table_of("RING_HASH", weighed([1, 1]), HashOptions(minimum_ring=1 << 20)) is None
    assert table_of("MAGLEV", [], HashOptions()) is None


def test_a_value_of_chance_leaves_the_hash_unknown() -> None:
    policies = compile_hash_policies([view({"header": {"header_name": "x-request-id"}})])
    found = hash_of(policies, connection(), request(headers={"x-request-id": ()}))
    assert (found.value, found.unknown) == (None, "header x-request-id")


def test_bytes_that_are_no_text_are_hashed_too() -> None:
    policies = compile_hash_policies([view({"header": {"header_name": "x-user"}})])
    values = {hash_of(policies, connection(), request(headers={"x-user": (each,)})).value for each in ("\udcc3", "a")}
    assert len(values - {None}) == 2


def test_the_host_is_explained_by_what_was_hashed() -> None:
    made = cluster(static_cluster(locality("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"), lb_policy="RING_HASH"))
    via = http_via(hash_policy=[{"header": {"header_name": "x-user"}}])
    at = at_endpoint(made, via=via, conversation=said(headers={"x-user": ("jason",)}))
    chooser = Chooser()
    picked, _ = stage.STAGE.decide(None, at, chooser)  # type: ignore[arg-type]
    assert (chooser.taken, chooser.assumptions) == ([], [])
    decision = stage.STAGE.explain(None, at, picked)  # type: ignore[arg-type]
    assert (decision.reason.code, decision.reason.fact("source")) == ("endpoint.by-hash", "header x-user")
    assert decision.chosen is not None and decision.chosen.label == picked.endpoint.name


@pytest.mark.parametrize(
    "fields",
    [
        {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 100}},
        {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 5_000_047}},
        {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 9, "maximum_ring_size": 8}},
        {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 9_000_000}},
        {"lb_policy": "CLUSTER_PROVIDED"},
        {"common_lb_config": {"consistent_hashing_lb_config": {"use_hostname_for_hashing": True}}},
        {"lb_subset_config": {"subset_selectors": [{"keys": ["a"], "fallback_keys_subset": ["a"]}]}},
    ],
)
def test_what_envoy_refuses_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Rejected) as refused:
        cluster(static_cluster(locality("10.0.0.1:80"), **fields))
    assert "Envoy refuses" in (refused.value.hint or "")
