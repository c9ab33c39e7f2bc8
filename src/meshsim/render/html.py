"""The answer as one block of HTML: the page of the text answer, each decision folded beneath it.

It loads nothing and runs nothing, so it can stand in a notebook, a ticket or a mail. Styles stand on the elements, for
such places drop style sheets; without any it still reads.
"""

from __future__ import annotations

from html import escape

from attrs import define, evolve

from ..explanation import Decision
from ..report import Report
from .decisions_text import write_decision
from .options import Options
from .page import Page, printable
from .redact import Redactor
from .text import write_answer
from .words import sentence

EVERY_CHECK = 2
"""The depth of a decision that was opened: who unfolds it wants all of it."""

_STYLES = {
    "good": "color:#2e7d32;font-weight:bold",
    "odd": "color:#b26a00;font-weight:bold",
    "bad": "color:#c62828;font-weight:bold",
    "label": "font-weight:bold",
    "faint": "opacity:0.6",
}
_BLOCK = "white-space:pre;overflow-x:auto;margin:0 0 0.5em 0"
_SUMMARY = "cursor:pointer;font-family:monospace"


def html(report: Report, options: Options) -> str:
    """The block; decisions are in it where the report has them."""
    redactor = Redactor.of(report, show_secrets=options.show_secrets)
    page = _HtmlPage(options)
    write_answer(report, options, page, redactor)
    unfolded = evolve(options, depth=EVERY_CHECK)
    decisions = [
        _folded(decision, unfolded, redactor, cause=decision is report.cause) for decision in report.decisions or ()
    ]
    return f"<div>{page.text()}{''.join(decisions)}</div>"


@define(eq=False)
class _HtmlPage(Page):
    """The same lines, escaped once they are wrapped."""

    def text(self) -> str:
        lines = "\n".join(self._lines)
        return f'<pre style="{_BLOCK}">{lines}</pre>'

    def _paint(self, text: str, style: str) -> str:
        shown = escape(text)
        return f'<span style="{_STYLES[style]}">{shown}</span>' if style and text else shown


def _folded(decision: Decision, options: Options, redactor: Redactor, *, cause: bool) -> str:
    where = decision.pod if decision.hop is None else f"{decision.pod} hop {decision.hop}"
    told = escape(printable(redactor.text(f"{decision.stage}, {where}: {sentence(decision.reason)}")))
    mark = " <b>(cause)</b>" if cause else ""
    page = _HtmlPage(options)
    write_decision(decision, page, redactor, options)
    return f'<details><summary style="{_SUMMARY}">{told}{mark}</summary>{page.text()}</details>'
