"""Route configurations that were delivered and that no listener names."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.whole("listeners", "bootstrap"):
        return
    for name, state in subject.document.route_configs.items():
        if state.view is not None and name not in subject.strings:
            yield subject.found("MS103", "route_config", name, state.place)


CHECK = Check(("MS103",), find)
