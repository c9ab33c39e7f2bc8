"""The results of suites as JUnit XML: a testsuite a file, a testcase a case; known gaps are skipped ones."""

from __future__ import annotations

from xml.etree import ElementTree

from ..suite_results import ERROR, FAILED, GAP, CaseResult, Results
from .options import Options
from .page import printable
from .redact import Redactor
from .suite_text import case_text, first_line


def junit(results: Results, options: Options) -> str:
    """What CI servers read."""
    redactor = Redactor(active=not options.show_secrets)
    root = ElementTree.Element("testsuites", name="meshsim")
    files = dict.fromkeys([*(case.file for case in results.cases), *(problem.file for problem in results.problems)])
    for file in files:
        cases = [case for case in results.cases if case.file == file]
        problems = [problem for problem in results.problems if problem.file == file]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=printable(file),
            tests=str(len(cases) + len(problems)),
            failures=str(sum(case.status == FAILED for case in cases)),
            errors=str(sum(case.status == ERROR for case in cases) + len(problems)),
            skipped=str(sum(case.status == GAP for case in cases)),
        )
        for problem in problems:
            made = ElementTree.SubElement(suite, "testcase", classname=printable(file), name="(the file)")
            where = f"{problem.place}: " if problem.place is not None else ""
            ElementTree.SubElement(made, "error", message=printable(f"{where}{problem.message}"))
        for case in cases:
            _add(suite, case, redactor, options)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(suite: ElementTree.Element, case: CaseResult, redactor: Redactor, options: Options) -> None:
    mesh = f"@{case.mesh}" if case.mesh else ""
    made = ElementTree.SubElement(
        suite,
        "testcase",
        classname=printable(case.suite),
        name=printable(case.id + mesh),
        file=printable(case.place.doc),
        line=str(case.place.line or 1),
    )
    if case.status == GAP:
        ElementTree.SubElement(made, "skipped", message=printable(f"known gap: {case.gap}"))
    elif case.status in (FAILED, ERROR):
        kind = "failure" if case.status == FAILED else "error"
        told = ElementTree.SubElement(made, kind, message=printable(first_line(case, redactor)))
        told.text = "\n".join(map(printable_line, case_text(case, options).splitlines()))


def printable_line(text: str) -> str:
    """A line of a page keeps its indent."""
    return " " * (len(text) - len(text.lstrip(" "))) + printable(text)
