"""validate_clusters: a route configuration that names a cluster which Envoy has not got is not loaded.

envoyproxy/envoy source/common/router/config_impl.cc (validateClusters), as observed on Envoy 1.40: the clusters of
actions, of weights and of mirrors are looked for, route by route; not those that headers or plugins name, nor those of
routes that a matcher leads to. Mirrors of virtual hosts and tables count where a route inherits them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..config.view import View
from ..errors import Rejected

_MIRRORS = "request_mirror_policies"

Knows = Callable[[str], bool]
"""Whether Envoy has that cluster when it loads the table."""


def refuse_unknown_clusters(table: View, knows: Knows, *, by_default: bool) -> None:
    """`by_default`: whether a table that says nothing is checked; inline ones are, those of RDS are not."""
    if not table.boolean("validate_clusters", by_default):
        return
    for kind, name, view in _named(table):
        if not knows(name):
            raise Rejected(
                "unknown-cluster",
                f"route: unknown {kind} {name!r}",
                place=view.place,
                hint="add the cluster, or set validate_clusters to false; Envoy refuses this configuration too",
            )


def _named(table: View) -> Iterator[tuple[str, str, View]]:
    """(what it is to the route, the cluster, where it is named), in Envoy's order."""
    for vhost in table.views("virtual_hosts"):
        inherited = vhost.views(_MIRRORS) or table.views(_MIRRORS)
        for route in vhost.views("routes"):
            action = route.view("route")
            yield from _of_action(action)
            own = action.views(_MIRRORS) if action is not None else ()
            for mirror in own or inherited:
                if mirror.text("cluster", ""):
                    yield "shadow cluster", mirror.text("cluster", ""), mirror


def _of_action(action: View | None) -> Iterator[tuple[str, str, View]]:
    if action is None:
        return
    if action.text("cluster", ""):
        yield "cluster", action.text("cluster", ""), action
    weighted = action.view("weighted_clusters")
    for entry in weighted.views("clusters") if weighted is not None else ():
        if entry.text("name", ""):
            yield "weighted cluster", entry.text("name", ""), entry
