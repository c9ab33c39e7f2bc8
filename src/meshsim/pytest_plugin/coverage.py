"""`--meshsim-cov`: what the suites and the `mesh` and `trace` fixtures of one pytest run exercised.

Under pytest-xdist each worker measures its own part, and the process that started them puts the parts together.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from attrs import define, evolve, field

from ..render.coverage_json import coverage_document, read_coverage
from ..render.coverage_reports import coverage_report, read_report
from ..render.coverage_text import shortfall_text
from ..render.options import Options
from ..suite.coverage import Exercised, coverage
from ..suite.model import MeshSpec, Suite
from ..suite_coverage import Coverage, combined, percent_text, read_share
from ..suite_results import CaseResult, Results, Touched
from .loaded import meshes_of

_PARTS = pytest.StashKey["CoveragePlugin"]()
_SENT = "meshsim_cov"


def coverage_of(config: pytest.Config) -> CoveragePlugin | None:
    """None where no coverage was asked for."""
    return config.stash.get(_PARTS, None)


def install(config: pytest.Config) -> None:
    reports = config.getoption("meshsim_cov_report")
    floor = config.getoption("meshsim_cov_fail_under")
    try:
        plugin = CoveragePlugin(
            config,
            reports=[read_report(text) for text in reports] or [("text", "-")],
            floor=None if floor is None else read_share(floor),
        )
    except ValueError as error:
        option = "--meshsim-cov-report" if reports else "--meshsim-cov-fail-under"
        raise pytest.UsageError(f"{option}: {error}") from None
    config.stash[_PARTS] = plugin
    config.pluginmanager.register(plugin, "meshsim_coverage")


@define(eq=False)
class CoveragePlugin:
    """Collects while tests run, judges and tells at the end."""

    config: pytest.Config
    reports: list[tuple[str, str]]
    floor: Fraction | None
    _suites: list[Suite] = field(factory=list, init=False)
    _results: list[CaseResult] = field(factory=list, init=False)
    _elsewhere: list[Exercised] = field(factory=list, init=False)
    _parts: list[dict[str, Any]] = field(factory=list, init=False)
    _lines: list[str] = field(factory=list, init=False)
    """Told at the end, whatever the reports."""
    _lost: bool = field(default=False, init=False)
    _found: Coverage | None = field(default=None, init=False)

    def collected(self, suite: Suite) -> None:
        self._suites.append(suite)

    def judged(self, result: CaseResult) -> None:
        self._results.append(result)

    def traced(self, mesh: MeshSpec, file: str, touched: frozenset[Touched]) -> None:
        self._elsewhere.append(Exercised(mesh, file, touched))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput[_SENT] = json.dumps(self._part())
            return
        if self.config.option.collectonly:
            return
        parts = [*self._parts, self._part()]
        found = self._found = _whole(parts)
        for kind, file in self.reports:
            if file != "-":
                self._write(kind, file, found)
        if ("text", "-") not in self.reports:
            self._lines += map(shortfall_text, found.shortfalls)
        if self._lost:
            self._lines.append("a worker of pytest-xdist died: what it exercised is not counted")
        low = self.floor is not None and (found.share is None or found.share < self.floor)
        if low:
            got, wanted = percent_text(found.share), percent_text(self.floor)
            self._lines.append(f"FAILED coverage {got} is below --meshsim-cov-fail-under {wanted}")
        if (low or found.shortfalls) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Of pytest-xdist: a worker has ended."""
        sent = getattr(node, "workeroutput", {}).get(_SENT)
        if sent is None:
            self._lost = True
        else:
            self._parts.append(json.loads(sent))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._found is None:
            return
        terminalreporter.section("meshsim coverage")
        options = Options(color=terminalreporter.hasmarkup, depth=max(min(self.config.option.verbose - 1, 2), 0))
        for kind, file in self.reports:
            if file == "-":
                terminalreporter.write(coverage_report(kind, self._found, options, to_file=False))
        for line in self._lines:
            terminalreporter.write_line(line)

    def _part(self) -> dict[str, Any]:
        """What this process knows, as data that can be sent."""
        found = coverage(self._suites, Results(self._results), meshes_of(self.config), self._elsewhere)
        return {
            "coverage": coverage_document(found),
            "cases": {suite.file: [[case.id, case.mesh.name] for case in suite.cases] for suite in self._suites},
            "ran": [[result.file, result.id, result.mesh] for result in self._results],
        }

    def _write(self, kind: str, file: str, found: Coverage) -> None:
        try:
            text = coverage_report(kind, found, Options(), to_file=True)
            (self.config.invocation_params.dir / file).write_text(text, encoding="utf-8", errors="backslashreplace")
        except (OSError, ValueError) as error:
            self._lines.append(f"--meshsim-cov-report {kind}:{file}: cannot write: {error}")


def _whole(parts: list[dict[str, Any]]) -> Coverage:
    """A suite is held to its floors only where every case of it ran."""
    found = combined(read_coverage(part["coverage"], "a worker") for part in parts)
    ran = {tuple(each) for part in parts for each in part["ran"]}
    whole = {
        file for part in parts for file, cases in part["cases"].items() if all((file, *each) in ran for each in cases)
    }
    return evolve(found, floors=tuple(floor for floor in found.floors if floor.suite in whole))
