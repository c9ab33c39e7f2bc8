"""Names of clusters, where Envoy looks for one, that no cluster bears."""

from __future__ import annotations

from collections.abc import Iterator

from ...config.view import View
from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    document = subject.document
    if not subject.whole("clusters", "bootstrap") or subject.fetches_on_demand:
        return
    for routes in subject.route_lists:
        for index, view in enumerate(routes.views):
            action = view.view("route")
            for cluster, field, holder in _named(action) if action is not None else ():
                if cluster and cluster not in document.clusters:
                    yield subject.found(
                        "MS102", "route", routes.label(index), holder.place, cluster=cluster, field=field
                    )


def _named(action: View) -> Iterator[tuple[str, str, View]]:
    yield action.text("cluster", ""), "cluster", action
    weighted = action.view("weighted_clusters")
    for entry in weighted.views("clusters") if weighted is not None else ():
        yield entry.text("name", ""), "weighted_clusters", entry


CHECK = Check(("MS102",), find)
