"""What each stage costs, to decide and to explain, over the calls of the demo."""

from __future__ import annotations

from typing import Any

from meshsim.choices import Chooser
from meshsim.entry import complete, start
from meshsim.pipeline import Move, run
from meshsim.stages.stage import Stage

from .figures import Table
from .meshes import Measured
from .timing import best

AGAIN = 50
"""Times that every decision is made in a round; a single one is shorter than the clock can tell."""


def measure(measured: Measured) -> Table:
    mesh = measured.load().compiled
    moves: list[Move] = []
    for call in measured.calls:
        completed, _resolution, _assumed = complete(mesh, call)
        chooser = Chooser(pins=completed.choices, random_value=completed.random_value)
        run(mesh, start(mesh, completed, chooser), chooser, moves)
    by_stage: dict[str, list[Move]] = {}
    for at, picked in moves:
        by_stage.setdefault(mesh.stages[type(at)].name, []).append((at, picked))
    rows = []
    for name, visits in by_stage.items():
        decide, explain = _cost(mesh, visits)
        rows.append((name, len(visits) / len(measured.calls), decide * 1e6, explain * 1e6))
    total = sum(visits * decide for _name, visits, decide, _explain in rows)
    rows.sort(key=lambda row: -row[1] * row[2])
    return Table(
        "stages",
        ("stage", "visits a call", "decide µs", "explain µs", "share of deciding"),
        tuple((*row, row[1] * row[2] / total) for row in rows),
        {},
        note="shares over the calls of the demo; no ratio of a single stage is kept",
    )


def _cost(mesh: Any, visits: list[Move]) -> tuple[float, float]:
    """Seconds of one decision and of one explanation."""
    stage: Stage = mesh.stages[type(visits[0][0])]
    states = [at for at, _picked in visits]

    def decide() -> None:
        for _ in range(AGAIN):
            for at in states:
                stage.decide(mesh, at, Chooser())

    def explain() -> None:
        for at, picked in visits:
            stage.explain(mesh, at, picked)

    return best(decide) / (AGAIN * len(visits)), best(explain) / len(visits)
