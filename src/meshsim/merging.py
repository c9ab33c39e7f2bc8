"""Which courses come to the same, and how likely that is: the exact shares of branches.

Courses are one tree of choices. How likely a key is below a choice is the sum over its options; where their shares
are unknown it is known all the same if every option leads there equally often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import Any

from attrs import asdict, evolve, frozen

from .choices import Taken
from .courses import Course
from .mesh import Mesh
from .outcome import Outcome
from .pipeline import describe
from .report import Hop, Merged

GRANULARITIES = ("subset", "endpoint", "cluster")

Key = tuple[Any, ...]

_ALL = Fraction(1)

_ADDRESSES = ("destination", "why")
"""Of an outcome; why it ended so names addresses too, so only its code is compared."""
_BALANCING = ("priority", "locality", "endpoint")
"""Stages whose choices say nothing but which endpoint it is."""


@frozen(eq=False)
class Leaf:
    """A walked course and what of it is compared."""

    taken: tuple[Taken, ...]
    script: tuple[int, ...]
    key: Key
    endpoints: tuple[tuple[str, ...], ...]
    """By hop: those that were dialled."""

    def pins(self) -> dict[str, str]:
        """What a call must pin to go this way. Assumptions stay assumptions, so they are not pinned."""
        return {taken.choice.site: taken.option for taken in self.taken if not taken.assumed}


def leaf(mesh: Mesh, course: Course, by: str | None) -> Leaf:
    """`by` None: what differs in nothing but the endpoint has the same key."""
    hops = describe(mesh, course.moves).hops
    endpoints = tuple(_endpoints(hop) for hop in hops)
    ended = (course.outcome.kind, course.outcome.status)
    if by == "cluster":
        key: Key = (*ended, *(hop.cluster for hop in hops))
    elif by == "subset":
        key = (*ended, *((hop.service, hop.subset) if hop.service else hop.cluster for hop in hops))
    else:
        key = (*_picks(course.taken), _told(course.outcome), *map(_hop_told, hops))
        if by == "endpoint":
            key = (*key, *endpoints)
    return Leaf(course.taken, course.script, key, endpoints)


def _endpoints(hop: Hop) -> tuple[str, ...]:
    dialled = (*(attempt.endpoint for attempt in hop.attempts), hop.endpoint)
    return tuple(dict.fromkeys(endpoint for endpoint in dialled if endpoint is not None))


def _picks(taken: Iterable[Taken]) -> tuple[tuple[str, int], ...]:
    """Nameless routes look alike, so what was picked on the way is compared too."""
    sites = ((made.choice.site, made.index) for made in taken)
    return tuple((site, index) for site, index in sites if site.split("/")[1] not in _BALANCING)


def _told(outcome: Outcome) -> str:
    """A repr, for an outcome holds mappings, which no key may."""
    told = asdict(outcome, recurse=False, filter=lambda field, _value: field.name not in _ADDRESSES)
    return f"{outcome.why.code} {told}"


def _hop_told(hop: Hop) -> str:
    """What a later hop is asked for follows from the endpoint before it."""
    attempts = tuple(evolve(attempt, endpoint=None) for attempt in hop.attempts)
    made = evolve(hop, endpoint=None, attempts=attempts)
    return repr(made if hop.from_hop is None else evolve(made, original_destination=None))


def shares(leaves: Sequence[Leaf], *, all_walked: bool, depth: int = 0) -> dict[Key, Fraction | None]:
    """How likely each key is below the first `depth` choices, which these leaves have in common."""
    if len(leaves) == 1 and len(leaves[0].taken) == depth:
        return {leaves[0].key: _ALL}
    options: dict[int, list[Leaf]] = {}
    for each in leaves:
        options.setdefault(each.script[depth], []).append(each)
    below = {index: shares(part, all_walked=all_walked, depth=depth + 1) for index, part in options.items()}
    own = leaves[0].taken[depth].choice.shares
    keys = dict.fromkeys(key for part in below.values() for key in part)
    if any(own[index] is None for index in below):
        wherever = all_walked and len(below) == len(own)
        return {key: _common([part.get(key) for part in below.values()]) if wherever else None for key in keys}
    return {key: _sum((own[index], part[key]) for index, part in below.items() if key in part) for key in keys}


def _common(parts: Sequence[Fraction | None]) -> Fraction | None:
    return parts[0] if all(part == parts[0] for part in parts) else None


def _sum(parts: Iterable[tuple[Fraction | None, Fraction | None]]) -> Fraction | None:
    total = Fraction(0)
    for share, below in parts:
        if share is None or below is None:
            return None
        total += share * below
    return total


@frozen
class Fold:
    """One choice of a branch: the options that were merged into the picked one, and their share."""

    options: frozenset[int]
    share: Fraction | None


def folds(leaves: Sequence[Leaf], share: Fraction | None) -> tuple[Fold, ...]:
    """The first leaf's choices as those of all the leaves together.

    A share is how much of what was on the branch's way before the choice still is behind it, so that their product
    is the share of the branch, however unlike its courses are.
    """
    first = leaves[0]
    options = [
        frozenset(each.script[position] for each in leaves if each.script[:position] == first.script[:position])
        for position in range(len(first.taken))
    ]
    if share is None:
        own = (taken.choice.shares for taken in first.taken)
        return tuple(
            Fold(each, _sum((of[index], _ALL) for index in each)) for each, of in zip(options, own, strict=True)
        )
    ways = [_ALL, *(_on_the_way(leaves, depth) for depth in range(1, len(options))), share]
    return tuple(Fold(each, after / before) for each, (before, after) in zip(options, pairwise(ways), strict=False))


def _on_the_way(leaves: Sequence[Leaf], depth: int) -> Fraction:
    """How likely it is that the first `depth` choices are those of one of the leaves.

    Options of unknown shares count alike: a branch's share is only known where they make no difference.
    """
    starts = {each.script[:depth]: each.taken[:depth] for each in leaves}
    return sum((prod(map(_weight, taken), start=_ALL) for taken in starts.values()), Fraction(0))


def _weight(taken: Taken) -> Fraction:
    return Fraction(1, len(taken.choice.shares)) if taken.share is None else taken.share


def merged(leaves: Sequence[Leaf]) -> Merged:
    """How many courses, and every endpoint that one of them dials."""
    hops = max(len(each.endpoints) for each in leaves)
    dialled: list[dict[str, None]] = [{} for _ in range(hops)]
    for each in leaves:
        for known, names in zip(dialled, each.endpoints, strict=False):
            known.update(dict.fromkeys(names))
    return Merged(len(leaves), tuple(map(tuple, dialled)))
