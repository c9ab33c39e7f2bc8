"""Sieve: nested levels, the most specific key of each level wins, and there is no going back (filter chains).

Every level asks the facts for its keys, most specific first; the first key that any row left so far states takes the
level, and rows without that key are out for good. Follows envoyproxy/envoy
source/common/listener_manager/filter_chain_manager_impl.cc. Nothing here knows what the levels mean.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen

from ..errors import Rejected
from ..explanation import Candidate, Check, Fate
from ..place import Place

F = TypeVar("F")


class SieveRow(Protocol):
    """What a Sieve needs of a row; compiled filter chains are rows themselves."""

    @property
    def label(self) -> str: ...
    @property
    def place(self) -> Place: ...
    @property
    def keys(self) -> Sequence[tuple[Hashable, ...]]:
        """One tuple of keys a level, in the order of the levels; the level's `anything` where the row states none."""
        ...

    def place_of(self, what: str) -> Place:
        """Where the row's condition on a level stands."""
        ...


R = TypeVar("R", bound=SieveRow)

Ask = Callable[[tuple[R | None, ...]], int]
"""Which of several possible winners it is, where equal keys leave it open."""

_MISSING: Any = object()


@frozen(eq=False)
class Level(Generic[F]):
    """One criterion. `tries` ends with `anything`, so a row that states nothing is always found last."""

    what: str
    """The configuration field."""
    anything: Hashable
    """The key of a row that states nothing."""
    tries: Callable[[F], Iterable[Hashable]]
    """The facts' keys, most specific first."""
    seen: Callable[[F], Any]
    """What the facts show, JSON-safe."""
    text: Callable[[Any], Any]
    """A key as the user wrote it, JSON-safe."""
    tied: frozenset[Hashable] = frozenset()
    """Keys of equal rank: where two of them are present, the configuration does not say which one wins."""


@frozen(eq=False)
class Step(Generic[F]):
    """One level on the way to a row."""

    level: Level[F]
    key: Hashable
    present: frozenset[Hashable]
    """All keys that rows state there, this one among them."""


class Sieve(Generic[R, F]):
    """Rows in nested dictionaries, one a level that any row uses. Overlapping rows are refused as Envoy does."""

    __slots__ = ("_ambiguous", "_root", "_tries", "_used", "kind", "levels", "rows")

    def __init__(self, kind: str, levels: Sequence[Level[F]], rows: Sequence[R]) -> None:
        self.kind = kind
        self.levels = tuple(levels)
        self.rows = tuple(rows)
        self._used = tuple(
            index
            for index, level in enumerate(self.levels)
            if any(row.keys[index] != (level.anything,) for row in self.rows)
        )
        self._tries = tuple(self.levels[index].tries for index in self._used)
        self._ambiguous = False
        self._root: Any = self._nest(self.rows, 0) if self.rows else None

    def _nest(self, rows: Sequence[R], depth: int) -> Any:
        if depth == len(self._used):
            if len(rows) > 1:
                raise Rejected(
                    "overlapping-rules",
                    f"{self.kind} {rows[1].label!r} has the same matching rules as {rows[0].label!r}",
                    place=rows[1].place,
                    note=f"the other one stands at {rows[0].place}",
                    hint="change the match of one of the two; Envoy refuses this listener too",
                )
            return rows[0]
        index = self._used[depth]
        groups: dict[Hashable, list[R]] = {}
        for row in rows:
            for key in dict.fromkeys(row.keys[index]):
                groups.setdefault(key, []).append(row)
        if len(self.levels[index].tied & groups.keys()) > 1:
            self._ambiguous = True
        return {key: self._nest(group, depth + 1) for key, group in groups.items()}

    def courses(self) -> Iterator[tuple[R, tuple[Step[F], ...]]]:
        """Every way to a row: at each level that is used the key that leads on, among the keys it competes with."""
        waiting: list[tuple[Any, tuple[Step[F], ...]]] = [] if self._root is None else [(self._root, ())]
        while waiting:
            node, steps = waiting.pop()
            if len(steps) == len(self._used):
                yield node, steps
                continue
            level = self.levels[self._used[len(steps)]]
            waiting += [(below, (*steps, Step(level, key, frozenset(node)))) for key, below in node.items()]

    def pick(self, facts: F, ask: Ask[R]) -> R | None:
        if self._ambiguous:
            outcomes = tuple(self._outcomes(facts))
            return outcomes[ask(outcomes)] if len(outcomes) > 1 else outcomes[0]
        node = self._root
        for tries in self._tries:
            for key in tries(facts):
                child = node.get(key, _MISSING)
                if child is not _MISSING:
                    node = child
                    break
            else:
                return None
        winner: R | None = node
        return winner

    def _outcomes(self, facts: F) -> dict[R | None, tuple[Hashable, ...]]:
        """Each possible winner (usually one) with the keys that lead to it; a path that dies ends early."""
        found: dict[R | None, tuple[Hashable, ...]] = {}
        self._follow(self._root, 0, facts, (), found)
        return found

    def _follow(
        self, node: Any, depth: int, facts: F, path: tuple[Hashable, ...], found: dict[R | None, tuple[Hashable, ...]]
    ) -> None:
        if node is None or depth == len(self._used):
            found.setdefault(node, path)
            return
        level = self.levels[self._used[depth]]
        present = [key for key in dict.fromkeys(level.tries(facts)) if key in node]
        if not present:
            found.setdefault(None, path)
            return
        if present[0] in level.tied:
            present = [key for key in present if key in level.tied]
        else:
            present = present[:1]
        for key in present:
            self._follow(node[key], depth + 1, facts, (*path, key), found)

    def explain(self, facts: F, ask: Ask[R]) -> tuple[R | None, tuple[Candidate, ...]]:
        """The winner, and for every row the level where it failed or a more specific row took over."""
        paths = self._outcomes(facts)
        outcomes = tuple(paths)
        winner = outcomes[ask(outcomes)] if len(outcomes) > 1 else outcomes[0]
        path = paths[winner]
        return winner, tuple(self._candidate(row, winner, path, outcomes, facts) for row in self.rows)

    def _candidate(
        self, row: R, winner: R | None, path: tuple[Hashable, ...], outcomes: tuple[R | None, ...], facts: F
    ) -> Candidate:
        checks = tuple(
            self._check(self.levels[index], row, index, facts)
            for index in self._used
            if row.keys[index] != (self.levels[index].anything,)
        )
        if row is winner:
            return Candidate(row.label, self.kind, Fate.CHOSEN, checks, row.place)
        if row in outcomes:
            return Candidate(row.label, self.kind, Fate.UNKNOWN, checks, row.place, "equal rank")
        for depth, index in enumerate(self._used):
            level = self.levels[index]
            if not self._has(level, row, index, facts):
                return Candidate(row.label, self.kind, Fate.FAILED, checks, row.place, level.what)
            if depth < len(path) and path[depth] not in row.keys[index]:
                return Candidate(row.label, self.kind, Fate.OUTRANKED, checks, row.place, level.what)
        return Candidate(row.label, self.kind, Fate.UNKNOWN, checks, row.place)

    @staticmethod
    def _has(level: Level[F], row: R, index: int, facts: F) -> bool:
        stated = row.keys[index]
        return any(key in stated for key in level.tries(facts))

    def _check(self, level: Level[F], row: R, index: int, facts: F) -> Check:
        want = [level.text(key) for key in row.keys[index]]
        seen = level.seen(facts)
        found = self._has(level, row, index, facts)
        return Check(level.what, want[0] if len(want) == 1 else want, seen, found, row.place_of(level.what))
