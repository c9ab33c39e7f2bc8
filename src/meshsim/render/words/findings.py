"""Findings of `meshsim lint` in words: what is wrong here, what the code means, and the remedy."""

from __future__ import annotations

from ...findings import Finding
from . import plain
from .en import lint_configuration, lint_suites
from .en.finding_words import FindingWords

FINDINGS: dict[str, FindingWords] = {**lint_configuration.WORDS, **lint_suites.WORDS}
"""Code -> its words."""


def message(finding: Finding) -> str:
    """What is wrong here, in one sentence."""
    facts = {name: plain(value) for name, value in finding.facts}
    return FINDINGS[finding.code].sentence.format_map({"kind": finding.kind.replace("_", " "), **facts})
