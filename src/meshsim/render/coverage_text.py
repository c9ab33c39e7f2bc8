"""Coverage for people: a table of kinds, then what was never exercised, with its place."""

from __future__ import annotations

from collections.abc import Sequence

from ..suite_coverage import KINDS, Coverage, Shortfall, Thing, Uncounted, percent_text, share_of
from .options import Options
from .page import Page
from .places import place_text

MOST = 20
"""Of one kind; -v lists all."""
WHY = {
    "refused": "Envoy refused it",
    "warming": "it is still warming",
    "no-tcp": "no TCP connection comes to it",
    "unreadable": "it cannot be read",
    "on-demand": "further virtual hosts are fetched while requests wait",
    "not-in-dump": "no input holds it",
}
"""suite_coverage.WHY, in words."""
NAMES = {kind: kind.replace("_", " ") + "s" for kind in KINDS}


def rows(coverage: Coverage) -> list[tuple[str, int, int, str]]:
    """Name of the kind, exercised, of how many, share; the last one is all of them."""
    kinds: list[tuple[str, Sequence[Thing]]] = [(NAMES[kind], coverage.of(kind)) for kind in KINDS]
    return [
        (name, sum(bool(thing.suites) for thing in things), len(things), percent_text(share_of(things)))
        for name, things in [*kinds, ("all", coverage.things)]
    ]


def coverage_text(coverage: Coverage, options: Options) -> str:
    page = Page(options)
    page.gap()
    page.table([("coverage", "exercised", "of", "share"), *([str(cell) for cell in row] for row in rows(coverage))])
    for kind in KINDS:
        never = [thing for thing in coverage.never if thing.kind == kind]
        if never:
            page.gap()
            page.headline(f"{NAMES[kind]} never exercised", style="label")
        shown = never if options.depth else never[:MOST]
        for thing in shown:
            page.line(f"{thing.pod}: {thing.label} ({place_text(thing.place, options)})", indent=2)
        if len(never) > len(shown):
            page.line(f"… and {len(never) - len(shown)} more (-v lists them)", indent=2)
    shown_too = coverage.uncounted if options.depth else coverage.uncounted[:MOST]
    if shown_too:
        page.gap()
        page.headline("not counted", style="label")
    for left in shown_too:
        page.line(f"{left.pod}: {uncounted_text(left)} ({place_text(left.place, options)})", indent=2)
    if len(coverage.uncounted) > len(shown_too):
        page.line(f"… and {len(coverage.uncounted) - len(shown_too)} more (-v lists them)", indent=2)
    for short in coverage.shortfalls:
        page.headline(shortfall_text(short), style="bad")
    return page.text()


def shortfall_text(short: Shortfall) -> str:
    floor = short.floor
    what = f"{floor.kind.replace('_', '-')}/{floor.name}"
    wanted = f"{floor.what.replace('_', ' ')}s {percent_text(floor.share)}"
    if not short.total:
        hint = f" (did you mean {what.partition('/')[0]}/{short.near}?)" if short.near else ""
        return f"FAILED {floor.place}: coverage of {what}: wanted {wanted}, but no mesh has such a thing{hint}"
    where = f" in {short.pod}" if short.pod else ""
    got = f"exercised {short.exercised} of {short.total}{where}"
    return f"FAILED {floor.place}: coverage of {what}: wanted {wanted}, {got}"


def uncounted_text(each: Uncounted) -> str:
    detail = f": {each.detail}" if each.detail else ""
    return f"{each.kind.replace('_', ' ')} {each.name or '(no name)'}: {WHY.get(each.why, each.why)}{detail}"
