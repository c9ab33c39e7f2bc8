"""Routes that no request can reach: one above takes everything that they would, or nothing meets their match."""

from __future__ import annotations

from collections.abc import Iterator

from ...config.view import View
from ...findings import Finding
from ..check import Check
from ..reach.matches import Match, read_match
from ..reach.order import shadowed
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for routes in subject.route_lists:
        matches = [_match(view) for view in routes.views]
        for index, match in enumerate(matches):
            field = _never(match)
            if field is not None:
                yield subject.found(
                    "MS106",
                    "route",
                    routes.label(index),
                    routes.rows[index].place / "match" / field,
                    field=field,
                    value=match.paths.seed if field == match.kind and match.paths is not None else "0",
                )
        for index, above in shadowed(matches):
            taker, lost = routes.rows[above], routes.rows[index]
            yield subject.found(
                "MS101", "route", routes.label(index), lost.place, by=taker.label, related=(taker.place,)
            )


def _match(view: View) -> Match:
    return read_match(view.view("match") or View({}, view.place / "match"))


def _never(match: Match) -> str | None:
    """The field that no request meets."""
    if match.never:
        return "runtime_fraction"
    if match.paths is not None and (not match.paths.seed.startswith("/") or "?" in match.paths.seed):
        return match.kind
    return None


CHECK = Check(("MS101", "MS106"), find)
