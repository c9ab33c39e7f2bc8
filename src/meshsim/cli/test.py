"""`meshsim test`: scenario suites, run and judged. Here the command line is read and the answer written."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from datetime import date

from ..errors import MeshsimError
from ..render.router_check_text import too_low_lines
from ..render.suite_text import suite_text
from ..suite.affected import affected
from ..suite.discover import discover
from ..suite.model import Case, Suite
from ..suite.parallel import run_parallel
from ..suite.parse import load
from ..suite.run import Meshes, Settings, problem_of, run_work
from ..suite.select import in_shard, keyword, node_of, shard, tag_names, tagged
from ..suite.source import nearest
from ..suite_coverage import combined
from ..suite_results import ERROR, Problem, Results
from .answer import stdout_options
from .exit_codes import BAD_INPUT, DEFECT, DONE, FAILED
from .progress import Progress
from .router_check import add_flags, run_router_checks
from .suite_cache import failed_last_time, keep_failed
from .suite_coverage import measured, read_parts, report, share, wanted, write_coverage
from .suite_reports import check_folders, write_reports
from .usage import Parser, UsageError

_EXAMPLES = """examples:
  meshsim test suites/
  meshsim test suites/reviews.yaml -k 'canary and not grpc' -v
  meshsim test suites/ --tags smoke --shard 3/8 --junit report.xml
  meshsim test suites/ --affected-by captures/sleep/config_dump.json
  meshsim test routes_test.yaml --route-config routes.yaml --fail-under 90
  meshsim test -c routes.yaml -t routes_test.json --details      # as router_check_tool is called
  meshsim test suites/ --update --because 'v2 takes all traffic since Monday'

