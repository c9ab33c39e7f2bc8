"""Findings where code hosts show them: SARIF 2.1.0, and the workflow commands of GitHub Actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..findings import ERROR, INFO, RULES, WARNING, Finding
from ..place import Place
from ..version import __version__
from .page import printable
from .suite_annotations import SARIF_SCHEMA, command
from .words.findings import FINDINGS, message

_SARIF_LEVELS = {ERROR: "error", WARNING: "warning", INFO: "note"}
_GITHUB_LEVELS = {ERROR: "error", WARNING: "warning", INFO: "notice"}


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """One run, a result a finding; the rules that were broken, with their remedies."""
    driver = {"name": "meshsim", "version": __version__, "rules": _rules(findings)}
    results = [_result(finding) for finding in findings]
    return {"version": "2.1.0", "$schema": SARIF_SCHEMA, "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rules(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    broken = {finding.code for finding in findings}
    return [
        {
            "id": rule.code,
            "name": rule.name,
            "shortDescription": {"text": rule.name.replace("-", " ")},
            "fullDescription": {"text": FINDINGS[rule.code].meaning},
            "help": {"text": FINDINGS[rule.code].remedy},
            "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
        }
        for rule in RULES.values()
        if rule.code in broken
    ]


def _result(finding: Finding) -> dict[str, Any]:
    made = {
        "ruleId": finding.code,
        "level": _SARIF_LEVELS[finding.severity],
        "message": {"text": printable(message(finding))},
        "locations": [_location(finding.place, f"{finding.kind}:{finding.resource}")],
    }
    if finding.related:
        made["relatedLocations"] = [_location(place) for place in finding.related]
    return made


def _location(place: Place, logical: str = "") -> dict[str, Any]:
    region = {"startLine": place.line or 1, "startColumn": place.column or 1}
    made: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": place.doc}, "region": region}}
    if logical:
        made["logicalLocations"] = [{"fullyQualifiedName": printable(logical)}]
    return made


def github(findings: Sequence[Finding]) -> str:
    """A line a finding; GitHub shows it beside the line of the file."""
    return "".join(
        command(
            _GITHUB_LEVELS[finding.severity],
            f"{finding.code} {finding.rule.name}",
            finding.place,
            f"{printable(message(finding))}\nhelp: {FINDINGS[finding.code].remedy}",
        )
        + "\n"
        for finding in findings
    )
