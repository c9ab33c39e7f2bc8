"""The checks of a mesh's configuration, one file each. What no input holds is unknown: nothing is said of it."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ...mesh import Mesh
from ..check import Check
from ..selection import Selection
from . import (
    empty_clusters,
    missing_clusters,
    shadowed_routes,
    unused_route_configurations,
)
from .subject import Subject

CHECKS: tuple[Check[Subject], ...] = (
    shadowed_routes.CHECK,
    missing_clusters.CHECK,
    unused_route_configurations.CHECK,
    empty_clusters.CHECK,
)


def lint_mesh(mesh: Mesh, wanted: Selection) -> Iterator[Finding]:
    """What the checks find in each proxy, a pod after the other; each thing once."""
    seen = set()
    for pod in mesh.pods:
        if pod.proxy is None:
            continue
        subject = Subject(mesh, pod, pod.proxy)
        for check in CHECKS:
            if not wanted.looks_for(check.codes):
                continue
            for finding in check.find(subject):
                if (finding.code, finding.place, finding.facts) not in seen and wanted.wants(finding):
                    seen.add((finding.code, finding.place, finding.facts))
                    yield finding


__all__ = ["CHECKS", "Subject", "lint_mesh"]
