"""One proxy of a mesh as the checks see it: everything that could be exercised, compiled, in the order of the dump.

What Envoy would refuse is left out here: `refused` tells it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from attrs import define, field, frozen

from ...config.config_dump import ProxyDocument
from ...config.view import View
from ...envoy.chains import ChainTable, FilterChain
from ...envoy.listener_filters import ListenerFilters
from ...envoy.listeners import Listener
from ...envoy.network_filters.base import NetworkFilter
from ...envoy.network_filters.hcm import HttpConnectionManager
from ...envoy.proxy import Proxy
from ...envoy.routes import Route
from ...envoy.vhosts import RouteTable, VirtualHost, compile_route_table
from ...errors import MeshsimError
from ...findings import Finding, found
from ...mesh import Mesh, Pod
from ...place import Place

T = TypeVar("T")

ON_DEMAND = "envoy.extensions.filters.http.on_demand.v3.OnDemand"


@frozen(eq=False)
class RouteList:
    """Routes that are tried in order: those of a virtual host, or of one action of its matcher."""

    table: RouteTable
    vhost: VirtualHost
    views: tuple[View, ...]
    """As written."""
    rows: tuple[Route, ...]
    """As compiled."""

    def label(self, index: int) -> str:
        """`80/reviews:9080/canary`; `#2` for one without a name, `canary#2` where others bear it too."""
        return f"{self.table.name}/{self.vhost.name}/{self.rows[index].label}"


@define(eq=False)
class Subject:
    mesh: Mesh
    pod: Pod
    proxy: Proxy
    _strings: set[str] | None = field(default=None, init=False)
    _tables: tuple[RouteTable, ...] | None = field(default=None, init=False)

    @property
    def document(self) -> ProxyDocument:
        return self.proxy.document

    def found(self, code: str, kind: str, resource: str, place: Place, **facts: Any) -> Finding:
        """A finding in this pod."""
        return found(code, kind, resource, place, pod=self.pod.name, **facts)

    def whole(self, *sections: str) -> bool:
        """Whether all that a section could hold is there: what is absent from it then does not exist."""
        return set(sections) <= self.document.sections

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Also those without a socket."""
        table = readable(lambda: self.proxy.listeners)
        if table is None:
            return ()
        return (*table.listeners, *table.internal.values(), *table.pipes.values())

    @property
    def chains(self) -> Iterator[tuple[Listener, FilterChain]]:
        for listener in self.listeners:
            for chain in chains_of(listener):
                yield listener, chain

    @property
    def filters(self) -> Iterator[tuple[Listener, FilterChain, NetworkFilter]]:
        for listener, chain in self.chains:
            for each in readable(partial(_filters_of, chain)) or ():
                yield listener, chain, each

    @property
    def managers(self) -> Iterator[tuple[Listener, FilterChain, HttpConnectionManager]]:
        for listener, chain, each in self.filters:
            if isinstance(each.config, HttpConnectionManager):
                yield listener, chain, each.config

    @property
    def tables(self) -> tuple[RouteTable, ...]:
        """Every route configuration: of RDS, replaced or written in a connection manager."""
        if self._tables is None:
            made = [readable(partial(self.proxy.route_table, name)) for name in self.document.route_configs]
            for _listener, _chain, manager in self.managers:
                made += inline_tables(manager, self.proxy)
            if not self.whole("listeners"):
                views = [state.view for state in self.document.static_route_configs if state.view is not None]
                made += [readable(partial(compile_route_table, view)) for view in views]
            once = {id(table): table for table in made if table is not None}
            self._tables = tuple(once.values())
        return self._tables

    @property
    def route_lists(self) -> Iterator[RouteList]:
        for table in self.tables:
            for vhost in table.vhosts:
                for views, routes in readable(vhost.route_lists) or ():
                    yield RouteList(table, vhost, views, routes.rows)

    @property
    def fetches_on_demand(self) -> bool:
        """Whether clusters may be fetched while a request waits."""
        return any(text.endswith(ON_DEMAND) for text in self.strings)

    @property
    def strings(self) -> set[str]:
        """Every string of the listeners and scopes: a name that is not among them is referred to by none."""
        if self._strings is None:
            self._strings = set()
            for state in self.document.listeners.values():
                for view in (state.view, state.warming, *state.draining):
                    if view is not None:
                        words_of(view.data, self._strings)
            for scope in self.document.scoped_routes.values():
                if scope.view is not None:
                    words_of(scope.view.data, self._strings)
        return self._strings


def chain_table_of(listener: Listener) -> ChainTable | None:
    return readable(lambda: listener.chains)


def listener_filters_of(listener: Listener) -> ListenerFilters | None:
    return readable(lambda: listener.listener_filters)


def chains_of(listener: Listener) -> tuple[FilterChain, ...]:
    table = chain_table_of(listener)
    if table is None:
        return ()
    return (*table.chains, *((table.default,) if table.default is not None else ()))


def inline_tables(manager: HttpConnectionManager, proxy: Proxy) -> list[RouteTable | None]:
    """Route configurations that stand in a connection manager itself; the others have names."""
    if manager.route_config_name is not None:
        return []
    if manager.scoped is not None:
        scopes = readable(lambda: manager.scopes(proxy)) or {}
        return [scope.inline for scope in scopes.values()]
    return [readable(lambda: manager.table(proxy))]


def readable(read: Callable[[], T]) -> T | None:
    """None where Envoy would refuse it."""
    try:
        return read()
    except MeshsimError:
        return None


def _filters_of(chain: FilterChain) -> tuple[NetworkFilter, ...]:
    return chain.filters


def words_of(data: Any, into: set[str]) -> None:
    """Every string and every key below: a name that is not among them is referred to by nothing there."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            into.add(value)
        elif isinstance(value, dict):
            into.update(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
