"""What a run exercised, held against everything its meshes have."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import evolve, frozen

from ..errors import MeshsimError
from ..mesh import Mesh
from ..place import Place
from ..suite_coverage import KINDS, Coverage, Floor, Thing, Uncounted
from ..suite_results import Results, Touched
from .inventory import everything
from .model import MeshSpec, Suite
from .run import Meshes

MOST_LINES = 300
"""Finding a line reads the document's text; of so many things that were never exercised it is found, a mesh."""


@frozen
class Exercised:
    """What calls outside of suites used of a mesh."""

    mesh: MeshSpec
    file: str
    """Where the calls are written."""
    touched: frozenset[Touched]


def coverage(
    suites: Sequence[Suite], results: Results, meshes: Meshes, elsewhere: Iterable[Exercised] = ()
) -> Coverage:
    """Of every mesh that the suites name, whether its tests were selected or not."""
    specs: dict[str, MeshSpec] = {}
    named: dict[tuple[str, str], str] = {}
    for suite in suites:
        for case in suite.cases:
            mesh = named[suite.file, case.mesh.name] = mesh_name(case.mesh)
            specs.setdefault(mesh, case.mesh)
    used: dict[tuple[object, ...], set[str]] = {}
    for case_result in results.cases:
        for key in _used(named[case_result.file, case_result.mesh], case_result.touched):
            used.setdefault(key, set()).add(case_result.file)
    for other in elsewhere:
        mesh = mesh_name(other.mesh)
        specs.setdefault(mesh, other.mesh)
        for key in _used(mesh, other.touched):
            used.setdefault(key, set()).add(other.file)
    things: list[Thing] = []
    uncounted: list[Uncounted] = []
    for name, spec in specs.items():
        try:
            mesh_itself = meshes.get(spec)
        except MeshsimError:
            continue  # a problem of the results
        own = []
        for each in everything(mesh_itself, name):
            if isinstance(each, Uncounted):
                uncounted.append(each)
            else:
                own.append(evolve(each, suites=frozenset(used.get(_at(each), ()))))
        things += _located(own, mesh_itself)
    return Coverage(tuple(things), tuple(floor for suite in suites for floor in _floors(suite)), tuple(uncounted))


def mesh_name(spec: MeshSpec) -> str:
    """Tells meshes apart, and is the same in every shard that starts in the same folder."""
    here = Path.cwd()
    paths = [os.path.relpath(path, here) if Path(path).is_absolute() else os.path.normpath(path) for path in spec.paths]
    flags = (*spec.istio_iptables, *(() if spec.paths else (spec.outbound_policy,)))
    return " ".join((*(paths or ["demo"]), *flags))


def _used(mesh: str, touched: Iterable[Touched]) -> set[tuple[object, ...]]:
    return {(mesh, each.pod, each.kind, _spot(each.place)) for each in touched if each.kind in KINDS}


def _at(thing: Thing) -> tuple[object, ...]:
    return thing.mesh, thing.pod, thing.kind, _spot(thing.place)


def _spot(place: Place) -> tuple[object, ...]:
    return place.doc, place.path or place.line


def _located(things: list[Thing], mesh: Mesh) -> list[Thing]:
    left = MOST_LINES
    found = []
    for thing in things:
        if not thing.suites and thing.place.line is None and left:
            left -= 1
            thing = evolve(thing, place=mesh.locate(thing.place))
        found.append(thing)
    return found


def _floors(suite: Suite) -> list[Floor]:
    made = []
    for floor in suite.coverage:
        kind, _slash, name = floor.object.partition("/")
        made.append(Floor(suite.file, _kind(kind), name, _kind(floor.what).removesuffix("s"), floor.share, floor.place))
    return made


def _kind(text: str) -> str:
    return text.replace("-", "_")
