"""Coverage as one page of HTML that loads nothing and runs nothing."""

from __future__ import annotations

from html import escape

from ..suite_coverage import KINDS, Coverage
from .coverage_text import NAMES, rows, shortfall_text
from .options import Options
from .page import printable
from .places import place_text

_HEAD = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>meshsim coverage</title><style>'
    "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left}"
    ".yes{color:#2e7d32}.no{color:#c62828;font-weight:bold}td.place{font-family:monospace}summary{cursor:pointer}"
    "</style></head><body><h1>Coverage</h1>"
)


def coverage_html(coverage: Coverage, options: Options) -> str:
    parts = [
        _HEAD,
        _table([("", "exercised", "of", "share"), *([str(cell) for cell in row] for row in rows(coverage))]),
    ]
    parts += [f'<p class="no">{_shown(shortfall_text(short))}</p>' for short in coverage.shortfalls]
    for kind in KINDS:
        things = sorted(coverage.of(kind), key=lambda thing: bool(thing.suites))
        if not things:
            continue
        parts.append(f"<details><summary>{_shown(NAMES[kind])}</summary><table>")
        for thing in things:
            style, word = ("yes", "exercised") if thing.suites else ("no", "never")
            cells = (word, thing.pod, thing.label)
            parts.append(
                f'<tr class="{style}">'
                + "".join(f"<td>{_shown(cell)}</td>" for cell in cells)
                + f'<td class="place">{_shown(place_text(thing.place, options))}</td></tr>'
            )
        parts.append("</table></details>")
    return "\n".join((*parts, "</body></html>\n"))


def _table(lines: list[tuple[str, ...] | list[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{_shown(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table>{body}</table>"


def _shown(text: str) -> str:
    return escape(printable(text))
