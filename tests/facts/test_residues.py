"""R is one value a stream: fractions and weights on it correlate."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from meshsim.facts.residues import Residues


def test_a_fraction_then_equal_weights_do_not_multiply() -> None:
    """30 % of 100, then weights 50/50 of 100: whoever passed the fraction has R % 100 < 30, so always the first."""
    passed = Residues().narrowed(100, 0, 30)
    assert passed.share(100, 0, 50) == 1
    assert passed.share(100, 50, 100) == 0


def test_moduli_without_a_common_factor_are_independent() -> None:
    assert Residues().narrowed(7, 0, 3).share(10, 0, 1) == Fraction(1, 10)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_shares_of_a_partition_sum_to_one(first: int, second: int, data: st.DataObject) -> None:
    stop = data.draw(st.integers(1, first))
    cut = data.draw(st.integers(0, second))
    known = Residues().narrowed(first, 0, stop)
    shares = [known.share(second, 0, cut), known.share(second, cut, second)]
    assert sum(share for share in shares if share is not None) == 1


def test_a_period_too_long_to_count_is_unknown_not_wrong() -> None:
    known = Residues().narrowed(999_983, 0, 10)
    assert known.share(999_979, 0, 10) is None
