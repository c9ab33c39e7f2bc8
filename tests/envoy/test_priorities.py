"""Exact shares of endpoints: the distributions that were measured on a real Envoy, and what must hold for any."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.envoy.endpoints import HEALTH_STATES, Assignment
from meshsim.envoy.priorities import Balancing, plan_load
from meshsim.envoy.priority_loads import Census, priority_loads
from tests.builders_upstream import assignment, endpoint, locality

STATES = {"ok": None, "sick": "UNHEALTHY", "slow": "TIMEOUT", "gone": "DRAINING", "poor": "DEGRADED"}


def world(*priorities: str, **policy: Any) -> Assignment:
    """One word a host, one text a priority; hosts are named 10.PRIORITY.0.NUMBER:80."""
    localities = [
        locality(
            *(
                endpoint(f"10.{priority}.0.{number}:80", health=STATES[word])
                for number, word in enumerate(text.split(), 1)
            ),
            priority=priority,
        )
        for priority, text in enumerate(priorities)
        if text != "-"
    ]
    return assignment(*localities, **({"policy": policy} if policy else {}))


def percents(found: Assignment, balancing: Balancing | None = None) -> dict[str, float]:
    shares = plan_load(found, balancing or Balancing()).shares()
    return {each.name: float(share * 100) for each, share in shares.items()}


def by_priority(found: Assignment, balancing: Balancing | None = None) -> dict[int, Fraction]:
    total: dict[int, Fraction] = {}
    for each, share in plan_load(found, balancing or Balancing()).shares().items():
        assert each.locality is not None
        priority = each.locality.priority
        total[priority] = total.get(priority, Fraction(0)) + share * 100
    return total


@pytest.mark.parametrize(
    ("priorities", "wanted"),
    [
        (("ok sick", "ok"), {0: 70, 1: 30}),
        (("ok ok sick", "ok"), {0: 93, 1: 7}),
        (("ok ok ok sick", "ok"), {0: 100}),
        (("sick sick", "ok sick"), {1: 100}),
        (("ok sick sick", "ok sick"), {0: 46, 1: 54}),
        (("ok sick sick", "ok sick sick"), {0: 50, 1: 50}),
        (("sick", "ok sick sick sick"), {0: 20, 1: 80}),
        (("-", "ok"), {1: 100}),
        (("", "ok"), {1: 100}),
        (("ok gone gone gone", "ok"), {0: 100}),
        (("ok slow", "ok"), {0: 70, 1: 30}),
    ],
)
def test_priorities(priorities: tuple[str, ...], wanted: dict[int, int]) -> None:
    assert by_priority(world(*priorities)) == wanted


def test_the_overprovisioning_factor_decides_when_a_priority_spills() -> None:
    assert by_priority(world("ok sick", "ok", overprovisioning_factor=100)) == {0: 50, 1: 50}


@pytest.mark.parametrize(
    ("hosts", "wanted"),
    [
        ("ok sick", {"10.0.0.1:80": 100}),
        ("ok sick sick sick", dict.fromkeys((f"10.0.0.{n}:80" for n in range(1, 5)), 25)),
        ("sick sick", {"10.0.0.1:80": 50, "10.0.0.2:80": 50}),
        ("ok gone gone gone", {"10.0.0.1:80": 100}),
        ("sick gone", {"10.0.0.1:80": 50, "10.0.0.2:80": 50}),
        ("ok poor", {"10.0.0.1:80": 70, "10.0.0.2:80": 30}),
        ("ok ok ok ok poor", dict.fromkeys((f"10.0.0.{n}:80" for n in range(1, 5)), 25)),
        ("poor sick", {"10.0.0.1:80": 100}),
        ("", {}),
    ],
)
def test_one_priority(hosts: str, wanted: dict[str, float]) -> None:
    assert percents(world(hosts)) == wanted


def test_partial_panic_uses_all_hosts_of_that_priority_only() -> None:
    # P0 93, P1 23 (one of six): both are asked since 93 + 23 is over 100, so nobody panics.
    assert by_priority(world("ok ok sick", "ok" + 5 * " sick")) == {0: 93, 1: 7}
    # P0 70, P1 20 (one of seven): the total stays below 100 and P1 alone is below the threshold.
    shares = percents(world("ok sick", "ok" + 6 * " sick"))
    assert len(shares) == 8 and shares["10.0.0.1:80"] == 78
    assert all(shares[f"10.1.0.{number}:80"] == pytest.approx(22 / 7) for number in range(1, 8))


def test_threshold_zero_never_panics() -> None:
    calm = Balancing(panic_threshold=0)
    assert percents(world("sick sick"), calm) == {}
    assert percents(world("ok sick sick"), calm) == {"10.0.0.1:80": 100}


def test_fail_traffic_on_panic_leaves_nobody() -> None:
    strict = Balancing(fail_traffic_on_panic=True)
    assert percents(world("ok sick sick"), strict) == {}
    assert percents(world("ok sick"), strict) == {"10.0.0.1:80": 100}


def test_endpoint_weights_count_unless_the_policy_is_random() -> None:
    found = assignment(locality(endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80", load_balancing_weight=3)))
    assert percents(found) == {"10.0.0.1:80": 25, "10.0.0.2:80": 75}
    assert percents(found, Balancing(policy="RANDOM")) == {"10.0.0.1:80": 50, "10.0.0.2:80": 50}


def test_the_same_address_twice_counts_twice() -> None:
    found = assignment(locality("10.0.0.1:80", "10.0.0.1:80", "10.0.0.2:80"))
    shares = plan_load(found, Balancing()).shares()
    assert sum(share for each, share in shares.items() if each.name == "10.0.0.1:80") == Fraction(2, 3)


def test_weighted_health_counts_weights_instead_of_hosts() -> None:
    hosts = [endpoint("10.0.0.1:80", load_balancing_weight=9), endpoint("10.0.0.2:80", health="UNHEALTHY")]
    spare = locality("10.1.0.1:80", priority=1)
    assert by_priority(assignment(locality(*hosts), spare)) == {0: 70, 1: 30}
    weighted = assignment(locality(*hosts), spare, policy={"weighted_priority_health": True})
    assert by_priority(weighted) == {0: 100}


def zones(*zones: tuple[int | None, str]) -> Assignment:
    made = []
    for number, (weight, text) in enumerate(zones):
        fields: dict[str, Any] = {"locality": {"region": "r", "zone": f"z{number}"}}
        if weight is not None:
            fields["load_balancing_weight"] = weight
        hosts = (endpoint(f"10.0.{number}.{host}:80", health=STATES[word]) for host, word in enumerate(text.split(), 1))
        made.append(locality(*hosts, **fields))
    return assignment(*made)


def by_zone(found: Assignment, balancing: Balancing) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for each, share in plan_load(found, balancing).shares().items():
        assert each.locality is not None
        total[each.locality.name] = total.get(each.locality.name, Fraction(0)) + share
    return total


WEIGHTED = Balancing(locality_weighted=True)


@pytest.mark.parametrize(
    ("given_zones", "balancing", "wanted"),
    [
        (((1, "ok"), (9, "ok")), WEIGHTED, {"r/z0": Fraction(1, 10), "r/z1": Fraction(9, 10)}),
        (((1, "ok"), (9, "ok")), Balancing(), {"r/z0": Fraction(1, 2), "r/z1": Fraction(1, 2)}),
        (((1, "ok"), (1, "ok sick")), WEIGHTED, {"r/z0": Fraction(100, 170), "r/z1": Fraction(70, 170)}),
        (((1, "ok"), (None, "ok")), WEIGHTED, {"r/z0": Fraction(1)}),
        (((None, "ok"), (None, "ok")), WEIGHTED, {"r/z0": Fraction(1, 2), "r/z1": Fraction(1, 2)}),
        (((1, "ok sick sick"), (9, "sick")), WEIGHTED, {"r/z0": Fraction(3, 4), "r/z1": Fraction(1, 4)}),
    ],
)
def test_localities(given_zones: Any, balancing: Balancing, wanted: dict[str, Fraction]) -> None:
    assert by_zone(zones(*given_zones), balancing) == wanted


words = st.lists(st.sampled_from(sorted(STATES)), max_size=5).map(" ".join)


@given(st.lists(words, min_size=1, max_size=4), st.integers(1, 400), st.integers(0, 100), st.booleans())
def test_shares_sum_to_one_or_nobody_is_left(
    priorities: list[str], factor: int, threshold: int, weighted: bool
) -> None:
    found = world(*priorities, overprovisioning_factor=factor)
    balancing = Balancing(panic_threshold=threshold, locality_weighted=weighted)
    shares = plan_load(found, balancing).shares()
    assert sum(shares.values()) == (1 if shares else 0)
    assert all(share > 0 for share in shares.values())
    if threshold > 0 and factor >= 100 and found.endpoints:
        assert shares
    for each in shares:
        assert each.health in HEALTH_STATES


counts = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))


@given(st.lists(counts, min_size=1, max_size=4), st.integers(1, 300), st.integers(0, 100))
def test_loads_sum_to_a_hundred(rows: list[tuple[int, int, int, int]], factor: int, threshold: int) -> None:
    census = []
    for healthy, degraded, sick, gone in rows:
        counted = healthy + degraded + sick
        percent = Fraction(100 * (healthy + degraded), counted) if counted else Fraction(0)
        census.append(Census(counted + gone, counted, healthy, degraded, percent))
    loads = priority_loads(census, factor, threshold)
    assert sum(load.healthy + load.degraded for load in loads) == 100
    assert all(load.healthy >= 0 and load.degraded >= 0 for load in loads)
