"""Lookup: a name or address is looked up exactly, then by ordered fall-back keys (listeners, clusters, endpoints)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from ..explanation import Candidate, Check, Fate
from ..place import Place

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lookup(Generic[K, V]):
    """A dictionary whose keys are tried in an order the caller gives; the first present key wins."""

    __slots__ = ("kind", "table")

    def __init__(self, kind: str, table: Mapping[K, V]) -> None:
        self.kind = kind
        self.table = table

    def pick(self, keys: Sequence[K]) -> V | None:
        for key in keys:
            value = self.table.get(key)
            if value is not None:
                return value
        return None

    def explain(
        self, keys: Sequence[tuple[str, K, str]], place_of: Mapping[K, Place] | None = None
    ) -> tuple[V | None, tuple[Candidate, ...]]:
        """`keys` are (what, key, text of the key); one candidate a key tried, later ones NOT_REACHED."""
        winner: V | None = None
        candidates = []
        for what, key, text in keys:
            value = self.table.get(key)
            present = value is not None
            place = (place_of or {}).get(key)
            check = Check(what, text, text if present else None, present, place)
            if winner is not None:
                candidates.append(Candidate(text, self.kind, Fate.NOT_REACHED, (check,), place))
            elif present:
                winner = value
                candidates.append(Candidate(text, self.kind, Fate.CHOSEN, (check,), place))
            else:
                candidates.append(Candidate(text, self.kind, Fate.FAILED, (check,), place, what))
        return winner, tuple(candidates)
