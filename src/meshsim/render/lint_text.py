"""Findings a line each, as linters print them; what a code means; how often each code was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..findings import RULES, Finding, Rule
from ..place import Place
from .options import Options
from .page import Page, printable
from .words.findings import FINDINGS, message


def lint_text(findings: Sequence[Finding], options: Options, *, note: str = "") -> str:
    """`file:line:column: CODE message [pod]`, then how many there are."""
    lines = [finding_line(finding, options) for finding in findings]
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}" if findings else "nothing found"
    return "\n".join([*lines, count + note]) + "\n"


def finding_line(finding: Finding, options: Options) -> str:
    page = Page(options)
    pod = f" [{finding.pod}]" if finding.pod else ""
    page.headline(f"{where(finding.place)}: {finding.code} {message(finding)}{pod}", style="")
    return page.text().rstrip("\n")


def where(place: Place) -> str:
    """file:line:column as far as known, else the document and the JSON pointer."""
    if place.line is None:
        return str(place)
    return ":".join([place.doc, str(place.line), *([str(place.column)] if place.column is not None else [])])


def statistics_text(findings: Sequence[Finding]) -> str:
    """How often each code was found, the most frequent first."""
    counts = Counter(finding.code for finding in findings)
    width = len(str(max(counts.values(), default=0)))
    rows = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return "".join(f"{count:>{width}}  {code}  {RULES[code].name}\n" for code, count in rows)


def rule_text(rule: Rule, options: Options) -> str:
    """What a code means, in full."""
    words = FINDINGS[rule.code]
    page = Page(options)
    asked = ", only told when selected" if rule.asked_for else ""
    page.headline(f"{rule.code} {rule.name} ({rule.severity}{asked})", style="label")
    page.gap()
    page.entry("says", words.sentence)
    page.entry("means", words.meaning)
    page.entry("help", words.remedy)
    return page.text()


def rules_text(options: Options) -> str:
    """All codes, a line each."""
    page = Page(options)
    page.table(
        [
            ("CODE", "NAME", "SEVERITY", "SAYS"),
            *(
                (rule.code, rule.name, rule.severity + (" (asked for)" if rule.asked_for else ""), _short(rule.code))
                for rule in RULES.values()
            ),
        ]
    )
    return page.text()


def _short(code: str) -> str:
    return printable(FINDINGS[code].sentence)
