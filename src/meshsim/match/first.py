"""FirstMatch: rows in order, the first whose conditions all hold is chosen (routes, tlsMode matches, RBAC policies)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from ..explanation import Candidate, Fate
from ..place import Place
from .condition import Condition, check

F = TypeVar("F")


class Row(Protocol[F]):
    """What FirstMatch needs of a row; compiled routes, policies … are rows themselves."""

    @property
    def name(self) -> str: ...
    @property
    def conditions(self) -> Sequence[Condition[F]]: ...
    @property
    def place(self) -> Place | None: ...


R = TypeVar("R", bound=Row)  # type: ignore[type-arg]

Ask = Callable[[R], bool]


def first_of(rows: Iterable[R], facts: F, ask: Ask[R]) -> R | None:
    """The first row whose conditions all hold."""
    for row in rows:
        verdict: bool | None = True
        for condition in row.conditions:
            ok = condition.test(condition.read(facts))
            if ok is False:
                verdict = False
                break
            if ok is None:
                verdict = None
        if verdict is True or (verdict is None and ask(row)):
            return row
    return None


class FirstMatch(Generic[R, F]):
    """An ordered list of rows. `ask(row)` answers for a row that only an unknowable condition keeps open."""

    __slots__ = ("kind", "rows")

    def __init__(self, kind: str, rows: Sequence[R]) -> None:
        self.kind = kind
        self.rows = tuple(rows)

    def pick(self, facts: F, ask: Ask[R]) -> R | None:
        return first_of(self.rows, facts, ask)

    def explain(self, facts: F, ask: Ask[R]) -> tuple[R | None, tuple[Candidate, ...]]:
        """The winner and every row with its checks; later rows are NOT_REACHED, with their checks made all the same."""
        winner: R | None = None
        candidates = []
        for row in self.rows:
            checks = tuple(check(condition, facts) for condition in row.conditions)
            lost = next((made for made in checks if made.ok is False), None)
            open_ = next((made for made in checks if made.ok is None), None)
            if winner is not None:
                fate, lost_at = Fate.NOT_REACHED, ""
            elif lost is not None:
                fate, lost_at = Fate.FAILED, lost.what
            elif open_ is not None and not ask(row):
                fate, lost_at = Fate.UNKNOWN, open_.what
            else:
                fate, lost_at, winner = Fate.CHOSEN, "", row
            candidates.append(Candidate(row.name, self.kind, fate, checks, row.place, lost_at))
        return winner, tuple(candidates)
