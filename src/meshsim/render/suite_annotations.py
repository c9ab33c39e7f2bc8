"""Failures where code hosts show them: SARIF 2.1.0, and the workflow commands of GitHub Actions."""

from __future__ import annotations

import re
from typing import Any

from ..place import Place
from ..suite_results import CaseResult, Results
from ..version import __version__
from .options import Options
from .page import printable
from .redact import Redactor
from .suite_text import case_text, first_line

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES = {
    "expectation": "A call does not go where the suite expects it",
    "some": "No branch of a call is as the suite expects it",
    "shares": "The branches of a call have other shares",
    "guard": "What must never be is so",
    "unwalked": "A call has more branches than can be walked",
    "gap-closed": "A known gap is closed",
    "gap-over": "A known gap is past its day",
    "call": "A call cannot be asked",
    "check": "A router_check_tool test does not hold",
    "unknown": "Configuration alone cannot say what a router_check_tool test asks",
    "file": "A suite cannot be used",
}


def sarif(results: Results, options: Options) -> dict[str, Any]:
    """One run, a result a failure."""
    redactor = Redactor(active=not options.show_secrets)
    found = [_result("file", problem.message, problem.place or Place(problem.file)) for problem in results.problems] + [
        _result(failure.kind, f"{case.id}: {_text(case, redactor)}", failure.place or case.place)
        for case in results.failed
        for failure in case.failures
    ]
    rules = [{"id": f"suite/{kind}", "shortDescription": {"text": text}} for kind, text in _RULES.items()]
    driver = {"name": "meshsim", "version": __version__, "rules": rules}
    return {"version": "2.1.0", "$schema": SARIF_SCHEMA, "runs": [{"tool": {"driver": driver}, "results": found}]}


def _text(case: CaseResult, redactor: Redactor) -> str:
    return printable(first_line(case, redactor))


def _result(kind: str, text: str, place: Place) -> dict[str, Any]:
    region = {"startLine": place.line or 1, "startColumn": place.column or 1}
    location = {"physicalLocation": {"artifactLocation": {"uri": place.doc}, "region": region}}
    return {"ruleId": f"suite/{kind}", "level": "error", "message": {"text": printable(text)}, "locations": [location]}


def github(results: Results, options: Options) -> str:
    """A line a failure; GitHub shows it beside the line of the suite."""
    redactor = Redactor(active=not options.show_secrets)
    lines = [
        command("error", "a suite cannot be used", problem.place or Place(problem.file), problem.message)
        for problem in results.problems
    ]
    for case in results.failed:
        place = case.failures[0].place or case.place
        lines.append(command("error", f"{case.id}: {_text(case, redactor)}", place, case_text(case, options)))
    return "".join(f"{line}\n" for line in lines)


def command(level: str, title: str, place: Place, text: str) -> str:
    """A workflow command: error, warning or notice."""
    where = f"file={_property(place.doc)},line={place.line or 1},col={place.column or 1}"
    return f"::{level} {where},title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
