"""MatchTree: Envoy's unified matcher, evaluated top down; the first row that holds and leads to an action wins.

Follows envoyproxy/envoy source/common/matcher/{matcher,list_matcher,map_matcher,field_matcher}.h: a row that leads to
a nested tree which finds nothing does not end the search, the next row is tried. Nothing here knows which data are
asked for or what an action is; `envoy.match_tree` reads the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attrs import field, frozen

from ..explanation import Candidate, Check, Fate
from ..place import Place
from .condition import Condition

F = TypeVar("F")
G = TypeVar("G", contravariant=True)
A = TypeVar("A")


class Missing(Enum):
    """Why an input has no value that could be tested. One that is plainly absent is None."""

    UNKNOWN = "known at run time only"
    NOT_YET = "not known yet when Envoy asks"
    """Envoy gives up: neither a later row nor on_no_match is tried."""


Verdict: TypeAlias = bool | Missing


class Predicate(Protocol[G]):
    """What a row of a matcher_list asks."""

    def verdict(self, facts: G) -> Verdict: ...
    def checks(self, facts: G) -> tuple[Check, ...]: ...


@frozen(eq=False)
class Single(Generic[F]):
    """One input and one test on it."""

    condition: Condition[F]

    def verdict(self, facts: F) -> Verdict:
        seen = self.condition.read(facts)
        if isinstance(seen, Missing):
            return seen
        held = self.condition.test(seen)
        return Missing.UNKNOWN if held is None else held

    def checks(self, facts: F) -> tuple[Check, ...]:
        condition = self.condition
        seen = condition.read(facts)
        shown = seen.value if isinstance(seen, Missing) else seen
        return (Check(condition.what, condition.want, shown, _known(self.verdict(facts)), condition.place),)


@frozen(eq=False)
class All(Generic[F]):
    """and_matcher: the first part that does not hold decides."""

    parts: tuple[Predicate[F], ...]

    def verdict(self, facts: F) -> Verdict:
        unknown = False
        for part in self.parts:
            found = part.verdict(facts)
            if found is False or found is Missing.NOT_YET:
                return found
            unknown |= found is Missing.UNKNOWN
        return Missing.UNKNOWN if unknown else True

    def checks(self, facts: F) -> tuple[Check, ...]:
        return tuple(check for part in self.parts for check in part.checks(facts))


@frozen(eq=False)
class Some(Generic[F]):
    """or_matcher: one part that holds is enough, whatever the others lack."""

    parts: tuple[Predicate[F], ...]
    place: Place

    def verdict(self, facts: F) -> Verdict:
        found = [part.verdict(facts) for part in self.parts]
        if True in found:
            return True
        return next((missing for missing in (Missing.UNKNOWN, Missing.NOT_YET) if missing in found), False)

    def checks(self, facts: F) -> tuple[Check, ...]:
        return (_group("any of", self.parts, facts, self.verdict(facts), self.place),)


@frozen(eq=False)
class Not(Generic[F]):
    part: Predicate[F]
    place: Place

    def verdict(self, facts: F) -> Verdict:
        found = self.part.verdict(facts)
        return found if isinstance(found, Missing) else not found

    def checks(self, facts: F) -> tuple[Check, ...]:
        return (_group("not", (self.part,), facts, self.verdict(facts), self.place),)


def _known(found: Verdict) -> bool | None:
    return None if isinstance(found, Missing) else found


def _group(what: str, parts: Sequence[Predicate[F]], facts: F, found: Verdict, place: Place) -> Check:
    inner = [check for part in parts for check in part.checks(facts)]
    want = [f"{check.what} {check.want}" for check in inner]
    return Check(what, want, [check.seen for check in inner], _known(found), place)


Ask: TypeAlias = Callable[["Row[Any, Any]"], bool]
"""Whether a row holds that only run time could tell."""


@frozen(eq=False)
class OnMatch(Generic[F, A]):
    """What follows where a row holds: an action, or another tree."""

    action: A | None
    tree: MatchTree[F, A] | None
    label: str
    """The action's name, or where the nested tree stands."""
    place: Place
    keep_matching: bool = False
    """What is found below is only noted, and the search goes on."""

    def follow(self, facts: F, ask: Ask) -> A | Missing | None:
        """What it comes to; None: the search goes on."""
        if self.tree is None:
            return None if self.keep_matching else self.action
        found = self.tree.resolve(facts, ask)
        return None if self.keep_matching and not isinstance(found, Missing) else found


@frozen(eq=False)
class Row(Generic[F, A]):
    """A row of a tree; `asks` says what it wants and what the facts show."""

    on_match: OnMatch[F, A]
    asks: Callable[[F], tuple[Check, ...]]

    @property
    def label(self) -> str:
        return self.on_match.label

    @property
    def place(self) -> Place:
        return self.on_match.place


