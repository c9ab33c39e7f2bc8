"""Findings as JUnit XML: a testsuite a file, a failed testcase a finding; one that passes where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from ..findings import Finding
from .lint_text import where
from .page import printable
from .words.findings import FINDINGS, message


def junit(findings: Sequence[Finding]) -> str:
    """What CI servers read."""
    root = ElementTree.Element("testsuites", name="meshsim lint")
    for file in dict.fromkeys(finding.place.doc for finding in findings):
        mine = [finding for finding in findings if finding.place.doc == file]
        suite = _suite(root, file, tests=len(mine), failures=len(mine))
        for finding in mine:
            _add(suite, finding)
    if not findings:
        ElementTree.SubElement(_suite(root, "meshsim lint", tests=1, failures=0), "testcase", name="no findings")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, name: str, *, tests: int, failures: int) -> ElementTree.Element:
    counts = {"tests": str(tests), "failures": str(failures), "errors": "0", "skipped": "0"}
    return ElementTree.SubElement(root, "testsuite", {"name": printable(name), **counts})


def _add(suite: ElementTree.Element, finding: Finding) -> None:
    made = ElementTree.SubElement(
        suite,
        "testcase",
        classname=printable(finding.code),
        name=printable(f"{finding.kind}:{finding.resource}"),
        file=printable(finding.place.doc),
        line=str(finding.place.line or 1),
    )
    said = printable(message(finding))
    told = ElementTree.SubElement(made, "failure", message=said, type=finding.severity)
    told.text = f"{printable(where(finding.place))}: {finding.code} {said}\nhelp: {FINDINGS[finding.code].remedy}"
