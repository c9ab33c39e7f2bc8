"""FirstMatch and Lookup: what is explained is what is picked, whatever the rows and facts."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from meshsim.explanation import Fate
from meshsim.match.condition import Condition, unmodelled
from meshsim.match.first import FirstMatch
from meshsim.match.lookup import Lookup
from meshsim.place import Place


@frozen(eq=False)
class Row:
    name: str
    conditions: Sequence[Condition[int]]
    place: Place | None = None


def at_least(limit: int) -> Condition[int]:
    return Condition("at_least", limit, lambda facts: facts, lambda seen: seen >= limit)


def unknowable() -> Condition[int]:
    return unmodelled("mystery", "x", None)


conditions = st.one_of(st.integers(0, 5).map(at_least), st.builds(unknowable))
tables = st.lists(st.lists(conditions, max_size=3), max_size=5).map(
    lambda rows: FirstMatch("row", [Row(f"r{index}", row) for index, row in enumerate(rows)])
)


@given(tables, st.integers(0, 5), st.sets(st.sampled_from([f"r{index}" for index in range(5)])))
def test_first_match_explains_what_it_picks(table: FirstMatch[Row, int], facts: int, granted: set[str]) -> None:
    def ask(row: Row) -> bool:
        return row.name in granted

    picked = table.pick(facts, ask)
    winner, candidates = table.explain(facts, ask)
    assert winner is picked
    assert [c.label for c in candidates if c.fate is Fate.CHOSEN] == ([picked.name] if picked else [])


def test_the_loser_names_the_check_it_lost_on_and_later_rows_are_not_reached() -> None:
    table = FirstMatch("row", [Row("a", [at_least(3)]), Row("b", []), Row("c", [])])
    _, (a, b, c) = table.explain(2, lambda _row: False)
    assert (a.fate, a.lost_at, a.near_miss) == (Fate.FAILED, "at_least", True)
    assert (b.fate, c.fate) == (Fate.CHOSEN, Fate.NOT_REACHED)


def test_an_unknowable_condition_keeps_the_row_open_only_where_all_others_hold() -> None:
    asked: list[str] = []

    def ask(row: Row) -> bool:
        asked.append(row.name)
        return False

    table = FirstMatch("row", [Row("a", [at_least(3), unknowable()]), Row("b", [unknowable()])])
    assert table.pick(2, ask) is None
    assert asked == ["b"]


@given(st.dictionaries(st.integers(0, 5), st.text(min_size=1)), st.lists(st.integers(0, 5), max_size=4))
def test_lookup_explains_what_it_picks(table: dict[int, str], keys: list[int]) -> None:
    lookup = Lookup("thing", table)
    winner, candidates = lookup.explain([("key", key, str(key)) for key in keys])
    assert winner == lookup.pick(keys)
    assert len(candidates) == len(keys)
