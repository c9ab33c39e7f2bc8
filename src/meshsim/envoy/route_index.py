"""The routes of a virtual host by what their path specifier says, so that a table of thousands answers at once.

First-match order stays what it is: `match.indexed_first` only leaves out routes whose path cannot match.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from ..match.first import FirstMatch
from ..match.indexed_first import IndexedFirst
from ..match.strings import ascii_lower
from .route_matches import RouteFacts
from .routes import Route

WORTH_AN_INDEX = 12
"""Fewer routes are gone through faster than they are looked up."""

_CONNECT = "CONNECT"
_WHOLE = "path"
_STARTS = ("prefix", "path_separated_prefix")


def compile_routes(rows: Sequence[Route]) -> FirstMatch[Route, RouteFacts]:
    """The virtual host's routes in their order, behind an index where there are many."""
    if len(rows) < WORTH_AN_INDEX:
        return FirstMatch("route", rows)
    lengths = sorted({len(start) for row in rows if (start := _start(row)) is not None})
    any_case = any(not row.rule.case_sensitive for row in rows)

    def buckets(facts: RouteFacts) -> Iterable[Hashable]:
        path = facts.path
        if facts.request.method == _CONNECT:
            yield _CONNECT, None
        if path is None:
            return
        yield _WHOLE, path
        for length in lengths:
            if length > len(path):
                break
            yield path[:length]
        if any_case:
            lower = ascii_lower(path)
            yield _WHOLE, lower, "any case"
            for length in lengths:
                if length > len(path):
                    break
                yield lower[:length], "any case"

    return IndexedFirst("route", rows, bucket=_bucket, buckets=buckets)


def _bucket(row: Route) -> Hashable | None:
    rule = row.rule
    if rule.kind == _WHOLE:
        return (_WHOLE, rule.value) if rule.case_sensitive else (_WHOLE, ascii_lower(rule.value), "any case")
    if rule.kind in _STARTS and not rule.case_sensitive:
        return ascii_lower(rule.value), "any case"
    if rule.kind == "connect_matcher":
        return _CONNECT, None
    return _start(row)


def _start(row: Route) -> str | None:
    """With what the path must begin, in either case of letters; None where nothing is known."""
    return row.rule.value if row.rule.kind in _STARTS else row.rule.start or None
