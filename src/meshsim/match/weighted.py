"""Weighted: one of several is taken by its share (endpoints, localities, priorities).

Who may be taken is settled once, by conditions over the row itself; how likely each is comes from its weight. What is
drawn is somebody else's answer (`draw`); where only one row is left there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from ..explanation import Candidate, Check, Fate
from ..place import Place
from .condition import Condition, check


class WeightedRow(Protocol):
    """What Weighted needs of a row."""

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> Place | None: ...


R = TypeVar("R", bound=WeightedRow)

Draw = Callable[["Weighted[R]"], int]
"""Answers which of the eligible rows is taken, by its index among them."""


class Weighted(Generic[R]):
    """Rows, of which those that meet all conditions and have a weight above zero share the whole.

    `weight_field` is the configuration field that the weight comes from, for explanations.
    """

    __slots__ = ("conditions", "eligible", "kind", "likeliest", "options", "rows", "shares", "weight", "weight_field")

    def __init__(
        self,
        kind: str,
        rows: Sequence[R],
        *,
        weight: Callable[[R], int | Fraction],
        weight_field: str,
        conditions: Sequence[Condition[R]] = (),
    ) -> None:
        self.kind = kind
        self.rows = tuple(rows)
        self.conditions = tuple(conditions)
        self.weight = weight
        self.weight_field = weight_field
        self.eligible = tuple(
            row for row in self.rows if weight(row) > 0 and all(made.holds(row) is True for made in self.conditions)
        )
        total = Fraction(sum(weight(row) for row in self.eligible))
        self.shares: tuple[Fraction, ...] = tuple(weight(row) / total for row in self.eligible)
        self.options = tuple(row.name for row in self.eligible)
        self.likeliest = max(range(len(self.shares)), key=self.shares.__getitem__, default=0)
        """The first of those with the largest share."""

    def pick(self, draw: Draw[R]) -> R | None:
        """The row that is taken; None when no row is eligible. `draw` is asked only where there are several."""
        eligible = self.eligible
        if len(eligible) == 1:
            return eligible[0]
        if not eligible:
            return None
        return eligible[draw(self)]

    def explain(self, picked: R | None) -> tuple[R | None, tuple[Candidate, ...]]:
        """The winner and every row with its checks; `picked` says which of the eligible rows was drawn."""
        winner: R | None = None
        candidates = []
        for row in self.rows:
            checks = [check(made, row) for made in self.conditions]
            weight = self.weight(row)
            if weight <= 0 or not checks:
                seen = int(weight) if weight == int(weight) else float(weight)
                checks.append(Check(self.weight_field, "more than 0", seen, weight > 0, row.place))
            lost = next((made for made in checks if made.ok is not True), None)
            if lost is not None:
                fate, lost_at = Fate.FAILED if lost.ok is False else Fate.UNKNOWN, lost.what
            elif row is picked:
                fate, lost_at, winner = Fate.CHOSEN, "", row
            else:
                fate, lost_at = Fate.OUTRANKED, "share"
            candidates.append(Candidate(row.name, self.kind, fate, tuple(checks), row.place, lost_at))
        return winner, tuple(candidates)
