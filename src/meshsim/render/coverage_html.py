"""Coverage as one page of HTML that loads nothing and runs nothing; light or dark as the reader's browser is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ..suite_coverage import KINDS, Coverage, Thing
from .coverage_text import NAMES, rows, shortfall_text, uncounted_text
from .options import Options
from .page import printable
from .places import place_text

_STYLE = (
    ":root{color-scheme:light dark;--yes:#2e7d32;--no:#c62828;--line:#8886}"
    "@media(prefers-color-scheme:dark){:root{--yes:#81c784;--no:#ff8a80}}"
    "body{font-family:sans-serif;margin:2em auto;max-width:80em;padding:0 1em;line-height:1.4}"
    "table{border-collapse:collapse;margin:.5em 0}"
    "td,th{padding:.2em .8em;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}"
    ".wide{width:100%;table-layout:fixed}.wide td{overflow-wrap:anywhere}"
    ".wide td.word{width:6em}.wide td.pod{width:14%}.wide td.place{width:28%}"
    "td.number{text-align:right;font-variant-numeric:tabular-nums}"
    ".yes .word{color:var(--yes)}.no .word,p.no{color:var(--no);font-weight:bold}"
    "td.place{font-family:monospace}summary{cursor:pointer;padding:.3em 0;font-weight:bold}"
    "meter{width:8em;vertical-align:middle}p,summary{overflow-wrap:anywhere}"
    "@media(max-width:40em){.wide,.wide tbody,.wide tr,.wide td{display:block}.wide tr{padding:.4em 0}"
    ".wide td,.wide td.pod,.wide td.place{width:auto;border:0}.wide tr{border-bottom:1px solid var(--line)}"
    "meter{width:4em}}"
)
_HEAD = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f"<title>meshsim coverage</title><style>{_STYLE}</style></head><body><h1>Coverage</h1>"
)


def coverage_html(coverage: Coverage, options: Options) -> str:
    parts = [_HEAD, _totals(coverage)]
    parts += [f'<p class="no">{_shown(shortfall_text(short))}</p>' for short in coverage.shortfalls]
    for kind in KINDS:
        things = sorted(coverage.of(kind), key=lambda thing: bool(thing.suites))
        if things:
            never = sum(not thing.suites for thing in things)
            parts.append(_folded(f"{NAMES[kind]}: {never} of {len(things)} never exercised", _things(things, options)))
    if coverage.uncounted:
        lines = (
            _row("", each.pod, uncounted_text(each), place_text(each.place, options)) for each in coverage.uncounted
        )
        parts.append(_folded(f"not counted: {len(coverage.uncounted)}", lines))
    return "\n".join((*parts, "</body></html>\n"))


def _totals(coverage: Coverage) -> str:
    lines = ["<table><tr><th></th><th>exercised</th><th>of</th><th>share</th><th></th></tr>"]
    for name, done, total, share in rows(coverage):
        bar = f'<meter value="{done}" max="{max(total, 1)}"></meter>' if total else ""
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in (done, total, _shown(share)))
        lines.append(f"<tr><td>{_shown(name)}</td>{numbers}<td>{bar}</td></tr>")
    return "\n".join((*lines, "</table>"))


def _things(things: Sequence[Thing], options: Options) -> Iterable[str]:
    for thing in things:
        style, word = ("yes", "exercised") if thing.suites else ("no", "never")
        yield _row(style, thing.pod, thing.label, place_text(thing.place, options), word)


def _row(style: str, pod: str, name: str, place: str, word: str = "") -> str:
    head = f'<td class="word">{word}</td>' if word else ""
    told = f'<td class="pod">{_shown(pod)}</td><td>{_shown(name)}</td>'
    return f'<tr class="{style}">{head}{told}<td class="place">{_shown(place)}</td></tr>'


def _folded(title: str, lines: Iterable[str]) -> str:
    return "\n".join((f'<details><summary>{_shown(title)}</summary><table class="wide">', *lines, "</table></details>"))


def _shown(text: str) -> str:
    return escape(printable(text))
