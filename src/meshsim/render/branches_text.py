"""The text answer to --all: how the call can end, a table of its branches, then each branch in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from attrs import evolve

from ..report import Hop, Remainder, Report
from .call_line import call_line
from .options import Options
from .page import Page
from .places import at_place
from .redact import Redactor
from .summary import headline
from .text import STYLES, share_text, text, write_config, write_resolution
from .words import sentence

MOST_ENDPOINTS = 4
"""Endpoints of a branch that the table names; the rest is counted."""

_ARROW = " → "
_HEAD = ("branch", "share", "outcome", "cluster", "endpoints")


def branches_text(reports: Sequence[Report], remainder: Remainder | None, options: Options) -> str:
    """The whole page. `reports` are one call's branches, likeliest first; there is at least one."""
    page = Page(options)
    first = reports[0]
    page.headline(_totals(reports, remainder), style="")
    page.gap()
    page.entry("call", call_line(first, Redactor.of(first, show_secrets=options.show_secrets)))
    write_resolution(first, page)
    page.gap()
    page.table(_rows(reports))
    if remainder is not None:
        page.line(_rest(remainder))
    if options.depth == 0:
        for number, report in enumerate(reports, 1):
            page.gap()
            _write_branch(number, report, options, page)
        page.gap()
        write_config(_together(reports), options, page)
        return page.text()
    pages = [
        f"\nbranch {number} of {len(reports)}\n{text(report, options)}" for number, report in enumerate(reports, 1)
    ]
    return page.text() + "".join(pages)


def _together(reports: Sequence[Report]) -> Report:
    """The pods of every branch, each once, and all hops, whose versions are told."""
    notes = {note.pod: note for report in reports for note in report.config}
    hops = tuple(hop for report in reports for hop in report.hops)
    return evolve(reports[0], config=tuple(notes.values()), hops=hops)


def _totals(reports: Sequence[Report], remainder: Remainder | None) -> str:
    """How often the call ends how."""
    totals: dict[str, list[float | None]] = {}
    for report in reports:
        totals.setdefault(_ends(report), []).append(report.probability)
    ends = [f"{_share(_sum(shares))} {end}" for end, shares in totals.items()]
    if remainder is not None:
        ends.append(f"{_share(remainder.share)} not shown")
    return f"{len(reports)} branch{'es' if len(reports) != 1 else ''}: {', '.join(ends)}"


def _ends(report: Report) -> str:
    status = report.outcome.status
    return report.outcome.kind if status is None else f"{report.outcome.kind} {status}"


def _sum(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) if len(known) == len(shares) else None


def _share(share: float | None) -> str:
    return "an unknown share" if share is None else share_text(share)


def _rows(reports: Sequence[Report]) -> list[tuple[str, ...]]:
    """One row a branch, with a line for each of its hops that names a cluster."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for number, report in enumerate(reports, 1):
        share = "unknown" if report.probability is None else share_text(report.probability)
        clusters = [hop.cluster for hop in report.hops]
        endpoints = report.merged.endpoints if report.merged is not None else ()
        passed = [
            (cluster or "-", _few(dialled or ()))
            for cluster, dialled in zip_longest(clusters, endpoints)
            if cluster or dialled
        ]
        for index, (cluster, dialled) in enumerate(passed or [("-", "-")]):
            head = (str(number), share, _ends(report)) if index == 0 else ("", "", "")
            rows.append((*head, cluster, dialled))
    return rows


def _few(endpoints: Sequence[str]) -> str:
    more = len(endpoints) - MOST_ENDPOINTS
    return ", ".join(endpoints[:MOST_ENDPOINTS]) + (f", … {more} more" if more > 0 else "") or "-"


def _rest(remainder: Remainder) -> str:
    if remainder.complete:
        noun = "branch" if remainder.branches == 1 else "branches"
        return f"and {remainder.branches} {noun} not shown: {_share(remainder.share)} together"
    return (
        f"and {remainder.branches} bundles of branches that were not walked: {_share(remainder.share)} together; "
        "what is shown may be more than it says"
    )


def _write_branch(number: int, report: Report, options: Options, page: Page) -> None:
    redactor = Redactor.of(report, show_secrets=options.show_secrets)
    style = STYLES.get(report.outcome.kind, "bad")
    page.entry(f"branch {number}", redactor.text(headline(report)), style=style)
    for index, hop in enumerate(report.hops):
        page.entry(f"hop {index}", _way(hop), indent=2)
    for choice in report.choices:
        if len(choice.of) < 2:
            continue
        page.entry("pick", f"--pick '{choice.site}={choice.picked}'", indent=2)
    for assumption in report.assumptions:
        page.entry("assumed", redactor.text(sentence(assumption)) + at_place(assumption.place, options), indent=2)


def _way(hop: Hop) -> str:
    """One line: by which names the call passes through this proxy, to which endpoint."""
    names = (hop.listener or hop.received_by, hop.filter_chain, hop.virtual_host, hop.route, hop.cluster, hop.endpoint)
    way = _ARROW.join(name for name in names if name)
    mode = f", {hop.tls.mode}" if hop.tls is not None else ""
    return f"{hop.direction or 'proxy'} {hop.pod}: {way}{mode}"
