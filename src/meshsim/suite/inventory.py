"""Everything in a mesh that a call could exercise, with its place: what coverage is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
        try:
            default = listener.default_filter_chain
            chains = (*listener.chains.chains, *(() if default is None else (default,)))
            for link in chains:
                yield from thing("filter_chain", link.label, link.place, (("listener", listener.name),))
                for found in _inline(link.filters, proxy):
                    yield from table(found)
        except MeshsimError:
            continue
    for name in proxy.document.route_configs:
        found_table = _readable(proxy.route_table, name)
        if found_table is not None:
            yield from table(found_table)
    for name in proxy.document.clusters:
        cluster = _readable(proxy.cluster, name)
        if cluster is not None:
            yield from thing("cluster", cluster.name, cluster.place)


def _inline(filters: Any, proxy: Proxy) -> Iterator[RouteTable]:
    for each in filters:
        if isinstance(each, HttpConnectionManager) and each.route_config_name is None:
            found = each.table(proxy)
            if found is not None:
                yield found


def _readable(read: Any, name: str) -> Any:
    """None where Envoy would refuse it."""
    try:
        return read(name)
    except MeshsimError:
        return None
