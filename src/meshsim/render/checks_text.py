"""Checks as text: what was wanted, what was seen."""

from __future__ import annotations

from ..explanation import Candidate, Check
from .redact import Redactor
from .words import plain

LONGEST = 160
"""Longer values are cut; the JSON output has them whole."""


def check_text(check: Check, redactor: Redactor) -> str:
    """One check in words."""
    want, seen = (_short(redactor.value(value, check.what)) for value in (check.want, check.seen))
    if check.ok is None:
        return f"{check.what} {want}: cannot be known"
    if check.ok and check.want is None and check.seen is not None:
        return f"{check.what}: {seen}"
    if check.ok:
        return f"{check.what} {want}: yes, {seen}"
    return f"{check.what} wants {want}, sees {seen}"


def failed_checks(candidate: Candidate, redactor: Redactor) -> str:
    """Why a candidate lost, in one line."""
    failed = [check for check in candidate.checks if check.ok is False]
    if not failed:
        failed = [check for check in candidate.checks if check.ok is None]
    text = "; ".join(check_text(check, redactor) for check in failed)
    return text or candidate.lost_at


def _short(value: object) -> str:
    text = plain(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
