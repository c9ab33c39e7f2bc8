"""Everything in a mesh that a call could exercise, with its place: what coverage is measured against.

Routes within the matcher tree of a virtual host are not counted, exercised or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..envoy.chains import FilterChain
from ..envoy.listeners import Listener
from ..envoy.network_filters.hcm import HttpConnectionManager
from ..envoy.proxy import Proxy
from ..envoy.vhosts import RouteTable
from ..errors import MeshsimError
from ..mesh import Mesh, Pod
from ..suite_coverage import Thing

Owners = tuple[tuple[str, str], ...]


def inventory(mesh: Mesh, name: str) -> Iterator[Thing]:
    """Each thing once a pod. What is not in force, such as a listener Envoy refused, cannot be exercised."""
    for pod in mesh.pods:
        yield from _once(_of_pod(pod, name))


def _once(things: Iterator[Thing]) -> Iterator[Thing]:
    seen = set()
    for thing in things:
        if thing.key not in seen:
            seen.add(thing.key)
            yield thing


def _of_pod(pod: Pod, mesh: str) -> Iterator[Thing]:
    def thing(kind: str, label: str, place: Any, owners: Owners = ()) -> Iterator[Thing]:
        if place is not None:
            yield Thing(mesh, pod.name, kind, label, place, owners)

    def table(found: RouteTable) -> Iterator[Thing]:
        above: Owners = (("route_config", found.name),)
        for vhost in found.vhosts:
            yield from thing("virtual_host", vhost.name, vhost.place, above)
            try:
                rows = vhost.routes.rows
            except MeshsimError:
                continue  # a call that asks for them is told why
            for route in rows:
                yield from thing("route", route.label, route.place, (*above, ("virtual_host", vhost.name)))

    for rules in (pod.netns.rules_v4, pod.netns.rules_v6):
        for one in rules.tables.values() if rules is not None else ():
            for chain in one.chains.values():
                for rule in chain.rules:
                    yield from thing("rule", rule.name, rule.place, (("chain", chain.label),))
    proxy = pod.proxy
    if proxy is None:
        return
    for listener in proxy.listeners.listeners:
        yield from thing("listener", listener.name, listener.place)
        for link in _chains(listener):
            yield from thing("filter_chain", link.label, link.place, (("listener", listener.name),))
            for found in _inline(link, proxy):
                yield from table(found)
    for name in proxy.document.route_configs:
        found_table = _readable(proxy.route_table, name)
        if found_table is not None:
            yield from table(found_table)
    for name in proxy.document.clusters:
        cluster = _readable(proxy.cluster, name)
        if cluster is not None:
            yield from thing("cluster", cluster.name, cluster.place)


def _chains(listener: Listener) -> tuple[FilterChain, ...]:
    try:
        default = listener.default_filter_chain
        return (*listener.chains.chains, *(() if default is None else (default,)))
    except MeshsimError:
        return ()  # a call that asks for them is told why


def _inline(chain: FilterChain, proxy: Proxy) -> tuple[RouteTable, ...]:
    """Route configurations that stand in the chain itself; the others have names."""
    try:
        found = [_tables(each.config, proxy) for each in chain.filters]
    except MeshsimError:
        return ()
    return tuple(table for tables in found for table in tables)


def _tables(config: Any, proxy: Proxy) -> tuple[RouteTable, ...]:
    if not isinstance(config, HttpConnectionManager) or config.route_config_name is not None:
        return ()
    if config.scoped is not None:
        scopes = config.scopes(proxy) or {}
        return tuple(scope.inline for scope in scopes.values() if scope.inline is not None)
    table = config.table(proxy)
    return () if table is None else (table,)


def _readable(read: Any, name: str) -> Any:
    """None where Envoy would refuse it."""
    try:
        return read(name)
    except MeshsimError:
        return None
