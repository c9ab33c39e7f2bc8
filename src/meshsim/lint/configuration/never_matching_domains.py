"""Domains of virtual hosts that no host can be: with a port, where the route configuration takes ports away."""

from __future__ import annotations

from collections.abc import Iterator

from ...envoy.hosts import without_port
from ...envoy.vhosts import EXACT
from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for table in subject.tables:
        if not table.ignore_port:
            continue
        for vhost in table.vhosts:
            exact = {domain.body for domain in vhost.domains if domain.kind == EXACT}
            for index, domain in enumerate(vhost.domains):
                bare = without_port(domain.body)
                if domain.kind == EXACT and bare != domain.body and bare not in exact:
                    name, place = f"{table.name}/{vhost.name}", vhost.place / "domains" / index
                    yield subject.found("MS107", "virtual_host", name, place, domain=domain.text)


CHECK = Check(("MS107",), find)
