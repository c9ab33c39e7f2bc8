"""What is known of a stream's one random value R: runtime fractions and weighted clusters are constraints on it.

Envoy draws one 64-bit R a stream; a fraction asks `R % denominator < numerator`, weighted clusters ask in which
weight interval `R % total` lies (envoyproxy/envoy source/common/router/config_impl.cc, weighted_cluster_specifier.cc).
Shares are exact fractions over one period of all moduli; None when that period is too long to count.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from attrs import frozen

MAX_PERIOD = 1_000_000
"""Longest combined period that is counted value by value."""


@frozen
class Residues:
    """A conjunction of `start <= R % modulus < stop`."""

    constraints: tuple[tuple[int, int, int], ...] = ()

    def narrowed(self, modulus: int, start: int, stop: int) -> Residues:
        return Residues((*self.constraints, (modulus, start, stop)))

    def allows(self, value: int) -> bool:
        return all(start <= value % modulus < stop for modulus, start, stop in self.constraints)

    def share(self, modulus: int, start: int, stop: int) -> Fraction | None:
        """P(start <= R % modulus < stop), given the constraints so far."""
        if not self.constraints:
            return Fraction(max(0, stop - start), modulus)
        period = lcm(modulus, *(constraint[0] for constraint in self.constraints))
        if period > MAX_PERIOD:
            return None
        allowed = [value for value in range(period) if self.allows(value)]
        if not allowed:
            return None
        return Fraction(sum(start <= value % modulus < stop for value in allowed), len(allowed))
