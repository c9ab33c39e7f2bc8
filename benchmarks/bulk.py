"""How many calls a second, one after the other, outcomes only; and what an explained answer costs beside that."""

from __future__ import annotations

from functools import partial

from meshsim import Call, Mesh

from .figures import Table
from .meshes import Measured
from .timing import beside_empty_calls

CALLS = 1000
EXPLAINED = 100


def measure(meshes: list[Measured]) -> Table:
    rows = []
    ratios = {}
    for measured in meshes:
        mesh = measured.load()
        calls = [measured.calls[index % len(measured.calls)] for index in range(CALLS)]
        outcome, in_calls = beside_empty_calls(partial(_outcomes, mesh, calls))
        explained, explained_in_calls = beside_empty_calls(partial(_explained, mesh, calls[:EXPLAINED]))
        ratios[f"one outcome, {measured.name}"] = in_calls / CALLS
        ratios[f"one explained report, {measured.name}"] = explained_in_calls / EXPLAINED
        micros = outcome / CALLS * 1e6
        rows.append((measured.name, len(measured.calls), 1e6 / micros, micros, in_calls / CALLS, EXPLAINED / explained))
    return Table(
        "bulk",
        ("mesh", "different calls", "traces/s", "µs a trace", "in empty calls", "explained/s"),
        tuple(rows),
        ratios,
        note="an empty call is a Python call of a function that does nothing",
    )


def _outcomes(mesh: Mesh, calls: list[Call]) -> None:
    for _trace in mesh.traces(calls):
        pass


def _explained(mesh: Mesh, calls: list[Call]) -> None:
    for call in calls:
        mesh.trace(call).report(decisions=True)
