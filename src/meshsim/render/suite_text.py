"""What a run of suites came to, for people: each failure with what was expected, what came, where the ways part."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from attrs import evolve

from ..explanation import Candidate, Fate
from ..outcome import Outcome
from ..place import Place
from ..suite_results import ERROR, FAILED, GAP, PASSED, CaseResult, Difference, Failure, Parting, Results
from .call_line import line_of
from .checks_text import failed_checks
from .options import Options
from .page import Page
from .places import place_text
from .redact import Redactor
from .words import plain, sentence

_WORDS = {PASSED: ("passed", "good"), FAILED: ("FAILED", "bad"), GAP: ("gap", "odd"), ERROR: ("ERROR", "bad")}
_NEARLY = 2
_INDENT = 2
_WIDTH = 10

_KINDS = {
    "expectation": "not as expected on {failing} of {branches} branches{share}",
    "some": "some: on none of {branches} branches",
    "shares": "the shares of {branches} branches are others",
    "guard": "never: {name} is so on {failing} of {branches} branches{share}",
    "unwalked": "strict: {failing} bundles of branches were too many to walk",
    "gap-closed": "the known gap is closed, take known_gap away: {message}",
    "gap-over": "the known gap should be closed by now: {message}",
    "call": "{message}",
}


def suite_text(results: Results, options: Options) -> str:
    """The whole page; `options.depth` 1 lists what passed too."""
    page = Page(options)
    redactor = Redactor(active=not options.show_secrets)
    for problem in results.problems:
        page.headline(f"ERROR {problem.place or problem.file}: {problem.message}", style="bad")
        if problem.hint:
            page.entry("help", problem.hint, indent=_INDENT, width=_WIDTH)
        page.gap()
    for case in results.cases:
        if case.status in (FAILED, ERROR) or options.depth > 0:
            write_case(case, page, redactor, options)
    write_counts(results, page)
    return page.text()


def write_case(case: CaseResult, page: Page, redactor: Redactor, options: Options) -> None:
    word, style = _WORDS[case.status]
    why = f"  ({case.why})" if case.why else ""
    page.headline(f"{word} {case.node}{why}", style=style)
    if case.status == PASSED or (case.status == GAP and options.depth < 2):
        if case.gap:
            page.entry("gap", case.gap, indent=_INDENT, width=_WIDTH)
        return
    if case.call is not None:
        page.entry("call", line_of(case.call, redactor), indent=_INDENT, width=_WIDTH)
    for failure in case.failures:
        _write_failure(failure, page, redactor, options)
    page.gap()


def headline_of(failure: Failure) -> str:
    """One failure in one line."""
    share = "" if failure.share is None or failure.share == 1 else f" ({_percent(failure.share)})"
    facts = {
        "failing": failure.failing,
        "branches": failure.branches,
        "name": failure.name,
        "message": failure.message,
        "share": share,
    }
    text = _KINDS[failure.kind].format_map(facts)
    return text.replace("on 1 of 1 branches", "").replace("of 1 branches", "").strip()


def _write_failure(failure: Failure, page: Page, redactor: Redactor, options: Options) -> None:
    def entry(label: str, text: str, style: str = "") -> None:
        page.entry(label, text, indent=_INDENT, width=_WIDTH, style=style)

    where = "" if failure.place is None else f" ({failure.place})"
    if failure.kind != "expectation" or failure.failing < failure.branches or failure.branches > 1:
        entry("what", redactor.text(headline_of(failure)) + where, "bad")
    if failure.kind == "guard" and failure.message:
        entry("why", failure.message)
    if failure.hint:
        entry("help", failure.hint)
    if failure.picks and failure.kind in ("expectation", "guard") and failure.failing < failure.branches:
        picks = " ".join(f"--pick '{site}={option}'" for site, option in failure.picks)
        entry("branch", picks)
    for difference in failure.differences:
        place = "" if difference.place is None else f"  ({difference.place})"
        entry("expected", f"{difference.path}: {wanted_text(difference, redactor)}{place}")
        entry("got", got_text(difference, redactor))
    for difference in failure.elsewhere:
        place = "" if difference.place is None else f"  ({difference.place})"
        got = got_text(difference, redactor)
        entry("elsewhere", f"{difference.path}: {wanted_text(difference, redactor)}, got {got}{place}")
    if failure.outcome is not None:
        entry("outcome", redactor.text(outcome_line(failure.outcome)))
    for reason in failure.assumptions:
        entry("assumed", redactor.text(sentence(reason)))
    if failure.parting is not None:
        for index, line in enumerate(parting_lines(failure.parting, redactor, options)):
            entry("parted" if index == 0 else "", line)


def wanted_text(difference: Difference, redactor: Redactor) -> str:
    """As the suite says it; a secret stays one there too."""
    header = difference.path.partition("headers.")[2]
    return redactor.header(header, difference.wanted) if header else redactor.text(difference.wanted)


def got_text(difference: Difference, redactor: Redactor) -> str:
    got = difference.got
    if isinstance(got, Fraction):
        return _percent(got)
    if got is None and "=" in difference.path:
        return "a share that is not known"
    return plain(redacted(difference, redactor))


def redacted(difference: Difference, redactor: Redactor) -> Any:
    """A header is judged by its name, anything else by its look."""
    path, got = difference.path, difference.got
    if isinstance(got, Fraction):
        return float(got)
    if "headers." in path:
        name = path.partition("headers.")[2]
        if isinstance(got, list):
            return [redactor.header(name, str(each)) for each in got]
        return redactor.header(name, got) if isinstance(got, str) else got
    return redactor.value(got)


def _percent(share: Fraction) -> str:
    return f"{float(share) * 100:.4g} %"


def outcome_line(outcome: Outcome) -> str:
    status = "" if outcome.status is None else f" {outcome.status}"
    evidence = [*outcome.response_flags, *filter(None, [outcome.response_code_details])]
    return f"{outcome.kind}{status}: {sentence(outcome.why)}" + (f" ({' '.join(evidence)})" if evidence else "")


def parting_lines(parting: Parting, redactor: Redactor, options: Options) -> Iterable[str]:
    """Who should have won and on what it lost; then who won, and where that is written."""
    located = evolve(options, locate=lambda place: parting.lines.get(place, place))
    decision, expected = parting.decision, parting.expected
    where = decision.pod if decision.hop is None else f"{decision.pod} hop {decision.hop}"
    why = redactor.text(sentence(decision.reason))
    yield f"{decision.stage} of {where}: {why}{_at(decision.reason.place, located)}"
    if expected is not None:
        yield _lost(expected, redactor, decision.chosen) + _at(expected.place, located)
        return
    near = [each for each in decision.candidates if each.near_miss and each.kind != "rule" and each.checks[1:]]
    for candidate in near[:_NEARLY]:
        lost = failed_checks(candidate, redactor)
        yield f"nearly {_named(candidate, redactor)}: {lost}{_at(candidate.place, located)}"


def _at(place: Place | None, options: Options) -> str:
    return "" if place is None else f" ({place_text(place, options)})"


def _named(candidate: Candidate, redactor: Redactor) -> str:
    return f"{candidate.kind.replace('_', ' ')} {redactor.text(candidate.label) or '(no name)'}"


def _lost(candidate: Candidate, redactor: Redactor, chosen: Candidate | None) -> str:
    name = _named(candidate, redactor)
    failed = next((check for check in candidate.checks if check.ok is False), None)
    if candidate.fate is Fate.NOT_REACHED:
        before = f": {redactor.text(chosen.label) or 'another'} stands before it" if chosen is not None else ""
        also = f", and its {failed.what} would not hold" if failed is not None else ""
        return f"{name} was not asked{before}{also}"
    if failed is not None:
        want, seen = (plain(redactor.value(value, failed.what)) for value in (failed.want, failed.seen))
        return f"{name} lost on {failed.what}: wanted {want}, saw {seen}"
    if candidate.fate is Fate.OUTRANKED:
        return f"{name} was outranked by a closer match" + (f" on {candidate.lost_at}" if candidate.lost_at else "")
    return f"{name} lost" + (f" on {candidate.lost_at}" if candidate.lost_at else "")


def write_counts(results: Results, page: Page) -> None:
    """The last line."""
    page.headline(counts(results), style="bad" if results.failed or results.problems else "good")


def counts(results: Results) -> str:
    names = ((FAILED, "failed"), (ERROR, "with errors"), (PASSED, "passed"))
    parts = [f"{number} {name}" for status, name in names if (number := results.count(status))]
    if gaps := results.count(GAP):
        parts.append(_many(gaps, "known gap"))
    if results.problems:
        parts.append(_many(len(results.problems), "unusable file"))
    if results.deselected:
        parts.append(f"{results.deselected} not selected")
    branches = _many(sum(case.branches for case in results.cases), "branch", "branches")
    unwalked = sum(1 for case in results.cases if case.unwalked)
    tail = f"; of {_many(unwalked, 'call')} not every branch was walked" if unwalked else ""
    stopped = ", stopped at the first failure" if results.stopped else ""
    return f"{', '.join(parts) or 'nothing ran'} ({branches}{tail}){stopped}"


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


def case_text(case: CaseResult, options: Options) -> str:
    """One case alone, as the page tells it."""
    page = Page(evolve(options, depth=2, color=False))
    write_case(case, page, Redactor(active=not options.show_secrets), options)
    return page.text().strip("\n")


def first_line(case: CaseResult, redactor: Redactor) -> str:
    """Why a case failed, in one line."""
    if not case.failures:
        return case.gap
    failure = case.failures[0]
    if failure.kind == "expectation" and failure.differences:
        first = failure.differences[0]
        return f"{first.path}: expected {wanted_text(first, redactor)}, got {got_text(first, redactor)}"
    return redactor.text(headline_of(failure))
