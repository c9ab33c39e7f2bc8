"""Weighted: who may be taken, with which share, and why the others are out."""

from fractions import Fraction

from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from meshsim.explanation import Fate
from meshsim.match.condition import Condition
from meshsim.match.weighted import Weighted
from meshsim.place import Place


@define(eq=False)
class Row:
    name: str
    weight: int
    usable: bool | None = True
    place: Place | None = None


USABLE: Condition[Row] = Condition("usable", True, lambda row: row.usable, lambda seen: seen)


def weighted(*rows: Row) -> Weighted[Row]:
    return Weighted("row", rows, weight=lambda row: row.weight, weight_field="weight", conditions=(USABLE,))


def never(_rows: object) -> int:
    raise AssertionError("nothing was to be drawn")


def test_one_or_none_is_not_drawn() -> None:
    only = Row("a", 1)
    assert weighted(only, Row("b", 1, False), Row("c", 0), Row("d", 1, None)).pick(never) is only
    assert weighted(Row("b", 1, False)).pick(never) is None
    assert weighted().pick(never) is None


def test_shares_follow_the_weights_of_the_usable() -> None:
    rows = weighted(Row("a", 1), Row("b", 9, False), Row("c", 3))
    assert rows.options == ("a", "c")
    assert rows.shares == (Fraction(1, 4), Fraction(3, 4))
    assert rows.likeliest == 1
    asked = []

    def draw(made: Weighted[Row]) -> int:
        asked.append(made)
        return 1

    picked = rows.pick(draw)
    assert picked is not None and picked.name == "c"
    assert asked == [rows]


def test_each_loser_says_why() -> None:
    rows = weighted(Row("a", 1), Row("b", 1), Row("sick", 1, False), Row("odd", 1, None), Row("weightless", 0))
    winner, candidates = rows.explain(rows.rows[1])
    assert winner is rows.rows[1]
    assert [(each.label, each.fate, each.lost_at) for each in candidates] == [
        ("a", Fate.OUTRANKED, "share"),
        ("b", Fate.CHOSEN, ""),
        ("sick", Fate.FAILED, "usable"),
        ("odd", Fate.UNKNOWN, "usable"),
        ("weightless", Fate.FAILED, "weight"),
    ]


def test_a_row_that_may_not_be_taken_is_never_the_explained_winner() -> None:
    rows = weighted(Row("a", 1), Row("sick", 1, False))
    assert rows.explain(rows.rows[1])[0] is None


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([True, False, None])), max_size=8), st.data())
def test_pick_and_explain_agree(specification: list[tuple[int, bool | None]], data: st.DataObject) -> None:
    rows = weighted(*(Row(str(index), weight, usable) for index, (weight, usable) in enumerate(specification)))
    assert sum(rows.shares) == (1 if rows.eligible else 0)
    picked = rows.pick(lambda made: data.draw(st.integers(0, len(made.options) - 1)))
    assert rows.explain(picked)[0] is picked
