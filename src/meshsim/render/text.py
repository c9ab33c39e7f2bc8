"""The text answer: what happened in one line, its cause, the path, what was assumed, which configuration answered.

The layout is fixed, so that eyes and scripts find each part where it was yesterday. For someone at 3 a.m.
"""

from __future__ import annotations

from datetime import datetime

from ..explanation import Candidate, Decision
from ..place import Place
from ..report import ChoiceReport, ConfigNote, Report
from .call_line import call_line
from .checks_text import failed_checks
from .decisions_text import write_decisions
from .options import Options
from .page import Page
from .path_text import write_path
from .places import at_place, place_text
from .redact import Redactor
from .summary import headline
from .words import sentence

NEARLY = 2
"""How many near misses stand beside the cause."""

MOST_OPTIONS = 6
"""Options of a choice that are named; the rest is counted."""

_RESOLVED_BY = {
    "resolve-option": "by --resolve",
    "host-facts": "by host facts",
    "dns-proxy": "by the proxy's DNS table",
    "service": "by the service's address in the configuration",
    "assumed": "a stand-in, for no input names it",
}
STYLES = {"delivered": "good", "forwarded": "good", "replied": "odd", "unknown": "odd"}


def text(report: Report, options: Options) -> str:
    """The whole page."""
    page = Page(options)
    redactor = Redactor.of(report, show_secrets=options.show_secrets)
    write_answer(report, options, page, redactor)
    if options.depth > 0 and report.decisions:
        page.gap()
        write_decisions(report.decisions, page, redactor, options)
    return page.text()


def write_answer(report: Report, options: Options, page: Page, redactor: Redactor) -> None:
    """All but the decisions, onto a page of any kind."""
    page.headline(redactor.text(headline(report)), style=STYLES.get(report.outcome.kind, "bad"))
    page.gap()
    page.entry("call", call_line(report, redactor))
    write_resolution(report, page)
    _write_cause(report, options, page, redactor)
    write_path(report, page, redactor)
    _write_choices(report, page)
    # facts may be lists, so a reason is compared and never hashed
    open_choices = [choice for choice in report.choices if choice.assumption is not None]
    for assumption in report.assumptions:
        told = redactor.text(sentence(assumption)) + at_place(assumption.place, options)
        choice = next((each for each in open_choices if each.assumption == assumption), None)
        page.entry("assumed", told if choice is None else f"{told} ({_other_courses(choice)})")
    write_config(report, options, page)


def write_resolution(report: Report, page: Page) -> None:
    """How the dialled name became an address; nothing where an address was dialled."""
    resolution = report.resolution
    if resolution is None:
        return
    others = [address for address in resolution.addresses if address != resolution.address]
    more = f", also {', '.join(others)}" if others else ""
    page.entry("name", f"{resolution.name} → {resolution.address} ({_RESOLVED_BY[resolution.by]}{more})")


def _write_cause(report: Report, options: Options, page: Page, redactor: Redactor) -> None:
    decision = report.cause
    why = report.outcome.why if decision is None else decision.reason
    page.entry("cause", redactor.text(sentence(why)))
    place = _place_of(decision) or why.place or report.outcome.why.place
    if place is not None:
        page.entry("", place_text(place, options))
    for candidate in _nearly(decision):
        page.entry("", f"nearly {redactor.text(candidate.label)}: {failed_checks(candidate, redactor)}")


def _place_of(decision: Decision | None) -> Place | None:
    if decision is None:
        return None
    if decision.reason.place is not None:
        return decision.reason.place
    return decision.chosen.place if decision.chosen is not None else None


def _nearly(decision: Decision | None) -> list[Candidate]:
    """The losers of the cause that failed one check and passed at least one other; of packet rules most do."""
    if decision is None:
        return []
    near = [
        candidate
        for candidate in decision.candidates
        if candidate.near_miss and candidate.kind != "rule" and any(check.ok for check in candidate.checks)
    ]
    return near[:NEARLY]


def _write_choices(report: Report, page: Page) -> None:
    for choice in report.choices:
        if len(choice.of) < 2 or choice.assumption in report.assumptions:
            continue
        picked = next((option for option in choice.of if option.option == choice.picked), choice.of[0])
        others = [option for option in choice.of if option is not picked]
        named = ", ".join(f"{option.option} {share_text(option.share)}" for option in others[:MOST_OPTIONS])
        more = f", … {len(others) - MOST_OPTIONS} more" if len(others) > MOST_OPTIONS else ""
        stated = report.call.answers.get(choice.site)
        why = share_text(picked.share) if stated is None else f"(the answer {stated.status} is stated)"
        taken = f"{choice.site}: {picked.option} {why}"
        page.entry("choice", f"{taken}; else {named}{more} (--pick {choice.site}=…)")


def _other_courses(choice: ChoiceReport) -> str:
    """Of a choice that an assumption already tells of."""
    names = [option.option for option in choice.of if option.option != choice.picked]
    more = f", … {len(names) - MOST_OPTIONS} more" if len(names) > MOST_OPTIONS else ""
    return f"{choice.picked}; else {', '.join(names[:MOST_OPTIONS])}{more}: --pick {choice.site}=…"


def share_text(share: float | None) -> str:
    """In percent."""
    return "(share unknown)" if share is None else f"{share * 100:.4g} %"


def write_config(report: Report, options: Options, page: Page) -> None:
    """Which configurations answered, their versions and age."""
    if report.demo:
        page.entry("config", "the embedded demo mesh (no -c was given)")
    label = "" if report.demo else "config"
    for note in report.config:
        page.entry(label, _config_line(note, report, options))
        label = ""


def _config_line(note: ConfigNote, report: Report, options: Options) -> str:
    parts = [f"{note.pod}: {', '.join(note.documents) or 'no configuration of its own'}"]
    versions = [hop.config_version for hop in report.hops if hop.pod == note.pod and hop.config_version]
    if versions:
        parts.append("version " + ", ".join(dict.fromkeys(versions)))
    if note.last_updated:
        parts.append(f"updated {note.last_updated}" + ("" if report.demo else _age(note.last_updated, options.now)))
    if note.envoy_version:
        parts.append(f"Envoy {note.envoy_version}")
    return "; ".join(parts)


def _age(updated: str, now: datetime | None) -> str:
    """How old, in the largest fitting unit; nothing where the clock or the time is of no use."""
    if now is None:
        return ""
    try:
        seconds = (now - datetime.fromisoformat(updated)).total_seconds()
    except (TypeError, ValueError):
        return ""
    if seconds < 0:
        return ""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f" ({int(seconds // size)} {unit} ago)"
    return " (just now)"
