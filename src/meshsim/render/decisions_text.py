"""The decisions of -v and -vv: each question, who was chosen, and why the others were not, near misses first."""

from __future__ import annotations

from collections.abc import Sequence

from ..explanation import Candidate, Decision, Fate
from .checks_text import check_text, failed_checks
from .options import Options
from .page import Page
from .places import at_place
from .redact import Redactor
from .words import plain, sentence

MOST_SHOWN = {1: 8, 2: 40}
"""Losers shown a decision, by depth; the rest is counted."""

_WORDS = {
    Fate.CHOSEN: "chosen",
    Fate.FAILED: "failed",
    Fate.OUTRANKED: "outranked",
    Fate.NOT_REACHED: "not asked",
    Fate.UNKNOWN: "unknown",
}
_WIDTH = 11


def write_decisions(decisions: Sequence[Decision], page: Page, redactor: Redactor, options: Options) -> None:
    page.line("decisions", style="label")
    for decision in decisions:
        write_decision(decision, page, redactor, options)


def write_decision(decision: Decision, page: Page, redactor: Redactor, options: Options) -> None:
    where = decision.pod if decision.hop is None else f"{decision.pod} hop {decision.hop}"
    page.entry(decision.stage, f"{where}: {redactor.text(sentence(decision.question))}", indent=2, width=_WIDTH)
    page.line("→ " + redactor.text(sentence(decision.reason)), indent=4)
    if decision.trivial and options.depth < 2:
        return
    _write_candidates(decision, page, redactor, options)
    for change in decision.changes:
        before, after = (plain(redactor.value(value, change.field)) for value in (change.before, change.after))
        why = f" ({redactor.text(sentence(change.reason))})" if change.reason is not None else ""
        page.entry("changed", f"{change.field}: {before} → {after}{why}", indent=4, width=_WIDTH)
    for note in decision.notes:
        page.entry("note", redactor.text(sentence(note)), indent=4, width=_WIDTH)


def _write_candidates(decision: Decision, page: Page, redactor: Redactor, options: Options) -> None:
    ranked = sorted(decision.candidates, key=_rank)
    shown = [candidate for candidate in ranked if candidate.fate is not Fate.NOT_REACHED or options.depth > 1]
    chosen = [candidate for candidate in shown if candidate.fate is Fate.CHOSEN]
    losers = [candidate for candidate in shown if candidate.fate is not Fate.CHOSEN]
    most = MOST_SHOWN[min(options.depth, 2)]
    for candidate in [*chosen, *losers[:most]]:
        _write_candidate(candidate, page, redactor, options)
    rest = losers[most:]
    if rest:
        page.entry("…", f"and {len(rest)} more that lost", indent=4, width=_WIDTH)
    unasked = len(ranked) - len(shown)
    if unasked:
        page.entry("…", f"and {unasked} not asked, for an earlier one won", indent=4, width=_WIDTH)


def _rank(candidate: Candidate) -> tuple[int, int]:
    """Chosen first, then near misses, those that got furthest first."""
    passed = sum(check.ok is True for check in candidate.checks)
    if candidate.fate is Fate.CHOSEN:
        return 0, 0
    if candidate.near_miss:
        return 1, -passed
    return (3, 0) if candidate.fate is Fate.NOT_REACHED else (2, -passed)


def _near(candidate: Candidate) -> bool:
    """Who fails the only check that was asked was not near."""
    return candidate.near_miss and any(check.ok for check in candidate.checks)


def _write_candidate(candidate: Candidate, page: Page, redactor: Redactor, options: Options) -> None:
    word = "nearly" if _near(candidate) else _WORDS[candidate.fate]
    text = f"{candidate.kind} {redactor.text(candidate.label) or '(no name)'}"
    if options.depth > 1:
        page.entry(word, text + at_place(candidate.place, options), indent=4, width=_WIDTH)
        for check in candidate.checks:
            page.line(check_text(check, redactor) + at_place(check.place, options), indent=4 + _WIDTH + 2)
        if candidate.lost_at and not candidate.checks:
            page.line(candidate.lost_at, indent=4 + _WIDTH + 2)
        return
    why = "" if candidate.fate is Fate.CHOSEN else failed_checks(candidate, redactor)
    page.entry(word, text + (f": {why}" if why else ""), indent=4, width=_WIDTH)
