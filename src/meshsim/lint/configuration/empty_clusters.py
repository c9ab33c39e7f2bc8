"""Clusters whose assignment is there and holds nobody, or nobody that a call would be given."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...envoy.clusters import Cluster
from ...envoy.endpoints import Assignment
from ...envoy.priorities import plan_load
from ...findings import Finding
from ..check import Check
from .subject import Subject, readable


def find(subject: Subject) -> Iterator[Finding]:
    for name in subject.document.clusters:
        cluster = readable(partial(subject.proxy.cluster, name))
        if cluster is None or cluster.makes_hosts or cluster.members or not cluster.modelled:
            continue
        assignment = readable(partial(_assignment, subject, cluster))
        if assignment is None or assignment.doubts:
            continue
        if not assignment.endpoints:
            yield subject.found("MS104", "cluster", name, assignment.place)
        elif not plan_load(assignment, cluster.balancing).shares():
            states = sorted({each.health for each in assignment.endpoints})
            yield subject.found("MS105", "cluster", name, assignment.place, endpoints=states)


def _assignment(subject: Subject, cluster: Cluster) -> Assignment | None:
    """None: unknown, or a cluster that is meant to have none."""
    return subject.proxy.assignment(cluster.service_name) if cluster.discovery == "EDS" else cluster.assignment


CHECK = Check(("MS104", "MS105"), find)
