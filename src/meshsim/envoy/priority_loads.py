"""How much each priority gets of the whole: availability, overprovisioning, and panic.

Whole percents and integer division, as envoyproxy/envoy
source/extensions/load_balancing_policies/common/load_balancer_impl.cc reckons them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from attrs import frozen


@frozen
class Census:
    """How much of one priority is in which class: hosts, or their weights where the assignment says so."""

    hosts: int
    """Number of all hosts; what total panic counts."""
    counted: int
    healthy: int
    degraded: int
    healthy_percent: Fraction
    """Healthy and degraded hosts of the counted ones, by number: what the panic threshold is compared with."""


NOBODY = Census(0, 0, 0, 0, Fraction(0))


@frozen
class Load:
    """What one priority gets of the whole, in percent."""

    healthy: int
    degraded: int
    panic: bool


def priority_loads(
    census: Sequence[Census], overprovisioning: int | Sequence[int], panic_threshold: int
) -> tuple[Load, ...]:
    """The loads of all priorities, P0 first; they sum to 100. The factor may be one for each of them."""
    factors = [overprovisioning] * len(census) if isinstance(overprovisioning, int) else overprovisioning
    health = [
        _availability(factor, entry.healthy, entry.counted) for factor, entry in zip(factors, census, strict=True)
    ]
    degraded = [
        _availability(factor, entry.degraded, entry.counted) for factor, entry in zip(factors, census, strict=True)
    ]
    total = min(100, sum(health) + sum(degraded))
    if total == 0 and panic_threshold == 0:
        return tuple(Load(100 if index == 0 else 0, 0, panic=False) for index in range(len(census)))
    panic = [total != 100 and entry.healthy_percent < panic_threshold for entry in census]
    if all(panic):
        return _total_panic(census)
    if total == 0:
        # Factors below 1/hosts: no priority gets load, and Envoy falls back to the healthy hosts of P0.
        return tuple(Load(100 if index == 0 else 0, 0, panicking) for index, panicking in enumerate(panic))
    left = 100
    loads: list[list[int]] = []
    for availability in (health, degraded):
        taken = []
        for part in availability:
            share = min(left, part * 100 // total)
            taken.append(share)
            left -= share
        loads.append(taken)
    for availability, taken in zip((health, degraded), loads, strict=True):
        first = next((index for index, part in enumerate(availability) if part > 0), None)
        if first is not None:
            taken[first] += left
            break
    return tuple(Load(*row) for row in zip(*loads, panic, strict=True))


def _availability(overprovisioning: int, part: int, counted: int) -> int:
    return min(100, overprovisioning * part // counted) if counted else 0


def _total_panic(census: Sequence[Census]) -> tuple[Load, ...]:
    """Every priority panics: load by number of hosts, healthy or not."""
    hosts = sum(entry.hosts for entry in census)
    if hosts == 0:
        return tuple(Load(100 if index == 0 else 0, 0, panic=True) for index in range(len(census)))
    shares = [100 * entry.hosts // hosts for entry in census]
    first = next(index for index, entry in enumerate(census) if entry.hosts)
    shares[first] += 100 - sum(shares)
    return tuple(Load(share, 0, panic=True) for share in shares)
