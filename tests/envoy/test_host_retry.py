"""Shares of another attempt are a whole, whatever was tried; what a predicate avoids gets no more than before."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.envoy.endpoints import Assignment
from meshsim.envoy.host_retry import excluded_priorities, retry_shares
from meshsim.envoy.priorities import Balancing, plan_load
from meshsim.envoy.retry_policy import RetryPolicy
from tests.builders_upstream import assignment, endpoint, locality

WORLDS = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), min_size=1, max_size=3)


def made(weights: list[list[int]]) -> Assignment:
    """One priority a list, one endpoint a weight."""
    return assignment(
        *(
            locality(
                *(
                    endpoint(f"10.0.{number}.{index}:80", load_balancing_weight=weight)
                    for index, weight in enumerate(group)
                ),
                priority=number,
            )
            for number, group in enumerate(weights)
        )
    )


@settings(max_examples=200)
@given(
    weights=WORLDS,
    balancer=st.sampled_from(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "RING_HASH"]),
    avoids=st.booleans(),
    draws=st.integers(0, 5),
    picks=st.lists(st.integers(0, 8), min_size=1, max_size=4),
)
def test_shares_are_a_whole(
    weights: list[list[int]], balancer: str, avoids: bool, draws: int, picks: list[int]
) -> None:
    found = made(weights)
    plan = plan_load(found, Balancing(policy=balancer))
    usable = tuple(plan.shares())
    tried = tuple(usable[pick % len(usable)] for pick in picks)
    policy = RetryPolicy("reset", None, host_attempts=draws, previous_hosts=avoids)
    shares = retry_shares(plan, balancer, hashed=True, policy=policy, tried=tried)
    assert sum(shares.values()) == Fraction(1)
    stepped_over = balancer != "ROUND_ROBIN" or draws >= len(set(tried))
    if avoids and stepped_over and set(usable) - set(tried):
        fresh = plan.shares()
        assert all(shares.get(each, 0) <= fresh[each] for each in set(tried))


def test_priorities_are_left_out_in_turns_and_anew_when_none_is_left() -> None:
    found = made([[1], [1], [1]])
    one, two, three = found.endpoints
    policy = RetryPolicy("reset", None, priority_updates=1)
    turns = [excluded_priorities(policy, tried, found.endpoints) for tried in ((one,), (one, two), (one, two, three))]
    assert turns == [{0}, {0, 1}, frozenset()]
    every_other = RetryPolicy("reset", None, priority_updates=2)
    assert excluded_priorities(every_other, (one,), found.endpoints) == frozenset()
    assert excluded_priorities(every_other, (one, one, two), found.endpoints) == {0}
    assert excluded_priorities(None, (one,), found.endpoints) == frozenset()
