"""Names of clusters, where Envoy looks for one, that no cluster bears."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .references import cluster_references
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.whole("clusters", "bootstrap") or subject.fetches_on_demand:
        return
    resources = subject.document.clusters
    there = {name for name, state in resources.items() if state.view is not None or state.warming is not None}
    for each in cluster_references(subject):
        if each.cluster not in there:
            yield subject.found("MS102", each.kind, each.owner, each.place, cluster=each.cluster, field=each.field)


CHECK = Check(("MS102",), find)
