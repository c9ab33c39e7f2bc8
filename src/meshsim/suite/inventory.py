"""Everything in a mesh that a call could exercise, with its place: what coverage is measured against.

What cannot be counted is not left out silently: it comes as Uncounted, with why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from attrs import frozen

from ..config.config_dump import ResourceState
from ..envoy.chains import FilterChain
from ..envoy.listeners import Listener, ListenerTable
from ..envoy.network_filters.hcm import HttpConnectionManager
from ..envoy.proxy import Proxy
from ..envoy.vhosts import RouteTable, VirtualHost
from ..errors import MeshsimError
from ..mesh import Mesh, Pod
from ..place import Place
from ..suite_coverage import Thing, Uncounted

Owners = tuple[tuple[str, str], ...]
Entry = Thing | Uncounted
T = TypeVar("T")


def inventory(mesh: Mesh, name: str) -> Iterator[Thing]:
    """Each thing that is counted."""
    return (each for each in everything(mesh, name) if isinstance(each, Thing))


def everything(mesh: Mesh, name: str) -> Iterator[Entry]:
    """Each thing once a pod, and what is not counted: what is not in force, say, since no call can exercise it."""
    for pod in mesh.pods:
        yield from _once(_Inventory(name, pod).entries())


def _once(entries: Iterator[Entry]) -> Iterator[Entry]:
    seen = set()
    for each in entries:
        key = (type(each), *each.key)
        if key not in seen:
            seen.add(key)
            yield each


@frozen(eq=False)
class _Inventory:
    """Of one pod."""

    mesh: str
    pod: Pod

    def entries(self) -> Iterator[Entry]:
        yield from self.rules()
        proxy = self.pod.proxy
        if proxy is None:
            return
        yield from self.listeners(proxy)
        for state in proxy.document.route_configs.values():
            yield from self.named("route_config", state, proxy.route_table, self.table)
        for state in proxy.document.clusters.values():
            yield from self.named(
                "cluster", state, proxy.cluster, lambda cluster: self.thing("cluster", cluster.name, cluster.place)
            )

    def thing(self, kind: str, label: str, place: Place | None, owners: Owners = ()) -> Iterator[Entry]:
        if place is not None:
            yield Thing(self.mesh, self.pod.name, kind, label, place, owners)

    def not_counted(self, kind: str, name: str, why: str, detail: str, place: Place) -> Iterator[Entry]:
        yield Uncounted(self.mesh, self.pod.name, kind, name, why, detail, place)

    def unreadable(self, kind: str, name: str, error: MeshsimError, place: Place) -> Iterator[Entry]:
        return self.not_counted(kind, name, "unreadable", error.message, error.place or place)

    def rules(self) -> Iterator[Entry]:
        for rules in (self.pod.netns.rules_v4, self.pod.netns.rules_v6):
            for one in rules.tables.values() if rules is not None else ():
                for chain in one.chains.values():
                    for rule in chain.rules:
                        yield from self.thing("rule", rule.name, rule.place, (("chain", chain.label),))

    def named(
        self,
        kind: str,
        state: ResourceState,
        read: Callable[[str], T | None],
        entries: Callable[[T], Iterator[Entry]],
    ) -> Iterator[Entry]:
        """A resource by name: what is in force, or why nothing is."""
        try:
            found = read(state.name)
        except MeshsimError as error:
            yield from self.unreadable(kind, state.name, error, state.place)
            return
        if found is not None:
            yield from entries(found)
        elif state.error_state is not None:
            yield from self.not_counted(kind, state.name, "refused", state.error_state.details, state.place)
        elif state.warming is not None:
            yield from self.not_counted(kind, state.name, "warming", "", state.place)

    def listeners(self, proxy: Proxy) -> Iterator[Entry]:
        table = proxy.listeners
        for listener in (*table.listeners, *table.internal.values(), *table.pipes.values()):
            yield from self.listener(listener, proxy)
        for refused in table.rejected:
            yield from self.not_counted("listener", refused.name, "refused", refused.error, refused.place)
        for waiting in table.warming:
            yield from self.not_counted("listener", waiting.name, "warming", "", waiting.place)
        for name in _without_tcp(table):
            yield from self.not_counted("listener", name, "no-tcp", "", proxy.document.listeners[name].place)
        for other in table.unreadable:
            yield from self.not_counted("listener", other.name, "unreadable", "its address is no address", other.place)

    def listener(self, listener: Listener, proxy: Proxy) -> Iterator[Entry]:
        yield from self.thing("listener", listener.name, listener.place)
        try:
            default = listener.default_filter_chain
            chains = (*listener.chains.chains, *(() if default is None else (default,)))
        except MeshsimError as error:
            yield from self.unreadable("listener", listener.name, error, listener.place)
            return
        for chain in chains:
            yield from self.thing("filter_chain", chain.label, chain.place, (("listener", listener.name),))
            yield from self.inline_tables(chain, proxy)

    def inline_tables(self, chain: FilterChain, proxy: Proxy) -> Iterator[Entry]:
        """Route configurations that stand in the chain itself; the others have names."""
        try:
            for each in chain.filters:
                if isinstance(each.config, HttpConnectionManager):
                    yield from self.tables(each.config, proxy)
        except MeshsimError as error:
            yield from self.unreadable("filter_chain", chain.label, error, chain.place)

    def tables(self, hcm: HttpConnectionManager, proxy: Proxy) -> Iterator[Entry]:
        if hcm.route_config_name is not None:
            if hcm.route_config_name not in proxy.document.route_configs:
                yield from self.not_counted("route_config", hcm.route_config_name, "not-in-dump", "", hcm.place)
            return
        if hcm.scoped is None:
            table = hcm.table(proxy)
            if table is not None:
                yield from self.table(table)
            return
        scopes = hcm.scopes(proxy)
        if scopes is None:
            yield from self.not_counted("route_config", hcm.scoped.name, "not-in-dump", "", hcm.scoped.place)
        for scope in (scopes or {}).values():
            if scope.inline is not None:
                yield from self.table(scope.inline)

    def table(self, table: RouteTable) -> Iterator[Entry]:
        above: Owners = (("route_config", table.name),)
        if table.on_demand is not None:
            yield from self.not_counted("virtual_host", table.name, "on-demand", "", table.on_demand)
        for vhost in table.vhosts:
            yield from self.thing("virtual_host", vhost.name, vhost.place, above)
            try:
                found = _routes(vhost)
            except MeshsimError as error:
                yield from self.unreadable("virtual_host", vhost.name, error, vhost.place)
                continue
            for route in found:
                yield from self.thing("route", route.label, route.place, (*above, ("virtual_host", vhost.name)))


def _routes(vhost: VirtualHost) -> list[Any]:
    """Those of its list, or of every action of its matcher."""
    if vhost.matcher is None:
        return list(vhost.routes.rows)
    return [route for action in vhost.matcher.tree.actions for route in vhost.of(action).routes.rows]


def _without_tcp(table: ListenerTable) -> list[str]:
    """Listeners that neither a TCP connection nor a hand-over within the proxy comes to."""
    reached = {listener.name for listener in (*table.internal.values(), *table.pipes.values())}
    return [
        name for name in table.aside if name not in reached and name not in {each.name for each in table.unreadable}
    ]