@frozen(eq=False)
class MatchTree(Generic[F, A]):
    """A matcher_list or matcher_tree, or neither: then on_no_match always follows."""

    kind: str
    """What its candidates are called, such as filter_chain."""
    rows: tuple[Row[F, A], ...]
    order: Callable[[F, Ask], Iterator[Row[F, A] | Missing]]
    """The rows that hold, in the order Envoy follows them; NOT_YET ends the whole search."""
    on_no_match: OnMatch[F, A] | None
    ranked: bool = False
    """Rows compete by how exactly they match, not by where they stand."""
    actions: tuple[A, ...] = field(init=False)
    """Everything the tree can come to."""

    def __attrs_post_init__(self) -> None:
        ways = [row.on_match for row in self.rows] + ([self.on_no_match] if self.on_no_match is not None else [])
        found: list[A] = []
        for way in ways:
            found += way.tree.actions if way.tree is not None else ()
            if way.action is not None:
                found.append(way.action)
        object.__setattr__(self, "actions", tuple(found))

    def pick(self, facts: F, ask: Ask) -> A | None:
        """The action; None where nothing matched or Envoy cannot tell yet."""
        found = self.resolve(facts, ask)
        return None if isinstance(found, Missing) else found

    def resolve(self, facts: F, ask: Ask) -> A | Missing | None:
        """The same, with NOT_YET told apart from no match."""
        for row in self.order(facts, ask):
            if isinstance(row, Missing):
                return row
            found = row.on_match.follow(facts, ask)
            if found is not None:
                return found
        return self.on_no_match.follow(facts, ask) if self.on_no_match is not None else None

    def explain(self, facts: F, ask: Ask) -> tuple[A | None, tuple[Candidate, ...]]:
        """The winner, and each action of the tree with the checks on the way to it."""
        told: list[Candidate] = []
        found = self._tell(facts, ask, (), told)
        return (None if isinstance(found, Missing) else found), tuple(told)

    def _tell(self, facts: F, ask: Ask, above: tuple[Check, ...], told: list[Candidate]) -> A | Missing | None:
        tried: dict[Row[F, A], list[Candidate]] = {}
        found: A | Missing | None = None
        for row in self.order(facts, ask):
            if isinstance(row, Missing):
                found = row
                break
            tried[row] = []
            found = self._tell_way(row.on_match, facts, ask, (*above, *row.asks(facts)), tried[row])
            if found is not None:
                break
        decided = found is not None
        for row in self.rows:
            if row in tried:
                told += tried[row]
            else:
                self._pass_over(row.on_match, facts, (*above, *row.asks(facts)), told)
        if self.on_no_match is not None:
            if decided:
                self._pass_over(self.on_no_match, facts, above, told)
            else:
                found = self._tell_way(self.on_no_match, facts, ask, above, told)
        return found

    def _tell_way(
        self, way: OnMatch[F, A], facts: F, ask: Ask, checks: tuple[Check, ...], told: list[Candidate]
    ) -> A | Missing | None:
        if way.tree is None:
            fate, lost_at = (Fate.FAILED, "keep_matching") if way.keep_matching else (Fate.CHOSEN, "")
            told.append(Candidate(way.label, self.kind, fate, checks, way.place, lost_at))
            return None if way.keep_matching else way.action
        below: list[Candidate] = []
        found = way.tree._tell(facts, ask, checks, below)
        if way.keep_matching and not isinstance(found, Missing):
            told += [_kept(each) for each in below]
            return None
        told += below
        return found

    def _pass_over(self, way: OnMatch[F, A], facts: F, checks: tuple[Check, ...], told: list[Candidate]) -> None:
        """Every action below a row that was not followed."""
        if way.tree is None:
            fate, lost_at = self._lost(checks)
            told.append(Candidate(way.label, self.kind, fate, checks, way.place, lost_at))
            return
        for row in way.tree.rows:
            self._pass_over(row.on_match, facts, (*checks, *row.asks(facts)), told)
        if way.tree.on_no_match is not None:
            self._pass_over(way.tree.on_no_match, facts, checks, told)

    def _lost(self, checks: tuple[Check, ...]) -> tuple[Fate, str]:
        failed = next((check for check in checks if check.ok is False), None)
        if failed is not None:
            return Fate.FAILED, failed.what
        open_ = next((check for check in checks if check.ok is None), None)
        if open_ is not None:
            return Fate.UNKNOWN, open_.what
        return (Fate.OUTRANKED if self.ranked and checks else Fate.NOT_REACHED), ""


def as_decided(facts: F, wanted: Callable[[Any], bool]) -> Ask:
    """Answers for explaining what was decided: a row held where it leads to what is wanted."""

    def ask(row: Row[Any, Any]) -> bool:
        return wanted(row.on_match.follow(facts, ask))

    return ask


def _kept(each: Candidate) -> Candidate:
    if each.fate is not Fate.CHOSEN:
        return each
    return Candidate(each.label, each.kind, Fate.FAILED, each.checks, each.place, "keep_matching")


def in_turn(rows: Sequence[tuple[Predicate[F], Row[F, A]]]) -> Callable[[F, Ask], Iterator[Row[F, A] | Missing]]:
    """The order of a matcher_list: as written, each row whose predicate holds."""

    def order(facts: F, ask: Ask) -> Iterator[Row[F, A] | Missing]:
        for predicate, row in rows:
            found = predicate.verdict(facts)
            if found is Missing.NOT_YET:
                yield Missing.NOT_YET
                return
            if found is True or (found is Missing.UNKNOWN and ask(row)):
                yield row

    return order


def by_key(
    read: Callable[[F], Any], find: Callable[[Any], Sequence[Row[F, A]]], rows: Sequence[Row[F, A]]
) -> Callable[[F, Ask], Iterator[Row[F, A] | Missing]]:
    """The order of a matcher_tree: `find` names the rows of a value, best first. An absent value has none."""

    def order(facts: F, ask: Ask) -> Iterator[Row[F, A] | Missing]:
        value = read(facts)
        if value is Missing.NOT_YET:
            yield Missing.NOT_YET
        elif value is Missing.UNKNOWN:
            yield from (row for row in rows if ask(row))
        elif value is not None:
            yield from find(value)

    return order
