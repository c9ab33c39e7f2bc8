"""Route configurations that a connection manager names and that nobody delivered."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.whole("listeners", "routes", "bootstrap"):
        return
    tables = subject.document.route_configs
    for listener, chain, manager in subject.managers:
        name = manager.route_config_name
        if name is not None and (name not in tables or tables[name].view is None):
            owner = f"{listener.name}/{chain.label}"
            yield subject.found("MS112", "filter_chain", owner, manager.place, table=name)


CHECK = Check(("MS112",), find)
