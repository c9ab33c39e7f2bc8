"""Suites as pytest sees them: a file that holds items, and what a failed item says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from ..errors import MeshsimError
from ..render.options import Options
from ..render.page import printable
from ..render.redact import Redactor
from ..render.suite_text import case_text, first_line
from ..suite.discover import looks_like_suite
from ..suite.model import Case, Suite
from ..suite.parse import load
from ..suite.run import Settings, run_work
from ..suite_results import ERROR, FAILED, GAP, CaseResult
from .coverage import coverage_of
from .loaded import meshes_of


def suite_file(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The file's collector; None where its first key is not `meshsim:`."""
    if not looks_like_suite(path):
        return None
    made: pytest.Collector = SuiteFile.from_parent(parent, path=path)
    return made


class SuiteFile(pytest.File):
    """One suite."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            suite = load(self.path, _shown(self.path, self.config.rootpath))
        except MeshsimError as error:
            raise self.CollectError(f"{error.place or self.path}: {error.message}\nhelp: {error.hint}") from None
        measured = coverage_of(self.config)
        if measured is not None:
            measured.collected(suite)
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


def _told(result: CaseResult) -> ReprExceptionInfo:
    """The page of a failed case, and the one line of it that stands in summaries and in JUnit reports.

    In pytest's own form, which workers of pytest-xdist can send.
    """
    place = result.failures[0].place or result.place
    crash = ReprFileLocation(place.doc, place.line or 1, printable(first_line(result, Redactor(active=True))))
    page = ReprEntryNative([case_text(result, Options()) + "\n"])
    return ReprExceptionInfo(reprtraceback=ReprTraceback([page], None, style="native"), reprcrash=crash)


class SuiteItem(pytest.Item):
    """One case of a suite: one call, and everything the suite expects of it."""

    def __init__(self, *, suite: Suite, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite, self.case = suite, case
        self.extra_keyword_matches.update(case.tags)
        self.user_properties += [(name, value) for name, value in (("why", case.why), ("suite", suite.name)) if value]

    def runtest(self) -> None:
        measured = coverage_of(self.config)
        settings = Settings(date.today(), collect=measured is not None)
        results = run_work([(self.suite, self.case)], settings, meshes_of(self.config))
        for problem in results.problems:
            pytest.fail(f"{problem.place or problem.file}: {problem.message}\nhelp: {problem.hint}", pytrace=False)
        (result,) = results.cases
        if measured is not None:
            measured.judged(result)
        if result.status == GAP:
            pytest.xfail(result.gap)
        if result.status in (FAILED, ERROR):
            raise CaseFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if not isinstance(excinfo.value, CaseFailed):
            return super().repr_failure(excinfo, style)
        return _told(excinfo.value.result)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self.case.place.line
        return self.path, None if line is None else line - 1, f"{self.suite.name}: {self.name}"
