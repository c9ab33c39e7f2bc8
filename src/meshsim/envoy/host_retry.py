"""Which endpoint another attempt takes: drawn as before, but for the hosts and priorities a policy leaves out.

Follows envoyproxy/envoy source/extensions/load_balancing_policies/common/load_balancer_impl.cc (chooseHost) and
source/extensions/retry/{host/previous_hosts,priority/previous_priorities}. Shares are those of a proxy whose load
balancer stands anywhere: what it did for other calls is nobody's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..match.weighted import Weighted
from .endpoints import Endpoint
from .priorities import DEGRADED, HEALTHY, LoadPlan
from .retry_policy import RetryPolicy

USABLE = HEALTHY | DEGRADED
_IN_TURN = frozenset(("ROUND_ROBIN", "CLIENT_SIDE_WEIGHTED_ROUND_ROBIN"))
_HASHED = frozenset(("RING_HASH", "MAGLEV"))


def excluded_priorities(
    policy: RetryPolicy | None, tried: Sequence[Endpoint], everyone: Sequence[Endpoint]
) -> frozenset[int]:
    """What previous_priorities leaves out: it looks again after every so many attempts, and starts anew when none is
    left.
    """
    every = policy.priority_updates if policy is not None else 0
    if not every:
        return frozenset()
    usable = {_priority(endpoint) for endpoint in everyone if endpoint.health in USABLE}
    left_out: set[int] = set()
    for start in range(0, len(tried) // every * every, every):
        left_out |= {_priority(endpoint) for endpoint in tried[start : start + every]}
        if usable <= left_out:
            left_out = set()
    return frozenset(left_out)


def _priority(endpoint: Endpoint) -> int:
    return endpoint.locality.priority if endpoint.locality is not None else 0


def retry_shares(
    plan: LoadPlan, balancer: str, *, hashed: bool, policy: RetryPolicy | None, tried: Sequence[Endpoint]
) -> Mapping[Endpoint, Fraction]:
    """Endpoint -> its share of the next attempt; empty when none can be picked."""
    fresh = plan.shares()
    avoids = policy is not None and policy.previous_hosts
    attempts = policy.host_attempts if policy is not None else 0
    last = tried[-1]
    if balancer in _HASHED and hashed and not avoids and last in fresh:
        return {last: Fraction(1)}
    if balancer in _IN_TURN:
        # The next of the circle; with the predicate it is stepped over what was tried.
        left_out = set(tried) if avoids and attempts >= len(set(tried)) else {last}
        return _without(fresh, left_out)
    if not avoids:
        return fresh
    return _redrawn(fresh, set(tried), attempts)


def _without(shares: Mapping[Endpoint, Fraction], left_out: set[Endpoint]) -> Mapping[Endpoint, Fraction]:
    kept = {endpoint: share for endpoint, share in shares.items() if endpoint not in left_out}
    total = sum(kept.values(), Fraction(0))
    return {endpoint: share / total for endpoint, share in kept.items()} if total else shares


def _redrawn(shares: Mapping[Endpoint, Fraction], tried: set[Endpoint], attempts: int) -> Mapping[Endpoint, Fraction]:
    """A host that was tried is put back and another drawn, so many times; the last one drawn is taken whatever."""
    again = sum((share for endpoint, share in shares.items() if endpoint in tried), Fraction(0))
    reached = sum((again**draws for draws in range(attempts + 1)), Fraction(0))
    return {endpoint: share * (again**attempts if endpoint in tried else reached) for endpoint, share in shares.items()}


def retry_rows(plan: LoadPlan, shares: Mapping[Endpoint, Fraction]) -> Weighted[Endpoint]:
    """Every endpoint of the cluster as a row of the draw."""
    return Weighted(
        "endpoint",
        plan.assignment.endpoints,
        weight=lambda endpoint: shares.get(endpoint, Fraction(0)),
        weight_field="share of another attempt",
    )
