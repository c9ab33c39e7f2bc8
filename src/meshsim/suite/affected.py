"""`--affected-by FILE`: the cases whose traces touched what that file configures."""

from __future__ import annotations

import os
from pathlib import Path

from ..config.detect import recognise
from ..config.documents import Kind, read_text
from ..errors import InputError, MeshsimError
from ..mesh import Mesh
from ..suite_results import CaseResult, Results
from .model import Case, MeshSpec, Suite
from .run import Meshes

_BY_PLACE = (Kind.CONFIG_DUMP, Kind.BOOTSTRAP, Kind.RESOURCES, Kind.IPTABLES, Kind.NFTABLES)
"""What a trace points into. Of the rest (host facts, sockets, routes, sets …) the whole pod depends."""


def affected(file: str, work: list[tuple[Suite, Case]], results: Results, meshes: Meshes) -> list[CaseResult]:
    """Those of the results that the file has a say in. InputError where no suite reads it."""
    read = False
    by_place = _told_by_place(file)
    specs = {(suite.file, case.id, case.mesh.name): (suite, case) for suite, case in work}
    kept = []
    for result in results.cases:
        suite, case = specs[result.file, result.id, result.mesh]
        if _same(file, suite.files):
            read = True
            kept.append(result)
            continue
        names = names_in(file, case.mesh)
        mesh = meshes.get(case.mesh)
        owners = {pod.name for pod in mesh.pods if names & set(pod.documents)}
        read = read or bool(owners)
        if _touches(result, names, owners, mesh, by_place=by_place):
            kept.append(result)
    if not read:
        raise InputError(
            "not-in-any-mesh",
            f"--affected-by {file}: no suite reads this file",
            hint="name a file of a suite's config:",
        )
    return kept


def _touches(result: CaseResult, names: set[str], owners: set[str], mesh: Mesh, *, by_place: bool) -> bool:
    if by_place:
        return any(each.place.doc in names and each.pod in owners for each in result.touched)
    pods = {each.pod for each in result.touched}
    if result.call is not None and result.call.from_ is not None:
        pods.add(result.call.from_)
    return bool(pods & owners)


def _told_by_place(file: str) -> bool:
    try:
        return recognise(read_text(file)).kind in _BY_PLACE
    except MeshsimError as error:
        if error.reference in ("no-such-file", "not-readable", "is-a-folder"):
            raise
        return False  # a suite, or a file that suites share


def names_in(file: str, spec: MeshSpec) -> set[str]:
    """What a mesh loaded from these paths can call the file."""
    real = os.path.realpath(file)
    names = set()
    for text in spec.paths:
        _pod, equals, path = text.partition("=")
        root = path if equals and not Path(text).exists() else text
        if os.path.realpath(root) == real:
            names |= {root, Path(root).name}
        elif real.startswith(os.path.realpath(root) + os.sep):
            inside = os.path.relpath(real, os.path.realpath(root))
            names |= {inside, str(Path(Path(root).name, inside)), str(Path(root, inside)), Path(inside).name}
    return names


def _same(file: str, files: tuple[str, ...]) -> bool:
    return os.path.realpath(file) in {os.path.realpath(each) for each in files}
