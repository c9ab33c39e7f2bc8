"""Sieve: the nested levels against a brute force over whole rows, and explanations against picks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.errors import Rejected
from meshsim.explanation import Fate
from meshsim.match.sieve import Level, Sieve
from meshsim.place import Place

Facts = tuple[Sequence[Hashable], ...]
"""For each level the keys that are tried, most specific first, without the catch-all."""

TIED = frozenset({"all", "*"})
DEPTH = 3


@frozen(eq=False)
class Row:
    label: str
    keys: Sequence[tuple[Hashable, ...]]

    @property
    def place(self) -> Place:
        return Place("t.json", (self.label,))

    def place_of(self, what: str) -> Place:
        return self.place / what


def level(index: int, *, tied: bool = False) -> Level[Facts]:
    return Level(
        what=f"level{index}",
        anything="*",
        tries=lambda facts: (*facts[index], "*"),
        seen=lambda facts: list(facts[index]),
        text=str,
        tied=TIED if tied else frozenset(),
    )


def sieve(*rows: Row, tied: bool = False) -> Sieve[Row, Facts]:
    return Sieve("row", [level(index, tied=tied) for index in range(DEPTH)], rows)


def brute_force(rows: Sequence[Row], facts: Facts) -> Row | None:
    """Level by level over the rows that are left: keep those with the first key that any of them states."""
    left = list(rows)
    for index in range(DEPTH):
        for key in (*facts[index], "*"):
            holders = [row for row in left if key in row.keys[index]]
            if holders:
                left = holders
                break
        else:
            return None
    return left[0] if left else None


def disjoint(rows: list[Row]) -> list[Row]:
    """Rows of which no two claim the same keys on every level."""
    kept: list[Row] = []
    for row in rows:
        if not any(all(set(a) & set(b) for a, b in zip(row.keys, other.keys, strict=True)) for other in kept):
            kept.append(row)
    return kept


keys = st.lists(st.sampled_from("abc*"), min_size=1, max_size=2, unique=True).map(tuple)
rows = st.lists(st.tuples(keys, keys, keys), max_size=6).map(
    lambda made: disjoint([Row(f"r{index}", each) for index, each in enumerate(made)])
)
facts = st.tuples(*[st.lists(st.sampled_from("abcd"), max_size=3, unique=True).map(tuple)] * DEPTH)


def never(_options: object) -> int:
    raise AssertionError("nothing is open here")


@settings(max_examples=200)
@given(rows, facts)
def test_a_sieve_picks_what_brute_force_picks_and_explains_it(made: list[Row], seen: Facts) -> None:
    table = sieve(*made)
    picked = table.pick(seen, never)
    assert picked is brute_force(made, seen)
    winner, candidates = table.explain(seen, never)
    assert winner is picked
    assert [each.label for each in candidates if each.fate is Fate.CHOSEN] == ([picked.label] if picked else [])
    assert all(each.fate in (Fate.CHOSEN, Fate.FAILED, Fate.OUTRANKED) for each in candidates)
    assert all(each.lost_at for each in candidates if each.fate is not Fate.CHOSEN)


@settings(max_examples=200)
@given(rows, facts, st.integers(0, 7))
def test_an_open_choice_is_explained_as_it_was_answered(made: list[Row], seen: Facts, answer: int) -> None:
    renamed = [Row(row.label, [tuple("all" if k == "a" else k for k in level) for level in row.keys]) for row in made]
    table = sieve(*renamed, tied=True)
    asked: list[tuple[Row | None, ...]] = []

    def ask(options: tuple[Row | None, ...]) -> int:
        asked.append(options)
        return answer % len(options)

    seen_all = tuple((*level, "all") for level in seen)
    picked = table.pick(seen_all, ask)
    winner, _ = table.explain(seen_all, ask)
    assert winner is picked
    assert all(len(set(options)) == len(options) > 1 and picked in options for options in asked)


def test_there_is_no_going_back() -> None:
    specific = Row("port", [("a",), ("b",), ("*",)])
    general = Row("any", [("*",), ("*",), ("*",)])
    table = sieve(specific, general)
    winner, (lost, outranked) = table.explain((("a",), (), ()), never)
    assert winner is None
    assert (lost.fate, lost.lost_at, lost.near_miss) == (Fate.FAILED, "level1", True)
    assert (outranked.fate, outranked.lost_at) == (Fate.OUTRANKED, "level0")
    assert table.pick((("x",), (), ()), never) is general


def test_the_order_of_the_tries_decides_not_the_order_of_the_rows() -> None:
    table = sieve(Row("b", [("b",), ("*",), ("*",)]), Row("a", [("a",), ("*",), ("*",)]))
    picked = table.pick((("a", "b"), (), ()), never)
    assert picked is not None and picked.label == "a"


def test_equal_keys_are_asked_about_only_where_their_subtrees_differ() -> None:
    explicit = Row("explicit", [("all",), ("b",), ("*",)])
    without = Row("without", [("*",), ("*",), ("*",)])
    table = sieve(explicit, without, tied=True)
    assert table.pick((("all",), ("b",), ()), lambda options: options.index(explicit)) is explicit
    assert table.pick((("all",), ("b",), ()), lambda options: options.index(without)) is without
    _, candidates = table.explain((("all",), ("b",), ()), lambda options: options.index(without))
    assert [each.fate for each in candidates] == [Fate.UNKNOWN, Fate.CHOSEN]
    alone = sieve(without, tied=True)
    assert alone.pick((("all",), (), ()), never) is without


def test_rows_with_the_same_keys_are_refused() -> None:
    with pytest.raises(Rejected) as refused:
        sieve(Row("one", [("a", "b"), ("*",), ("*",)]), Row("two", [("b",), ("*",), ("*",)]))
    assert "'two' has the same matching rules as 'one'" in refused.value.message


def test_no_rows_and_one_row_without_conditions() -> None:
    assert sieve().pick(((), (), ()), never) is None
    assert sieve().explain(((), (), ()), never) == (None, ())
    only = Row("only", [("*",), ("*",), ("*",)])
    assert sieve(only).pick(((), (), ()), never) is only
