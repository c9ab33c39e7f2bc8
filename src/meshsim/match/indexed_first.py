"""IndexedFirst: FirstMatch for thousands of rows; only rows that can match at all are looked at, in their order.

A row stands in one bucket, or in none where any facts may match it; facts name the buckets whose rows are worth a look.
What decides is the rows' own conditions, so leaving the index out changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from heapq import merge
from typing import TypeVar

from .first import Ask, FirstMatch, Row, first_of

F = TypeVar("F")
R = TypeVar("R", bound=Row)  # type: ignore[type-arg]


class IndexedFirst(FirstMatch[R, F]):
    """`bucket` of a row: None where every facts' look must include it. `buckets` of facts."""

    __slots__ = ("_always", "_buckets", "_rows_of")

    def __init__(
        self,
        kind: str,
        rows: Sequence[R],
        *,
        bucket: Callable[[R], Hashable | None],
        buckets: Callable[[F], Iterable[Hashable]],
    ) -> None:
        super().__init__(kind, rows)
        self._buckets = buckets
        self._always: list[int] = []
        self._rows_of: dict[Hashable, list[int]] = {}
        for index, row in enumerate(self.rows):
            key = bucket(row)
            (self._always if key is None else self._rows_of.setdefault(key, [])).append(index)

    def pick(self, facts: F, ask: Ask[R]) -> R | None:
        rows = self.rows
        lists = [self._always] if self._always else []
        lists += [found for key in self._buckets(facts) if (found := self._rows_of.get(key)) is not None]
        order = lists[0] if len(lists) == 1 else merge(*lists)
        return first_of((rows[index] for index in order), facts, ask)
