"""Every course of one call, walked once; what expectations ask of it is worked out when they ask."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction

from attrs import define, field

from ..branches import MOST_MOVES
from ..courses import Course, Courses
from ..entry import complete
from ..facts.call import Call
from ..merging import Leaf, shares
from ..mesh import Mesh
from ..outcome import Outcome
from ..pipeline import describe, strict
from ..reasons import Reason
from ..report import Draft, Hop, NetfilterPassage, Resolution


@define(eq=False)
class Observed:
    """One course."""

    mesh: Mesh
    course: Course
    outcome: Outcome
    reasons: tuple[Reason, ...]
    """What had to be assumed."""
    resolution: Resolution | None
    _draft: Draft | None = field(default=None, init=False)

    @property
    def assumptions(self) -> tuple[str, ...]:
        return tuple(reason.code for reason in self.reasons)

    @property
    def hops(self) -> Sequence[Hop]:
        return self._described().hops

    @property
    def packets(self) -> Sequence[NetfilterPassage]:
        return self._described().netfilter

    def _described(self) -> Draft:
        if self._draft is None:
            self._draft = describe(self.mesh, self.course.moves)
        return self._draft

    def picks(self) -> tuple[tuple[str, str], ...]:
        """What a call must pin to go this way."""
        open_sites = (taken for taken in self.course.taken if len(taken.choice.options) > 1 and not taken.settled)
        return tuple((taken.choice.site, taken.option) for taken in open_sites)


@define(eq=False)
class Observations:
    """All courses of a call, likeliest first."""

    call: Call
    """As completed."""
    courses: Sequence[Observed]
    unwalked: int
    """Bundles of courses that were too many to walk."""

    def sites(self) -> set[str]:
        """Every site some course came to."""
        return {taken.choice.site for each in self.courses for taken in each.course.taken}

    def shares(self, key: Callable[[Observed], Hashable]) -> dict[Hashable, Fraction | None]:
        """How likely each value of the key is; None where it hangs on a choice whose shares are not known."""
        leaves = [Leaf(each.course.taken, each.course.script, (key(each),), ()) for each in self.courses]
        likely = shares(leaves, all_walked=not self.unwalked)
        return {value: share for (value,), share in likely.items()}


def observe(mesh: Mesh, call: Call, *, strictly: bool) -> Observations:
    """Walk every course. InputError where the call cannot be asked in this mesh."""
    completed, resolution, assumed = complete(mesh, call)
    mesh = mesh.with_runtime(completed.runtime)
    always = [assumed] if assumed is not None else []
    courses = Courses(mesh, completed, MOST_MOVES)
    seen = []
    for course in courses:
        reasons = [*course.assumptions, *(reason for reason in always if reason not in course.assumptions)]
        outcome = strict(course.outcome, reasons) if strictly else course.outcome
        seen.append(Observed(mesh, course, outcome, tuple(reasons), resolution))
    return Observations(completed, seen, len(courses.left()))
