"""What the proxy was given and does not use: updates it refused, and resources that still wait for others."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    document = subject.document
    for kind, resources in (
        ("listener", document.listeners),
        ("cluster", document.clusters),
        ("route_config", document.route_configs),
        ("scoped_routes", document.scoped_routes),
        ("secret", document.secrets),
        ("filter", document.ecds_filters),
    ):
        for name, state in resources.items():
            error = state.error_state
            if error is not None:
                yield subject.found(
                    "MS113",
                    kind,
                    name,
                    error.place,
                    error=error.details,
                    time=error.last_update_attempt,
                    in_force=state.view is not None,
                )
            if state.warming is not None:
                yield subject.found("MS114", kind, name, state.warming.place)


CHECK = Check(("MS113", "MS114"), find)
