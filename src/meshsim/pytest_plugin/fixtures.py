"""What the fixtures `mesh` and `trace` give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen

from ..api import Mesh
from ..branches import MAX_BRANCHES, Branches
from ..errors import MeshsimError
from ..facts.call import Call, read_call
from ..suite.calls import call_of
from ..suite.model import MeshSpec
from ..suite.touched import touched
from ..trace import Trace
from .coverage import CoveragePlugin, coverage_of
from .loaded import meshes_of

NO_CONFIGURATION = (
    "which mesh? Say meshsim_config = captures/ in the pytest section of the project, "
    "or mark the test with @pytest.mark.meshsim('captures/')"
)


def mesh_of(request: pytest.FixtureRequest) -> Mesh:
    """A marker's paths are relative to the test that bears it, the option's to the root of the project."""
    marker = request.node.get_closest_marker("meshsim")
    given = list(marker.args) if marker is not None else request.config.getini("meshsim_config")
    if marker is None and not given:
        pytest.fail(NO_CONFIGURATION, pytrace=False)
    root = request.path.parent if marker is not None else request.config.rootpath
    spec = MeshSpec("", tuple(_below(root, str(path)) for path in given))
    refused = ""
    try:
        compiled = meshes_of(request.config).get(spec)
    except MeshsimError as error:
        where = "" if error.place is None else f"{error.place}: "
        refused = f"{where}{error.message}\nhelp: {error.hint}"
    if refused:
        pytest.fail(refused, pytrace=False)
    measured = coverage_of(request.config)
    if measured is None:
        return Mesh(compiled)
    return MeasuredMesh(compiled, measured, spec, request.node.nodeid.partition("::")[0])


@define(eq=False)
class MeasuredMesh(Mesh):
    """The same mesh, whose traces count for coverage."""

    _measured: CoveragePlugin
    _spec: MeshSpec
    _file: str

    def trace(self, call: Call, *, strict: bool = False) -> Trace:
        return self._noted(super().trace(call, strict=strict))

    def traces(self, calls: Iterable[Call]) -> Iterator[Trace]:
        return map(self._noted, super().traces(calls))

    def branches(
        self, call: Call, *, by: str | None = None, max_branches: int = MAX_BRANCHES, strict: bool = False
    ) -> Branches:
        made = super().branches(call, by=by, max_branches=max_branches, strict=strict)
        for branch in made:
            self._noted(branch.trace)
        return made

    def _noted(self, trace: Trace) -> Trace:
        self._measured.traced(self._spec, self._file, touched(trace.moves))
        return trace


def _below(root: Path, text: str) -> str:
    """`PATH` or `POD=PATH`, the path relative to the root."""
    pod, equals, path = text.rpartition("=")
    return f"{pod}{equals}{root / path}"


@frozen
class Asker:
    """Asks one mesh."""

    mesh: Mesh

    def __call__(
        self, call: str | dict[str, Any] | Call | None = None, *, strict: bool = False, **fields: Any
    ) -> Trace:
        """A URL, a curl command, a call document, a Call, or a call's fields by name. InputError where it is none."""
        if isinstance(call, str):
            asked = call_of(call)
        elif isinstance(call, Call):
            asked = call
        else:
            asked = read_call({**(call or {}), **fields})
        return self.mesh.trace(asked, strict=strict)
