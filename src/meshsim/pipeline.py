"""The one loop through which every trace flows, and the report made of what it kept."""

from __future__ import annotations

from typing import Any

from .choices import Chooser, Taken
from .explanation import Decision
from .facts.call import Call
from .mesh import Mesh
from .outcome import Outcome
from .reasons import Reason, because
from .report import ChoiceOption, ChoiceReport, ConfigNote, Draft, Report, Resolution
from .stages.stage import Stage
from .states import AtClient, AtEndpoint, AtHook, AtInspect, AtRedirect, AtReturn, Ended, State

MAX_ATTEMPTS = 1000
"""Retries of retries: enough for three proxies in a row that try ten times each."""

Move = tuple[State, Any]
"""A state and what was picked there."""


def run(
    mesh: Mesh, state: State, chooser: Chooser, moves: list[Move] | None = None, patience_ms: float | None = None
) -> Outcome:
    """Walk from the state to an outcome; `moves`, when given, collects what explaining needs.

    `patience_ms`: how long the client waits; None: for ever.
    """
    stages = mesh.stages
    left, again = mesh.max_moves, MAX_ATTEMPTS
    while left:
        left -= 1
        stage = stages.get(type(state))
        if stage is None:
            assert isinstance(state, Ended)
            if patience_ms is None:
                return state.ending.outcome()
            state, patience_ms = AtClient(state.ending, patience_ms), None
            continue
        picked, after = stage.decide(mesh, state, chooser)
        if moves is not None:
            moves.append((state, picked))
        if again and _starts_again(state, after):
            # Another attempt is no circle: what came before it has ended.
            left, again = mesh.max_moves, again - 1
        state = after
    return _looped(state, moves)


def _starts_again(state: State, after: State) -> bool:
    """Another attempt, or an internal redirect that is followed."""
    if type(after) is AtEndpoint:
        return after.tried is not None
    return type(state) is AtRedirect and type(after) is not AtReturn


def _looped(state: State, moves: list[Move] | None) -> Outcome:
    """The move limit was hit: name the circle, and cut the moves where it closes (Batfish's breadcrumbs)."""
    seen: set[tuple[str, str, tuple[int, ...]]] = set()
    for index, (at, _picked) in enumerate(moves or ()):
        if isinstance(at, AtRedirect) or (isinstance(at, AtEndpoint) and at.tried is not None):
            seen.clear()
        if isinstance(at, AtInspect) and at.connection.is_internal:
            own = (at.pod.name, at.listener.name, ())
            if own in seen:
                assert moves is not None
                del moves[index:]
                why = because("outcome.loop", pod=at.pod.name, destination=at.connection.local_text())
                return Outcome("loop", why, client_sees="nothing", pod=at.pod.name)
            seen.add(own)
        if not isinstance(at, AtHook):
            continue
        packet = at.packet
        owner = packet.uid if packet.uid is not None else -1
        crumb = (at.pod.name, at.way, (packet.source, packet.destination, packet.destination_port, owner))
        if crumb in seen:
            assert moves is not None
            del moves[index:]
            destination = packet.destination_text()
            why = because("outcome.loop", pod=at.pod.name, destination=destination)
            return Outcome("loop", why, client_sees="nothing", destination=destination, pod=at.pod.name)
        seen.add(crumb)
    pod = getattr(state, "pod", None)
    why = because("outcome.loop", pod=pod.name if pod is not None else "outside", destination="")
    return Outcome("loop", why, client_sees="nothing")


def explain(mesh: Mesh, moves: list[Move], only: str | None = None) -> tuple[Decision, ...]:
    """Each decision asked again; `only` names one stage."""
    decisions = []
    for at, picked in moves:
        stage: Stage = mesh.stages[type(at)]
        if only is None or stage.name == only:
            decisions.append(stage.explain(mesh, at, picked))
    return tuple(decisions)


def describe(mesh: Mesh, moves: list[Move]) -> Draft:
    """The hops and packet passages of the trace document."""
    draft = Draft()
    for at, picked in moves:
        stage: Stage = mesh.stages[type(at)]
        stage.describe(mesh, at, picked, draft)
    return draft


_TELLING = ("route", "network", "chain", "app", "hook")
"""Whose decision stands for a call that took its expected course, the most telling first."""


_LED_BY = {"router": "vhost", "endpoint": "listener"}
"""A catch-all's answer (block_all, BlackHoleCluster) is explained by what sent the call to the catch-all."""


def _led_to(one: Decision, last: Decision) -> bool:
    """A listener that was found leads nowhere unexpected; that none was found does."""
    return one.stage == _LED_BY.get(last.stage) and (one.stage != "listener" or one.chosen is None)


def cause(decisions: tuple[Decision, ...], outcome: Outcome) -> Decision | None:
    """The last decision that turned the call from its expected course, else the one that tells most of it.

    Of a circle of packets, where they were led back: every other decision in it is as it would be without.
    """
    if outcome.kind == "loop":
        last_hop = max(decision.hop or 0 for decision in decisions)
        back = [decision for decision in decisions if decision.stage == "hook" and decision.hop == last_hop]
        if back:
            return back[-1]
    deciding = [decision for decision in decisions if decision.deciding]
    if deciding:
        last = deciding[-1]
        return next((one for one in deciding if one.hop == last.hop and _led_to(one, last)), last)
    for stage in _TELLING:
        told = [decision for decision in decisions if decision.stage == stage]
        if told:
            return told[0]
    return None


def report(
    mesh: Mesh,
    call: Call,
    resolution: Resolution | None,
    outcome: Outcome,
    chooser: Chooser,
    moves: list[Move],
    *,
    decisions: bool,
) -> Report:
    """Everything renderers read."""
    draft = describe(mesh, moves)
    made = explain(mesh, moves)
    return Report(
        call=call,
        resolution=resolution,
        outcome=outcome,
        probability=float(chooser.probability) if chooser.probability is not None else None,
        choices=tuple(_choice(taken) for taken in chooser.taken),
        assumptions=tuple(chooser.assumptions),
        hops=tuple(draft.hops),
        netfilter=tuple(draft.netfilter),
        decisions=made if decisions else None,
        cause=cause(made, outcome),
        config=_config(mesh, moves),
        demo=mesh.demo,
    )


def _choice(taken: Taken) -> ChoiceReport:
    choice = taken.choice
    shares = (float(share) if share is not None else None for share in choice.shares)
    assumption = choice.what if taken.assumed else None
    return ChoiceReport(choice.site, taken.option, tuple(map(ChoiceOption, choice.labels, shares)), assumption)


def _config(mesh: Mesh, moves: list[Move]) -> tuple[ConfigNote, ...]:
    """The configurations of the pods the call walked through, in the order of the walk."""
    notes: dict[str, ConfigNote] = {}
    for at, _picked in moves:
        pod = getattr(at, "pod", None)
        if pod is not None and pod.name not in notes:
            notes[pod.name] = pod.config_note()
    return tuple(notes.values())


def strict(outcome: Outcome, assumptions: list[Reason]) -> Outcome:
    """With --strict an assumption puts the end in doubt."""
    if not assumptions:
        return outcome
    return outcome.as_unknown(because("outcome.unknown-assumption", code=assumptions[0].code))
