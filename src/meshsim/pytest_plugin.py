"""The pytest plugin: scenario suites are collected by plain `pytest`, beside fixtures for tests written by hand.

pytest imports this module in every project on the machine, so nothing of meshsim is imported before a suite is found
or a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # what types alone need must not be loaded in projects without suites
    from .api import Mesh
    from .suite.model import Case, Suite
    from .suite.run import Meshes
    from .suite_results import CaseResult
    from .trace import Trace

SUFFIXES = (".yaml", ".yml")
SNIFFED_BYTES = 65_536
NO_CONFIGURATION = (
    "which mesh? Say meshsim_config = captures/ in the pytest section of the project, "
    "or mark the test with @pytest.mark.meshsim('captures/')"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "files and folders that the `mesh` fixture loads, relative to the root of the project; POD=PATH too"
    parser.addini("meshsim_config", text, type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    text = "meshsim(*paths): what the `mesh` fixture loads for this test; without a path the embedded demo mesh"
    config.addinivalue_line("markers", text)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in SUFFIXES or not _may_be_suite(file_path):
        return None
    from .suite.discover import looks_like_suite

    if not looks_like_suite(file_path):
        return None
    made: pytest.Collector = SuiteFile.from_parent(parent, path=file_path)
    return made


def _may_be_suite(path: Path) -> bool:
    """A first look that needs no parser: most YAML files of a project are nobody's business here."""
    try:
        with path.open("rb") as stream:
            return b"meshsim" in stream.read(SNIFFED_BYTES)
    except OSError:
        return False


class SuiteFile(pytest.File):
    """One suite."""

    def collect(self) -> Iterator[pytest.Item]:
        from .errors import MeshsimError
        from .suite.parse import load

        try:
            suite = load(self.path, _shown(self.path, self.config.rootpath))
        except MeshsimError as error:
            raise self.CollectError(f"{error.place or self.path}: {error.message}\nhelp: {error.hint}") from None
        for case in suite.cases:
            yield SuiteItem.from_parent(self, name=_name(case), suite=suite, case=case)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _name(case: Case) -> str:
    return f"{case.id}@{case.mesh.name}" if case.mesh.name else case.id


class CaseFailed(Exception):
    """A case that is not as expected; holds what the report says."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result.node)
        self.result = result


class SuiteItem(pytest.Item):
    """One case of a suite: one call, and everything the suite expects of it."""

    def __init__(self, *, suite: Suite, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite, self.case = suite, case
        self.extra_keyword_matches.update(case.tags)
        self.user_properties += [(name, value) for name, value in (("why", case.why), ("suite", suite.name)) if value]

    def runtest(self) -> None:
        from .suite.run import Settings, run_work
        from .suite_results import ERROR, FAILED, GAP

        results = run_work([(self.suite, self.case)], Settings(date.today()), _meshes(self.config))
        for problem in results.problems:
            pytest.fail(f"{problem.place or problem.file}: {problem.message}\nhelp: {problem.hint}", pytrace=False)
        (result,) = results.cases
        if result.status == GAP:
            pytest.xfail(result.gap)
        if result.status in (FAILED, ERROR):
            raise CaseFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if not isinstance(excinfo.value, CaseFailed):
            return super().repr_failure(excinfo, style)
        from .render.options import Options
        from .render.suite_text import case_text

        return case_text(excinfo.value.result, Options())

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self.case.place.line
        return self.path, None if line is None else line - 1, f"{self.suite.name}: {self.name}"


_MESHES = pytest.StashKey["Meshes"]()


def _meshes(config: pytest.Config) -> Meshes:
    """Loaded once a process, whatever asks for them."""
    if _MESHES not in config.stash:
        from .suite.run import Meshes

        config.stash[_MESHES] = Meshes()
    return config.stash[_MESHES]


@pytest.fixture
def mesh(request: pytest.FixtureRequest) -> Mesh:
    """The mesh of the `meshsim` marker nearest to the test, else of the option `meshsim_config`."""
    from .api import Mesh
    from .errors import MeshsimError
    from .suite.model import MeshSpec

    marker = request.node.get_closest_marker("meshsim")
    given = list(marker.args) if marker is not None else request.config.getini("meshsim_config")
    if marker is None and not given:
        raise pytest.UsageError(NO_CONFIGURATION)
    root = request.path.parent if marker is not None else request.config.rootpath
    spec = MeshSpec("", tuple(_below(root, str(path)) for path in given))
    try:
        return Mesh(_meshes(request.config).get(spec))
    except MeshsimError as error:
        pytest.fail(f"{error.place or ''}: {error.message}\nhelp: {error.hint}".lstrip(": "), pytrace=False)


def _below(root: Path, text: str) -> str:
    """`PATH` or `POD=PATH`, the path relative to the root."""
    pod, equals, path = text.rpartition("=")
    return f"{pod}{equals}{root / path}"


@pytest.fixture
def trace(mesh: Mesh) -> Callable[..., Trace]:
    """A function: a URL, a curl command, a call document or a Call (or a call's fields by name) -> its Trace."""
    from .facts.call import Call, read_call
    from .suite.calls import call_of

    def ask(call: str | dict[str, Any] | Call | None = None, *, strict: bool = False, **fields: Any) -> Trace:
        if isinstance(call, str):
            asked = call_of(call)
        elif isinstance(call, Call):
            asked = call
        else:
            asked = read_call({**(call or {}), **fields})
        return mesh.trace(asked, strict=strict)

    return ask
