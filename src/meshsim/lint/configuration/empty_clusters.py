"""Clusters whose assignment is there and holds nobody."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for name, state in subject.document.clusters.items():
        view = state.view
        if view is None or view.enum("type", ("STATIC",)) != "EDS":
            continue
        eds = view.view("eds_cluster_config")
        service = (eds.text("service_name", "") if eds is not None else "") or name
        assignment = subject.document.endpoints.get(service)
        if assignment is None:
            continue
        groups = assignment.views("endpoints")
        if not any(group.views("lb_endpoints") or group.has("leds_cluster_locality_config") for group in groups):
            yield subject.found("MS104", "cluster", name, assignment.place)


CHECK = Check(("MS104",), find)