exit codes: 0 all passed, 1 an expectation failed, 2 bad usage, or a suite or call that cannot be used"""


def parser() -> Parser:
    made = Parser(
        "test",
        usage="meshsim test PATH… [flags]",
        description="Do the calls of scenario suites still go where they should?",
        epilog=_EXAMPLES,
    )
    made.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a suite, a file of router_check_tool tests, or a folder to be searched for them",
    )
    add = made.add_argument_group("which").add_argument
    add("-k", dest="keyword", metavar="EXPRESSION", help="parts of names, with and, or, not")
    add("--tags", action="append", default=[], metavar="TAG[,…]", help="one of these tags; !TAG: not this one")
    add("--mesh", action="append", default=[], metavar="NAME", help="only on this named mesh; repeatable")
    add("--shard", metavar="N/M", help="the N-th of M equal parts")
    add("--last-failed", "--lf", action="store_true", help="those that failed last time; all if none did")
    add("--affected-by", metavar="FILE", help="only tests whose traces touched what this file configures")
    add("-x", "--fail-fast", action="store_true", help="stop at the first failure")
    add = made.add_argument_group("answer").add_argument
    add("-v", "--verbose", action="count", default=0, help="what passed too")
    add("--json", action="store_true", help="results as JSON on standard output")
    add("--junit", metavar="FILE", help="a JUnit report too")
    add("--sarif", metavar="FILE", help="a SARIF report too")
    add("--github", action="store_true", help="annotations for GitHub Actions too")
    add("--show-secrets", action="store_true", help="do not redact")
    add = made.add_argument_group("coverage").add_argument
    add("--cov", action="store_true", help="what of the configuration was exercised, and what never")
    add("--cov-report", action="append", type=report, metavar="TYPE[:FILE]", help="text, json, html; repeatable")
    add("--cov-combine", action="append", default=[], metavar="FILE", help="JSON of another run, such as a shard's")
    add("-f", "--fail-under", type=share, metavar="N", help="exit 1 where less than N percent is exercised")
    add = made.add_argument_group("how").add_argument
    add("-j", "--jobs", type=_count, metavar="N", help="processes for large suites (one a processor)")
    add("--update", action="store_true", help="write what came into the suites, after showing it; with --because")
    add("--because", metavar="TEXT", help="why expectations change; kept beside them")
    add_flags(made)
    return made


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:4]) < 1000:
        raise ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)


def main(arguments: Sequence[str]) -> int:
    flags = parser().read(arguments)
    flags.paths += flags.tests
    check_folders(flags)
    if flags.cov_combine and not flags.paths:
        return DONE if write_coverage(read_parts(flags.cov_combine), flags, whole=True) else FAILED
    if not flags.paths:
        raise UsageError("no path: which suites?", hint="such as: meshsim test suites/")
    if flags.update and not flags.because:
        raise UsageError("--update without --because: why do expectations change?", hint="--because 'v2 is live'")
    if flags.because and not flags.update:
        raise UsageError("--because without --update: nothing is written", hint="add --update")
    if flags.update and (flags.affected_by or flags.fail_fast):
        raise UsageError("--update with --affected-by or --fail-fast: guards are judged on every call", hint="drop it")
    found = discover(flags.paths)
    if flags.route_config is not None and "router_check" not in found.values():
        raise UsageError(
            "--route-config is for tests of router_check_tool, and none were named",
            hint="a scenario suite states its own config:",
        )
    ran = [
        run([file for file, own in found.items() if own == kind], flags)
        for kind, run in RUNNERS.items()
        if kind in found.values()
    ]
    results = _together([results for results, _suites in ran])
    suites = [suite for _results, own in ran for suite in own]
    keep_failed(results)
    write_reports(results, flags)
    if not flags.json:
        verbose = 0 if flags.only_show_failures else max(flags.verbose, int(flags.details))
        sys.stdout.write(suite_text(results, stdout_options(min(verbose, 2), show_secrets=flags.show_secrets)))
    for line in too_low_lines(results):
        print(line, file=sys.stderr)
    if flags.update:
        from .suite_update import update

        return update(suites, results, flags.because)
    if not results.cases and not results.problems and not (flags.shard or flags.affected_by):
        print("\n".join(("meshsim: no test was selected", *_no_such_tag(suites, flags))), file=sys.stderr)
        return FAILED
    enough = _covered(suites, results, flags)
    code = exit_code(results)
    return FAILED if code == DONE and not enough else code


def _no_such_tag(suites: Sequence[Suite], flags: Namespace) -> list[str]:
    """A tag that no test bears is mostly a slip."""
    known = {tag for suite in suites for case in suite.cases for tag in case.tags}
    asked = [tag for tag in tag_names(flags.tags) if not tag.startswith("!") and tag not in known]
    tags = ", ".join(sorted(known)) or "none"
    return [f"  help: no test has the tag {tag}: {nearest(tag, known) or 'tags: ' + tags}" for tag in asked]


def _covered(suites: Sequence[Suite], results: Results, flags: Namespace) -> bool:
    if not wanted(flags) and not any(suite.coverage for suite in suites):
        return True
    if not suites and not flags.cov_combine:
        return True  # router checks have a coverage of their own
    found = measured(suites, results)
    if flags.cov_combine:
        found = combined([found, read_parts(flags.cov_combine)])
    whole = bool(flags.cov_combine) or not (results.deselected or results.stopped or results.problems)
    return write_coverage(found, flags, whole=whole)


def exit_code(results: Results) -> int:
    if any(problem.exit_code == DEFECT for problem in results.problems):
        return DEFECT
    if results.problems or results.count(ERROR):
        return BAD_INPUT
    return FAILED if results.failed or any(each.too_low for each in results.coverage) else DONE


def _together(parts: Sequence[Results]) -> Results:
    return Results(
        [case for part in parts for case in part.cases],
        [problem for part in parts for problem in part.problems],
        sum(part.deselected for part in parts),
        any(part.stopped for part in parts),
        [each for part in parts for each in part.coverage],
    )


def _suites(files: Sequence[str], flags: Namespace) -> tuple[Results, list[Suite]]:
    """What the suites came to, and the suites."""
    suites, problems = _load(files)
    work, deselected = _selected(suites, flags)
    results = _run(work, flags, collect=wanted(flags) or any(suite.coverage for suite in suites))
    problems += results.problems
    return Results(results.cases, problems, deselected + results.deselected, results.stopped), suites


def _load(files: Sequence[str]) -> tuple[list[Suite], list[Problem]]:
    """A suite that cannot be read is told with the results of the others."""
    suites, problems = [], []
    for file in files:
        try:
            suites.append(load(file))
        except MeshsimError as error:
            problems.append(problem_of(file, error))
    return suites, problems


def _selected(suites: Sequence[Suite], flags: Namespace) -> tuple[list[tuple[Suite, Case]], int]:
    work = [(suite, case) for suite in suites for case in suite.cases]
    kept = work
    if flags.mesh:
        known = {case.mesh.name for _suite, case in work if case.mesh.name}
        for name in flags.mesh:
            if name not in known:
                raise UsageError(f"no mesh is named {name!r}", hint="meshes: " + (", ".join(sorted(known)) or "none"))
        kept = [(suite, case) for suite, case in kept if case.mesh.name in flags.mesh]
    if flags.tags:
        has = tagged(flags.tags)
        kept = [(suite, case) for suite, case in kept if has(case)]
    if flags.keyword is not None:
        named = keyword(flags.keyword)
        kept = [(suite, case) for suite, case in kept if named(node_of(suite, case))]
    if flags.last_failed:
        failed = failed_last_time()
        again = [(suite, case) for suite, case in kept if node_of(suite, case) in failed]
        kept = again or kept
    if flags.shard is not None:
        kept = in_shard(kept, *shard(flags.shard))
    return kept, len(work) - len(kept)


def _run(work: list[tuple[Suite, Case]], flags: Namespace, *, collect: bool) -> Results:
    with Progress(len(work)) as progress:
        settings = Settings(
            date.today(),
            collect=collect or flags.affected_by is not None,
            fail_fast=flags.fail_fast,
            done=progress.more,
        )
        if flags.affected_by is None:
            return run_parallel(work, settings, flags.jobs or os.cpu_count() or 1)
        meshes = Meshes()
        results = run_work(work, settings, meshes)
    kept = affected(flags.affected_by, work, results, meshes)
    return Results(kept, results.problems, len(results.cases) - len(kept), results.stopped)


RUNNERS: dict[str, Callable[[Sequence[str], Namespace], tuple[Results, list[Suite]]]] = {
    "suite": _suites,
    "router_check": run_router_checks,
}
"""Kind of file (suite/discover.py) -> how such files are run."""
