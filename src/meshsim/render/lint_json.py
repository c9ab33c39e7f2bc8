"""Findings as one JSON document, version 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..findings import SEVERITIES, Finding
from ..place import Place
from .words.findings import FINDINGS, message

VERSION = 1


def findings_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Counts, then every finding with its facts."""
    counts = Counter(finding.severity for finding in findings)
    return {
        "version": VERSION,
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "findings": [_finding(finding) for finding in findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.rule.name,
        "severity": finding.severity,
        "pod": finding.pod or None,
        "kind": finding.kind,
        "resource": finding.resource,
        "message": message(finding),
        "remedy": FINDINGS[finding.code].remedy,
        "place": _place(finding.place),
        "related": [_place(place) for place in finding.related],
        "facts": {name: value for name, value in finding.facts if name != "name"},
    }


def _place(place: Place) -> dict[str, Any]:
    pointer = str(Place(place.doc, place.path)).removeprefix(place.doc) or None
    return {"file": place.doc, "line": place.line, "column": place.column, "pointer": pointer}
