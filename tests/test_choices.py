"""What a chooser answers: pins, the random value, the likeliest; and what it then has to assume."""

from __future__ import annotations

from fractions import Fraction

import pytest

from meshsim.choices import Choice, Chooser
from meshsim.errors import InputError
from meshsim.facts.answer import Answer
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


def test_a_script_steers_the_first_choices_only() -> None:
    chooser = Chooser(script=(1,))
    assert [chooser.pick(choice(HALF, HALF)), chooser.pick(choice(HALF, HALF))] == [1, 0]


def test_a_scripted_course_that_is_not_the_harmless_one_is_no_assumption() -> None:
    chooser = Chooser(script=(1, 0))
    chooser.pick(choice(None, None, default=0))
    assert chooser.assumptions == []
    chooser.pick(choice(None, None, default=0))
    assert chooser.assumptions == [WHAT]


def test_a_site_that_is_asked_again_is_a_site_of_its_own() -> None:
    chooser = Chooser(pins={"0/cluster": "b", "0/cluster/3": "b"})
    assert [chooser.pick(choice(HALF, HALF)) for _ in range(3)] == [1, 0, 1]
    assert [taken.choice.site for taken in chooser.taken] == ["0/cluster", "0/cluster/2", "0/cluster/3"]


def test_a_stated_answer_settles_its_own_site_only() -> None:
    chooser = Chooser(answers={"0/cluster/2": Answer(401)})
    open_choice = choice(None, None, default=0)
    assert chooser.answer(open_choice) is None
    chooser.pick(open_choice)
    assert chooser.answer(open_choice) == Answer(401)
    assert chooser.pick_answered(open_choice, 1) == 1
    assert (chooser.taken[-1].choice.site, chooser.taken[-1].settled) == ("0/cluster/2", True)


def test_where_nothing_can_be_answered_a_stated_answer_is_refused() -> None:
    known = Residues()
    for ask in (
        lambda chooser: chooser.pick(choice(HALF, HALF)),
        lambda chooser: chooser.pick_residue(choice(HALF, HALF), known, 100, ((0, 50), (50, 100))),
    ):
        for random_value in (None, 5):
            with pytest.raises(InputError) as caught:
                ask(Chooser(answers={"0/cluster": Answer(401)}, random_value=random_value))
            assert caught.value.reference == "answer-to-no-question"


def test_options_of_one_name_can_be_told_apart() -> None:
    twice = Choice("0/cluster", WHAT, ("a", "b", "a", "a#2"), (Fraction(1, 4),) * 4)
    assert twice.labels == ("a", "b", "a#2", "a#2#2")
    assert Chooser(pins={"0/cluster": "a#2"}).pick(twice) == 2


def test_a_pin_to_what_can_never_happen_is_refused() -> None:
    known = Residues().narrowed(100, 0, 30)
    with pytest.raises(InputError) as caught:
        Chooser(pins={"0/cluster": "b"}).pick_residue(choice(None, None), known, 100, ((0, 50), (50, 100)))
    assert caught.value.reference == "pick-impossible"
