"""Weighted clusters with a weight of 0. Often on purpose, so it is only told when asked for."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for routes in subject.route_lists:
        for index, view in enumerate(routes.views):
            action = view.view("route")
            weighted = action.view("weighted_clusters") if action is not None else None
            if weighted is None or weighted.has("runtime_key_prefix"):
                continue
            for entry in weighted.views("clusters"):
                if entry.integer("weight", 0) == 0:
                    cluster = entry.text("name", "") or entry.text("cluster_header", "")
                    yield subject.found("MS120", "route", routes.label(index), entry.place, cluster=cluster)


CHECK = Check(("MS120",), find)
