"""A Trace: the outcome now, the rest when asked, by asking again."""

from __future__ import annotations

from attrs import define, field

from .choices import Chooser
from .entry import complete, start
from .explanation import Decision
from .facts.call import Call
from .mesh import Mesh
from .outcome import Outcome
from .pipeline import Move, explain, report, run, strict
from .place import Place
from .reasons import Reason
from .report import Hop, NetfilterPassage, Report, Resolution


@define(eq=False)
class Trace:
    """What happened to one call. `outcome`, `probability` and `assumptions` are made; the rest is worked out."""

    call: Call
    """As completed."""
    resolution: Resolution | None
    outcome: Outcome
    _mesh: Mesh
    _chooser: Chooser
    _moves: list[Move] | None
    _strict: bool = False
    _report: Report | None = field(default=None, init=False)
    _decisions: tuple[Decision, ...] | None = field(default=None, init=False)

    @property
    def assumptions(self) -> tuple[Reason, ...]:
        return tuple(self._chooser.assumptions)

    @property
    def probability(self) -> float | None:
        """Of this branch; None when a picked option's share is not known."""
        share = self._chooser.probability
        return None if share is None else float(share)

    @property
    def hops(self) -> tuple[Hop, ...]:
        return self.report().hops

    @property
    def netfilter(self) -> tuple[NetfilterPassage, ...]:
        return self.report().netfilter

    def explain(self, only: str | None = None) -> tuple[Decision, ...]:
        """Every decision with all its candidates; `only` names one stage and costs one stage.

        Raises Bug when an explanation disagrees with what was decided.
        """
        if only is not None:
            return explain(self._mesh, self._kept_moves(), only)
        if self._decisions is None:
            self._decisions = explain(self._mesh, self._kept_moves())
        return self._decisions

    def report(self, *, decisions: bool = False) -> Report:
        """The trace document as data, for the renderers."""
        if decisions or self._report is None:
            made = report(
                self._mesh,
                self.call,
                self.resolution,
                self.outcome,
                self._chooser,
                self._kept_moves(),
                decisions=decisions,
            )
            if decisions:
                return made
            self._report = made
        return self._report

    def locate(self, place: Place) -> Place:
        """The place with its line number, where the document is text that can be read again."""
        return self._mesh.locate(place)

    @property
    def moves(self) -> tuple[Move, ...]:
        """Each state of the walk with what was picked there: for those who count what a call used."""
        return tuple(self._kept_moves())

    def _kept_moves(self) -> list[Move]:
        if self._moves is None:
            moves: list[Move] = []
            _walk(self._mesh, self.call, moves)
            self._moves = moves
        return self._moves


def _walk(mesh: Mesh, call: Call, moves: list[Move] | None) -> tuple[Outcome, Chooser]:
    chooser = Chooser(pins=call.choices, random_value=call.random_value, answers=call.answers)
    return run(mesh, start(mesh, call, chooser), chooser, moves, call.patience_ms), chooser


def trace(mesh: Mesh, call: Call, *, keep: bool = True, strictly: bool = False) -> Trace:
    """Trace one call. `keep=False` (bulk) keeps no moves; they are made again when asked for.

    InputError when the call names no known pod or an unusable address, or pins an option that does not exist.
    """
    completed, resolution, assumed = complete(mesh, call)
    mesh = mesh.with_runtime(completed.runtime)
    moves: list[Move] | None = [] if keep else None
    outcome, chooser = _walk(mesh, completed, moves)
    if assumed is not None:
        chooser.assume(assumed)
    if strictly:
        outcome = strict(outcome, chooser.assumptions)
    return Trace(completed, resolution, outcome, mesh, chooser, moves, strictly)
