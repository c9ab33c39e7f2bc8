"""Files of router_check_tool tests, run: results in the form in which suites have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import evolve, frozen

from ...config.documents import Library
from ...errors import MeshsimError
from ...suite_results import ERROR, FAILED, PASSED, CaseResult, Failure, Problem, Results, RouteCoverage
from ..run import problem_of
from .ask import Answer, ask
from .coverage import Covered
from .judge import judge, still_open
from .model import Check
from .pairing import read_route_config, route_config_beside
from .read import located, read_checks
from .table import RouteCheckTable, compile_table

SUITE = "router_check"


@frozen
class CheckSettings:
    route_config: str | None = None
    """None: the one beside the tests."""
    wanted: Callable[[str], bool] = lambda _node: True
    """By node: whether a test is run."""
    fail_fast: bool = False
    fail_under: float = 0.0
    comprehensive: bool = False
    detailed: bool = False
    takes_deprecated: bool = False


def run_checks(files: Sequence[str], settings: CheckSettings) -> Results:
    """A file that cannot be read is told with the results of the others."""
    cases: list[CaseResult] = []
    problems: list[Problem] = []
    coverage: list[RouteCoverage] = []
    deselected = 0
    for file in files:
        if settings.fail_fast and (problems or any(case.status != PASSED for case in cases)):
            return Results(cases, problems, deselected, True, coverage)
        library = Library()
        try:
            own, left_out, covered = _run_file(file, settings, library)
        except MeshsimError as error:
            place = located(error.place, library) if error.place is not None else None
            problems.append(evolve(problem_of(file, error), place=place))
            continue
        cases += own
        deselected += left_out
        if covered is not None:
            coverage.append(covered)
    return Results(cases, problems, deselected, False, coverage)


def _run_file(
    file: str, settings: CheckSettings, library: Library
) -> tuple[list[CaseResult], int, RouteCoverage | None]:
    """Its cases, how many were left out, and what they cover where all of them passed."""
    path = Path(file)
    tests = read_checks(path, library)
    if settings.route_config is None:
        route_config = route_config_beside(path, library)
    else:
        route_config = read_route_config(Path(settings.route_config), library)
    table = compile_table(route_config, tests.runtime, takes_deprecated=settings.takes_deprecated)
    covered = Covered()
    cases: list[CaseResult] = []
    left_out = 0
    for check in tests.checks:
        if not settings.wanted(f"{file}::{check.id}"):
            left_out += 1
            continue
        cases.append(_run_check(file, check, table, covered))
        if settings.fail_fast and cases[-1].status != PASSED:
            break
    if left_out or any(case.status != PASSED for case in cases):
        return cases, left_out, None
    report = covered.report(
        file,
        table,
        comprehensive=settings.comprehensive,
        detailed=settings.detailed,
        limit=settings.fail_under,
    )
    return cases, left_out, report


def _run_check(file: str, check: Check, table: RouteCheckTable, covered: Covered) -> CaseResult:
    answer = ask(table, check)
    if answer.unknown is not None:
        return _case(file, check, ERROR, answer, Failure("unknown", place=check.place, assumptions=(answer.unknown,)))
    mismatches, right = judge(check, answer)
    covered.mark(answer, right)
    if not mismatches:
        unknown = still_open(check, answer)
        if unknown is not None:
            return _case(file, check, ERROR, answer, Failure("unknown", place=check.place, assumptions=(unknown,)))
        return _case(file, check, PASSED, answer)
    failure = Failure("check", place=check.place, mismatches=mismatches, failing=1, branches=1)
    return _case(file, check, FAILED, answer, failure)


def _case(file: str, check: Check, status: str, answer: Answer, *failures: Failure) -> CaseResult:
    return CaseResult(
        suite=SUITE,
        file=file,
        id=check.id,
        status=status,
        place=check.place,
        failures=failures,
        branches=1,
        assumptions=answer.assumptions,
    )
