"""Branches: the courses of a call, those that come to the same merged, each with its exact share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import overload

from attrs import define, evolve, frozen

from .courses import Courses
from .entry import complete
from .errors import InputError
from .explanation import Decision
from .facts.call import Call
from .merging import GRANULARITIES, Fold, Key, Leaf, folds, leaf, merged, shares
from .mesh import Mesh
from .outcome import Outcome
from .reasons import Reason
from .report import ChoiceOption, ChoiceReport, Hop, Merged, NetfilterPassage, Remainder, Report
from .trace import Trace, trace

MAX_BRANCHES = 1000
MOST_MOVES = 100_000
"""What the search may cost: a few seconds, some thousand endpoints."""


@define(eq=False)
class Branch:
    """One possible course and those merged with it, told by the likeliest of them."""

    trace: Trace
    """Its call pins every choice that was made, so that tracing it again gives the same."""
    share: Fraction | None
    """Exact; None where a choice's shares are not known."""
    merged: Merged
    _folds: tuple[Fold, ...]

    @property
    def call(self) -> Call:
        return self.trace.call

    @property
    def outcome(self) -> Outcome:
        return self.trace.outcome

    @property
    def probability(self) -> float | None:
        return None if self.share is None else float(self.share)

    @property
    def assumptions(self) -> tuple[Reason, ...]:
        return self.trace.assumptions

    @property
    def hops(self) -> tuple[Hop, ...]:
        return self.trace.hops

    @property
    def netfilter(self) -> tuple[NetfilterPassage, ...]:
        return self.trace.netfilter

    def explain(self, only: str | None = None) -> tuple[Decision, ...]:
        return self.trace.explain(only)

    def report(self, *, decisions: bool = False) -> Report:
        """The trace document of the likeliest course, with the branch's probability.

        Options that were merged into the picked one are folded into it, their shares added.
        """
        made = self.trace.report(decisions=decisions)
        choices = tuple(map(_folded, made.choices, self._folds))
        return evolve(made, probability=self.probability, choices=choices, merged=self.merged)


def _folded(choice: ChoiceReport, fold: Fold) -> ChoiceReport:
    share = None if fold.share is None else float(fold.share)
    kept = (
        option for index, option in enumerate(choice.of) if index not in fold.options or option.option == choice.picked
    )
    of = tuple(ChoiceOption(option.option, share) if option.option == choice.picked else option for option in kept)
    return evolve(choice, of=of)


@frozen(eq=False)
class Branches(Sequence[Branch]):
    """Likeliest first, those of unknown probability last; the rest counted."""

    items: tuple[Branch, ...]
    remainder: Remainder | None
    """None: nothing was left out."""
    sites: tuple[str, ...]
    """Every site some course came to."""

    @overload
    def __getitem__(self, index: int) -> Branch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Branch]: ...
    def __getitem__(self, index: int | slice) -> Branch | Sequence[Branch]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


def branches(
    mesh: Mesh, call: Call, *, by: str | None = None, limit: int = MAX_BRANCHES, strictly: bool = False
) -> Branches:
    """Every branch that the call's pins and random value leave open.

    Merged is what differs in nothing but its endpoints; by `endpoint` only what dials the same ones; by `subset` or
    `cluster` all that ends alike and passes the same subsets or clusters. InputError as for a single trace.
    """
    if by not in (None, *GRANULARITIES):
        raise InputError("unknown-granularity", f"branches by {by!r}", hint="by " + ", ".join(GRANULARITIES))
    completed = complete(mesh, call)[0]
    mesh = mesh.with_runtime(completed.runtime)
    courses = Courses(mesh, completed, MOST_MOVES)
    leaves = [leaf(mesh, course, by) for course in courses]
    unwalked = courses.left()
    groups: dict[Key, list[Leaf]] = {}
    for each in leaves:
        groups.setdefault(each.key, []).append(each)
    likely = shares(leaves, all_walked=not unwalked)
    order = sorted(groups, key=lambda key: (likely[key] is None, -(likely[key] or 0)))
    items = tuple(_branch(mesh, call, groups[key], likely[key], strictly=strictly) for key in order[:limit])
    sites = dict.fromkeys(taken.choice.site for each in leaves for taken in each.taken)
    left_out = (*(likely[key] for key in order[limit:]), *unwalked)
    return Branches(items, _remainder(left_out, complete=not unwalked), tuple(sites))


def _branch(mesh: Mesh, call: Call, leaves: Sequence[Leaf], share: Fraction | None, *, strictly: bool) -> Branch:
    pinned = evolve(call, choices={**call.choices, **leaves[0].pins()})
    return Branch(trace(mesh, pinned, strictly=strictly), share, merged(leaves), folds(leaves, share))


def _remainder(left_out: Sequence[Fraction | None], *, complete: bool) -> Remainder | None:
    if not left_out:
        return None
    known = [share for share in left_out if share is not None]
    return Remainder(len(left_out), float(sum(known)) if len(known) == len(left_out) else None, complete)
