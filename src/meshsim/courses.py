"""Every possible course of one call, likeliest first: the walk is run again with ever longer scripts of choices.

A best-first search. What waits is either a script not yet run, whose own shares bound all that begins with it, or a
course already run and measured; so whatever comes out first is the likeliest left. Stages know nothing of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count

from attrs import define, field, frozen

from .choices import Chooser, Taken
from .entry import start
from .errors import InputError
from .facts.call import Call
from .mesh import Mesh
from .outcome import Outcome
from .pipeline import Move, run
from .reasons import Reason

_ELSEWHERE = (
    *("pick-unknown-option", "pick-impossible", "pick-contradicts-random-value"),
    *("pick-contradicts-answer", "answer-to-no-question"),
)
"""Pins that a course cannot meet: it is none of those asked for."""


@frozen(eq=False)
class Course:
    """One way the call can go."""

    outcome: Outcome
    taken: tuple[Taken, ...]
    moves: list[Move]
    assumptions: tuple[Reason, ...] = ()

    @property
    def script(self) -> tuple[int, ...]:
        return tuple(taken.index for taken in self.taken)


@frozen(order=True)
class _Rank:
    """The smaller the likelier. Extending a script never lowers it."""

    unknown: bool
    unlikely: int
    """Choices of unknown shares that left the harmless course."""
    share: Fraction
    """Of the known ones, negated."""

    def after(self, share: Fraction | None, *, harmless: bool) -> _Rank:
        if share is None:
            return _Rank(True, self.unlikely + (not harmless), self.share)
        return _Rank(self.unknown, self.unlikely, self.share * share)

    @property
    def probability(self) -> Fraction | None:
        return None if self.unknown else -self.share


_CERTAIN = _Rank(False, 0, Fraction(-1))


@define(eq=False)
class Courses:
    """The courses of a completed call, as an iterator. InputError when its pins fit no course at all."""

    _mesh: Mesh
    _call: Call
    _most_moves: int
    """What all walks together may cost; a course in a circle is as long as any can be, and circles have many."""
    _waiting: list[tuple[_Rank, int, tuple[int, ...], Course | None]] = field(init=False)
    _numbers: Iterator[int] = field(factory=count, init=False)
    _found: int = field(default=0, init=False)
    _moves: int = field(default=0, init=False)
    _left: list[Fraction | None] = field(factory=list, init=False)
    _misfit: InputError | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._waiting = []
        self._wait(_CERTAIN, (), None)

    def __iter__(self) -> Iterator[Course]:
        return self

    def __next__(self) -> Course:
        while self._waiting:
            rank, _number, script, course = heapq.heappop(self._waiting)
            if course is not None:
                self._found += 1
                return course
            if self._moves < self._most_moves:
                self._run(script)
            else:
                self._left.append(rank.probability)
        if not self._found and self._misfit is not None:
            raise self._misfit
        raise StopIteration

    def left(self) -> tuple[Fraction | None, ...]:
        """The probability of each bundle of courses that was too dear to walk, once all others were told."""
        return tuple(self._left)

    def _wait(self, rank: _Rank, script: tuple[int, ...], course: Course | None) -> None:
        heapq.heappush(self._waiting, (rank, next(self._numbers), script, course))

    def _run(self, script: tuple[int, ...]) -> None:
        call = self._call
        chooser = Chooser(call.choices, random_value=call.random_value, answers=call.answers, script=script)
        moves: list[Move] = []
        try:
            outcome = run(self._mesh, start(self._mesh, self._call, chooser), chooser, moves, self._call.patience_ms)
        except InputError as error:
            if error.reference not in _ELSEWHERE:
                raise
            self._misfit = self._misfit or error
            self._branch_off(script, chooser.taken)
            return
        self._moves += max(len(moves), self._mesh.max_moves if outcome.kind == "loop" else 0)
        rank = self._branch_off(script, chooser.taken)
        course = Course(outcome, tuple(chooser.taken), moves, tuple(chooser.assumptions))
        self._wait(rank, course.script, course)

    def _branch_off(self, script: tuple[int, ...], taken: Sequence[Taken]) -> _Rank:
        """Every other option behind the script waits for its turn; the rank of the course itself."""
        rank = _CERTAIN
        before: tuple[int, ...] = ()
        for position, made in enumerate(taken):
            choice = made.choice
            if position >= len(script) and not made.settled:
                for index, share in enumerate(choice.shares):
                    if index != made.index and share != 0:
                        harmless = index == choice.likeliest
                        self._wait(rank.after(share, harmless=harmless), (*before, index), None)
            rank = rank.after(made.share, harmless=made.settled or made.index == choice.likeliest)
            before = (*before, made.index)
        return rank
