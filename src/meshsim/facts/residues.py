"""What is known of a stream's one random value R: runtime fractions and weighted clusters are constraints on it.

Envoy draws one 64-bit R a stream; a fraction asks `R % denominator < numerator`, weighted clusters ask in which
weight interval `R % total` lies (envoyproxy/envoy source/common/router/config_impl.cc, weighted_cluster_specifier.cc).
Shares are exact fractions over one period of all moduli (that 2^64 is no multiple of the period is left out). They
are reckoned with intervals and common divisors, so a modulus of a million costs no more than one of a hundred.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from attrs import frozen

MAX_PIECES = 1_000_000
"""Most intervals that are looked at one by one, where no common divisor helps."""

Constraints = tuple[tuple[int, int, int], ...]
"""(modulus, start, stop): start <= R % modulus < stop."""


@frozen
class Residues:
    """A conjunction of `start <= R % modulus < stop`."""

    constraints: Constraints = ()

    def narrowed(self, modulus: int, start: int, stop: int) -> Residues:
        return Residues((*self.constraints, (modulus, start, stop)))

    def allows(self, value: int) -> bool:
        return all(start <= value % modulus < stop for modulus, start, stop in self.constraints)

    def share(self, modulus: int, start: int, stop: int) -> Fraction | None:
        """P(start <= R % modulus < stop), given the constraints so far.

        None where nothing meets them, and where moduli are entangled beyond MAX_PIECES.
        """
        if not self.constraints:
            return Fraction(max(0, stop - start), modulus)
        known = probability(_merged(self.constraints))
        both = probability(_merged((*self.constraints, (modulus, start, stop))))
        return both / known if known and both is not None else None


def _merged(constraints: Constraints) -> Constraints:
    """One interval a modulus, largest modulus first; moduli that say nothing are left out."""
    bounds: dict[int, tuple[int, int]] = {}
    for modulus, start, stop in constraints:
        low, high = bounds.get(modulus, (0, modulus))
        bounds[modulus] = (max(low, start), min(high, stop))
    return tuple(
        (modulus, *bounds[modulus]) for modulus in sorted(bounds, reverse=True) if bounds[modulus] != (0, modulus)
    )


@lru_cache(maxsize=4096)
def probability(constraints: Constraints) -> Fraction | None:
    """The share of all R that meet merged constraints; None where it cannot be reckoned."""
    if not constraints:
        return Fraction(1)
    if any(start >= stop for _modulus, start, stop in constraints):
        return Fraction(0)
    for index, (modulus, start, stop) in enumerate(constraints):
        others = (*constraints[:index], *constraints[index + 1 :])
        shared = gcd(modulus, lcm(*(each[0] for each in others)))
        if shared < modulus:
            return _without(others, modulus, start, stop, shared)
    return _swept(constraints)


def _without(others: Constraints, modulus: int, start: int, stop: int, shared: int) -> Fraction | None:
    """Only `R % shared` ties this modulus to the others: sum over the intervals of it that fare alike."""
    total = Fraction(0)
    for low, high, fitting in _pieces(start, stop, shared):
        if fitting:
            part = probability(_merged((*others, (shared, low, high))))
            if part is None:
                return None
            total += part * Fraction(fitting * shared, modulus)
    return total


def _pieces(start: int, stop: int, shared: int) -> list[tuple[int, int, int]]:
    """Intervals of residues modulo `shared`, each with how many numbers in [start, stop) have one such residue."""
    whole, rest = divmod(stop - start, shared)
    first = start % shared
    end = first + rest
    if end <= shared:
        pieces = [(0, first, whole), (first, end, whole + 1), (end, shared, whole)]
    else:
        pieces = [(0, end - shared, whole + 1), (end - shared, first, whole), (first, shared, whole + 1)]
    return [piece for piece in pieces if piece[0] < piece[1]]


def _swept(constraints: Constraints) -> Fraction | None:
    """Each modulus divides the common multiple of the rest: go through one period, interval by interval."""
    period = lcm(*(each[0] for each in constraints))
    if any(period // modulus > MAX_PIECES for modulus, _start, _stop in constraints):
        return None
    open_ = [(0, period)]
    for modulus, start, stop in constraints:
        open_ = [
            (max(low, base + start), min(high, base + stop))
            for low, high in open_
            for base in range(low - low % modulus, high, modulus)
            if max(low, base + start) < min(high, base + stop)
        ]
    return Fraction(sum(high - low for low, high in open_), period)
