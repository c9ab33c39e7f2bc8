"""The checks of a mesh's configuration, one file each. What no input holds is unknown: nothing is said of it."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ...mesh import Mesh
from ..check import Check
from ..selection import Selection
from . import (
    empty_clusters,
    filter_chains,
    missing_clusters,
    missing_route_configurations,
    never_matching_domains,
    not_in_force,
    plaintext_to_tls,
    redirection,
    refused,
    server_first,
    shadowed_routes,
    shared_certificates,
    unreachable_listeners,
    unused_clusters,
    unused_route_configurations,
    zero_weights,
)
from .subject import Subject

CHECKS: tuple[Check[Subject], ...] = (
    refused.CHECK,
    shadowed_routes.CHECK,
    missing_clusters.CHECK,
    unused_route_configurations.CHECK,
    empty_clusters.CHECK,
    never_matching_domains.CHECK,
    filter_chains.CHECK,
    unreachable_listeners.CHECK,
    missing_route_configurations.CHECK,
    not_in_force.CHECK,
    plaintext_to_tls.CHECK,
    redirection.CHECK,
    shared_certificates.CHECK,
    server_first.CHECK,
    unused_clusters.CHECK,
    zero_weights.CHECK,
)


def lint_mesh(mesh: Mesh, wanted: Selection) -> Iterator[Finding]:
    """What the checks find in each proxy, a pod after the other; each thing once."""
    seen: set[object] = set()
    for pod in mesh.pods:
        if pod.proxy is None:
            continue
        subject = Subject(mesh, pod, pod.proxy)
        for check in CHECKS:
            if not wanted.looks_for(check.codes):
                continue
            for finding in check.find(subject):
                once = (finding.code, finding.place, finding.resource, repr(finding.facts))
                if once not in seen and wanted.wants(finding):
                    seen.add(once)
                    yield finding


__all__ = ["CHECKS", "Subject", "lint_mesh"]
