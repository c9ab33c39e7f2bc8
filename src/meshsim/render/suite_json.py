"""The results of suites as one JSON document, version 1."""

from __future__ import annotations

from typing import Any

from ..place import Place
from ..suite_results import STATUSES, CaseResult, Difference, Failure, Mismatch, Problem, Results, RouteCoverage
from .json import call_document
from .options import Options
from .redact import Redactor
from .router_check_text import mismatch_line
from .suite_text import headline_of, outcome_line, parting_lines, redacted, wanted_text
from .words import sentence

VERSION = 1


def results_document(results: Results, options: Options) -> dict[str, Any]:
    """Counts, then every case with its failures."""
    redactor = Redactor(active=not options.show_secrets)
    return {
        "version": VERSION,
        "counts": {status: results.count(status) for status in STATUSES},
        "not_selected": results.deselected,
        "stopped": results.stopped,
        "problems": [_problem(problem) for problem in results.problems],
        "cases": [_case(case, redactor, options) for case in results.cases],
        "route_coverage": [_coverage(coverage) for coverage in results.coverage],
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.doc, "line": place.line, "column": place.column}


def _coverage(coverage: RouteCoverage) -> dict[str, Any]:
    return {
        "file": coverage.file,
        "route_config": coverage.route_config,
        "percent": coverage.percent,
        "fail_under": coverage.limit,
        "missing": [
            {"virtual_host": route.virtual_host, "route": route.route, "match": route.match or None}
            for route in coverage.missing
        ],
    }


def _mismatch(mismatch: Mismatch, redactor: Redactor) -> dict[str, Any]:
    return {
        "message": mismatch_line(mismatch, redactor),
        "test_type": mismatch.test_type,
        "place": _place(mismatch.place),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "message": problem.message,
        "hint": problem.hint or None,
        "place": _place(problem.place),
    }


def _case(case: CaseResult, redactor: Redactor, options: Options) -> dict[str, Any]:
    return {
        "id": case.id,
        "node": case.node,
        "suite": case.suite,
        "file": case.file,
        "mesh": case.mesh or None,
        "place": _place(case.place),
        "status": case.status,
        "why": case.why or None,
        "tags": list(case.tags),
        "known_gap": case.gap or None,
        "branches": case.branches,
        "unwalked": case.unwalked,
        "call": None if case.call is None else call_document(case.call, redactor),
        "assumptions": [redactor.text(sentence(reason)) for reason in case.assumptions],
        "failures": [_failure(failure, redactor, options) for failure in case.failures],
    }


def _failure(failure: Failure, redactor: Redactor, options: Options) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "message": redactor.text(headline_of(failure)),
        "mismatches": [_mismatch(mismatch, redactor) for mismatch in failure.mismatches],
        "hint": failure.hint or None,
        "place": _place(failure.place),
        "branches": failure.branches,
        "failing": failure.failing,
        "share": None if failure.share is None else float(failure.share),
        "choices": dict(failure.picks),
        "differences": [_difference(difference, redactor) for difference in failure.differences],
        "elsewhere": [_difference(difference, redactor) for difference in failure.elsewhere],
        "outcome": None if failure.outcome is None else redactor.text(outcome_line(failure.outcome)),
        "assumptions": [redactor.text(sentence(reason)) for reason in failure.assumptions],
        "parted": [] if failure.parting is None else list(parting_lines(failure.parting, redactor, options)),
    }


def _difference(difference: Difference, redactor: Redactor) -> dict[str, Any]:
    return {
        "path": difference.path,
        "expected": wanted_text(difference, redactor),
        "got": redacted(difference, redactor),
        "place": _place(difference.place),
    }
