"""Clusters that nothing names. Meshes push hundreds of those to every proxy, so it is only told when asked for."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject, words_of

_MADE_OF_TRAFFIC = (
    "cluster_header",
    "clusterHeader",
    "cluster_specifier_plugin",
    "clusterSpecifierPlugin",
    "inline_cluster_specifier_plugin",
    "inlineClusterSpecifierPlugin",
    "SniCluster",
    "SniDynamicForwardProxy",
)
"""What says that a request or connection names its cluster itself."""
_STATIC = ("static_resources", "staticResources")


def find(subject: Subject) -> Iterator[Finding]:
    document = subject.document
    if not subject.whole("clusters", "listeners", "bootstrap"):
        return
    if not subject.whole("routes") and any(
        manager.route_config_name for _listener, _chain, manager in subject.managers
    ):
        return
    named = set(subject.strings)
    for state in (*document.route_configs.values(), *document.secrets.values()):
        if state.view is not None:
            words_of(state.view.data, named)
    if any(word.endswith(_MADE_OF_TRAFFIC) for word in named):
        return
    bootstrap = document.bootstrap.data if document.bootstrap is not None else {}
    words_of({key: value for key, value in bootstrap.items() if key not in _STATIC}, named)
    for name, state in document.clusters.items():
        words: set[str] = set()
        if state.view is not None:
            words_of(state.view.data, words)
        named |= words - {name}
    for name, state in document.clusters.items():
        if state.view is not None and name not in named:
            yield subject.found("MS119", "cluster", name, state.place)


CHECK = Check(("MS119",), find)
