"""What Envoy would refuse to load: everything is compiled once, and each refusal is told at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...errors import MeshsimError, Rejected
from ...findings import Finding
from ...place import Place
from ..check import Check
from .subject import Subject, chains_of, words_of

Step = tuple[str, str, Place, Callable[[], Any]]
"""Kind, name, where it stands, and what compiles it."""


def find(subject: Subject) -> Iterator[Finding]:
    seen: set[tuple[Place | None, str]] = set()
    for kind, name, place, compiled in _steps(subject):
        try:
            compiled()
        except Rejected as error:
            if (error.place, error.message) not in seen and not _blackened(subject, name, error):
                seen.add((error.place, error.message))
                yield subject.found("MS100", kind, name, error.place or place, why=error.message)
        except MeshsimError:
            continue  # cannot be read here, which does not say that Envoy cannot


def _blackened(subject: Subject, name: str, error: Rejected) -> bool:
    """Whether addresses were taken out of the dump, as `IP_REDACTED`: the proxy that wrote it did load it."""
    if error.reference != "name-in-static":
        return False
    state = subject.document.clusters.get(name)
    words: set[str] = set()
    if state is not None and state.view is not None:
        words_of(state.view.data, words)
    return any("_" in word and word.isupper() for word in words)


def _steps(subject: Subject) -> Iterator[Step]:
    proxy = subject.proxy
    first = next(iter(subject.document.listeners.values()), None)
    if first is not None:
        yield "listener", first.name, first.place, partial(getattr, proxy, "listeners")
    for listener in subject.listeners:
        for part in ("chains", "listener_filters"):
            yield "listener", listener.name, listener.place, partial(getattr, listener, part)
        for chain in chains_of(listener):
            for part in ("filters", "tls"):
                yield "filter_chain", f"{listener.name}/{chain.label}", chain.place, partial(getattr, chain, part)
    for listener, chain, manager in subject.managers:
        name = f"{listener.name}/{chain.label}"
        yield "filter_chain", name, manager.place, partial(getattr, manager, "http_filters")
        if manager.route_config_name is None and manager.scoped is None:
            yield "filter_chain", name, manager.place, partial(manager.table, proxy)
    for name, state in subject.document.route_configs.items():
        yield "route_config", name, state.place, partial(proxy.route_table, name)
    for table in subject.tables:
        for vhost in table.vhosts:
            yield "virtual_host", f"{table.name}/{vhost.name}", vhost.place, vhost.route_lists
    for name, state in subject.document.clusters.items():
        yield "cluster", name, state.place, partial(proxy.cluster, name)
    for name, view in subject.document.endpoints.items():
        yield "cluster", name, view.place, partial(proxy.assignment, name)


CHECK = Check(("MS100",), find)
