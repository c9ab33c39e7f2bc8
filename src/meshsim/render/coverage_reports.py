"""The forms a coverage report takes, and where each goes where no file is named."""

from __future__ import annotations

import json

from attrs import evolve

from ..suite_coverage import Coverage
from .coverage_html import coverage_html
from .coverage_json import coverage_document
from .coverage_text import coverage_text
from .options import Options

FORMATS = {"text": "-", "json": "coverage.json", "html": "coverage.html"}
"""`-`: standard output."""


def read_report(text: str) -> tuple[str, str]:
    """TYPE or TYPE:FILE. ValueError where there is no such type."""
    kind, _colon, file = text.partition(":")
    if kind not in FORMATS:
        raise ValueError(f"{kind!r} is none of {', '.join(FORMATS)}")
    return kind, file or FORMATS[kind]


def coverage_report(kind: str, found: Coverage, options: Options, *, to_file: bool) -> str:
    """A file gets no colour, whatever the terminal can show."""
    if kind == "json":
        return json.dumps(coverage_document(found), indent=1) + "\n"
    plain = evolve(options, color=False, unicode=True)
    if kind == "html":
        return coverage_html(found, plain)
    return coverage_text(found, plain if to_file else options)
