"""What a chooser answers: pins, the random value, the likeliest; and what it then has to assume."""

from __future__ import annotations

from fractions import Fraction

import pytest

from meshsim.choices import Choice, Chooser
from meshsim.errors import InputError
from meshsim.facts.residues import Residues
from meshsim.reasons import because

WHAT = because("app.question", destination="x")
HALF = Fraction(1, 2)


def choice(*shares: Fraction | None, default: int | None = None) -> Choice:
    return Choice("0/cluster", WHAT, tuple("abc"[: len(shares)]), shares, default=default)


def test_the_likeliest_option_is_taken_the_first_of_equals() -> None:
    assert Chooser().pick(choice(Fraction(1, 4), Fraction(3, 4))) == 1
    assert Chooser().pick(choice(HALF, HALF)) == 0


def test_a_known_share_is_no_assumption_an_unknown_one_is() -> None:
    chooser = Chooser()
    chooser.pick(choice(HALF, HALF))
    assert (chooser.assumptions, chooser.probability) == ([], HALF)
    chooser.pick(choice(None, None, default=1))
    assert (chooser.assumptions, chooser.probability) == ([WHAT], None)


def test_a_pin_takes_its_option_and_needs_no_assumption() -> None:
    chooser = Chooser(pins={"0/cluster": "b"})
    assert chooser.pick(choice(None, None)) == 1
    assert chooser.assumptions == []


def test_a_pin_to_no_option_names_the_options() -> None:
    with pytest.raises(InputError) as caught:
        Chooser(pins={"0/cluster": "z"}).pick(choice(HALF, HALF))
    assert caught.value.hint == "options: a, b"


def test_the_random_value_decides_a_weighted_pick() -> None:
    bounds = ((0, 90), (90, 100))
    index, known = Chooser(random_value=195).pick_residue(choice(None, None), Residues(), 100, bounds)
    assert (index, known.constraints) == (1, ((100, 90, 100),))


def test_a_pin_against_the_random_value_is_refused() -> None:
    chooser = Chooser(random_value=5, pins={"0/cluster": "b"})
    with pytest.raises(InputError, match="contradicts"):
        chooser.pick_residue(choice(None, None), Residues(), 100, ((0, 90), (90, 100)))
