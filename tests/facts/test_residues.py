"""R is one value a stream: fractions and weights on it correlate."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.facts.residues import Residues

HUNDRED, TEN_THOUSAND, MILLION = 100, 10_000, 1_000_000


@st.composite
def constraints(draw: st.DrawFn) -> tuple[int, int, int]:
    modulus = draw(st.sampled_from([1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 15, 20, 30, 100]))
    start = draw(st.integers(0, modulus))
    return modulus, start, draw(st.integers(start, modulus))


def counted(known: list[tuple[int, int, int]], asked: tuple[int, int, int]) -> Fraction | None:
    """The definition: one period, value by value."""
    residues = Residues(tuple(known))
    allowed = [value for value in range(lcm(asked[0], *(modulus for modulus, _, _ in known))) if residues.allows(value)]
    met = [value for value in allowed if asked[1] <= value % asked[0] < asked[2]]
    return Fraction(len(met), len(allowed)) if allowed else None


def test_a_fraction_then_equal_weights_do_not_multiply() -> None:
    """30 % of 100, then weights 50/50 of 100: whoever passed the fraction has R % 100 < 30, so always the first."""
    passed = Residues().narrowed(100, 0, 30)
    assert passed.share(100, 0, 50) == 1
    assert passed.share(100, 50, 100) == 0


def test_moduli_without_a_common_factor_are_independent() -> None:
    assert Residues().narrowed(7, 0, 3).share(10, 0, 1) == Fraction(1, 10)


def test_large_moduli_are_exact() -> None:
    assert Residues().narrowed(999_983, 0, 10).share(999_979, 0, 10) == Fraction(10, 999_979)
    passed = Residues().narrowed(MILLION, 0, 123_456)
    assert passed.share(HUNDRED, 0, 50) == Fraction(1234 * 50 + 50, 123_456)
    assert passed.narrowed(TEN_THOUSAND, 0, 5000).share(HUNDRED, 90, 100) == Fraction(12 * 500 + 340, 12 * 5000 + 3456)


def test_every_denominator_and_an_odd_total_at_once() -> None:
    known = Residues().narrowed(MILLION, 5, 700_003).narrowed(TEN_THOUSAND, 0, 7777).narrowed(HUNDRED, 20, 100)
    for total in (7, 30, 64, 250, 192, 40_000, 3_000_000):
        cut = total // 3
        assert sum(known.share(total, *part) or 0 for part in ((0, cut), (cut, total))) == 1


def test_nothing_is_known_where_no_value_is_left() -> None:
    assert Residues().narrowed(10, 0, 3).narrowed(10, 5, 9).share(4, 0, 1) is None


def test_moduli_entangled_beyond_measure_are_unknown_not_wrong() -> None:
    first, second, third = 9_999_991, 9_999_973, 9_999_971
    known = Residues().narrowed(first * second, 1, 9).narrowed(first * third, 1, 9)
    assert known.share(second * third, 0, 9) is None


@given(st.lists(constraints(), max_size=4), constraints())
@settings(max_examples=200, deadline=None)
def test_a_share_is_what_counting_says(known: list[tuple[int, int, int]], asked: tuple[int, int, int]) -> None:
    assert Residues(tuple(known)).share(*asked) == counted(known, asked)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_shares_of_a_partition_sum_to_one(first: int, second: int, data: st.DataObject) -> None:
    stop = data.draw(st.integers(1, first))
    cut = data.draw(st.integers(0, second))
    known = Residues().narrowed(first, 0, stop)
    shares = [known.share(second, 0, cut), known.share(second, cut, second)]
    assert sum(share for share in shares if share is not None) == 1
