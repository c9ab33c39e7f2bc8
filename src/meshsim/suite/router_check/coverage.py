"""How much of a route configuration its tests cover. envoyproxy/envoy test/tools/router_check/coverage.cc."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from attrs import define, field

from ...envoy.redirects import TlsRedirect
from ...place import Place
from ...suite_results import MissingRoute, RouteCoverage
from .ask import Answer
from .match_text import match_text
from .model import REPLY_FIELDS, ROUTE_FIELDS
from .table import RouteCheckTable

_TLS_REDIRECT = Place("require_tls")
"""The tool has one redirect to TLS for all virtual hosts: covered once, and in no denominator."""


@define(eq=False)
class Covered:
    """The routes of which some assertion held; each entry of a weighted one counts by itself."""

    _fields: dict[tuple[Place, str], set[str]] = field(factory=dict)
    _whole: dict[tuple[Place, str], int] = field(factory=dict)

    def mark(self, answer: Answer, fields: Iterable[str]) -> None:
        found = set(fields)
        if not found or answer.route is None:
            return
        place = _TLS_REDIRECT if isinstance(answer.route.action, TlsRedirect) else answer.route.place
        key = (place, str(answer.entry.place) if answer.entry is not None else "")
        self._fields.setdefault(key, set()).update(found)
        self._whole[key] = len(ROUTE_FIELDS if answer.forwards else REPLY_FIELDS)

    def report(
        self, file: str, table: RouteCheckTable, *, comprehensive: bool, detailed: bool, limit: float
    ) -> RouteCoverage:
        whole = sum(entry.parts for entry in table.entries)
        if comprehensive:
            covered = sum(
                (Fraction(len(found), self._whole[key]) for key, found in self._fields.items()), start=Fraction(0)
            )
        else:
            covered = Fraction(len(self._fields))
        reached = {place for place, _entry in self._fields}
        missing = tuple(
            MissingRoute(
                entry.virtual_host, entry.label, match_text(entry.match) if comprehensive else "", entry.unique_name
            )
            for entry in table.entries
            if entry.place not in reached
        )
        share = covered / whole if whole else Fraction(1)
        return RouteCoverage(file, table.name, share, limit, missing if comprehensive or detailed else ())
