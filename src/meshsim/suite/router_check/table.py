"""One bare route configuration, made ready for the route stages: a proxy that knows nothing else.

As the tool loads it: a fraction of nothing is raised to one, and a fraction without a runtime key never holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from ...address import LOOPBACK_V4
from ...config.config_dump import ProxyDocument, ResourceState
from ...config.view import View
from ...envoy.network_filters.hcm import HttpConnectionManager, compile_hcm
from ...envoy.proxy import Proxy
from ...envoy.virtual_clusters import VirtualCluster, compile_virtual_clusters
from ...mesh import Mesh, Pod
from ...netfilter.netns import Netns
from ...place import Place
from ...stages import STAGES
from .model import Check
from .strict import check_message

_POD = "router_check"
_NO_KEY = "\0"
"""Stands for an absent runtime key: no test can state it."""
_NEVER = {"numerator": 0, "denominator": "HUNDRED"}


@frozen(eq=False)
class RouteEntry:
    """A route as coverage counts it."""

    virtual_host: str
    label: str
    """Its name, or its number in the virtual host."""
    unique_name: str
    """As the tool renames it; the tool takes a random text where this has the number."""
    place: Place
    match: Mapping[str, Any]
    """As loaded."""
    parts: int
    """How many weighted clusters it has; 1 without any."""


@define(eq=False)
class RouteCheckTable:
    name: str
    """Of the file."""
    mesh: Mesh
    manager: HttpConnectionManager
    entries: tuple[RouteEntry, ...]
    _runtime: Mapping[str, Any]
    _keys: tuple[str, ...]
    _virtual_hosts: Mapping[Place, View]
    _virtual_clusters: dict[Place, tuple[VirtualCluster, ...]] = field(factory=dict, init=False)

    def pod_for(self, check: Check) -> Pod:
        """The pod, with the runtime that the test describes: fractions of other keys than its own hold for nobody."""
        own = check.input.runtime
        values = {key: _NEVER for key in self._keys if key != own or key == _NO_KEY}
        return self.mesh.with_runtime({**self._runtime, **values}).pods[0]

    def virtual_clusters(self, virtual_host: Place) -> tuple[VirtualCluster, ...]:
        if virtual_host not in self._virtual_clusters:
            view = self._virtual_hosts[virtual_host]
            self._virtual_clusters[virtual_host] = compile_virtual_clusters(view)
        return self._virtual_clusters[virtual_host]


def compile_table(route_config: View, runtime: Mapping[str, Any], *, takes_deprecated: bool = False) -> RouteCheckTable:
    """`runtime`: values by key, as the file of tests states them. InputError for what Envoy would not load."""
    check_message(route_config, "RouteConfiguration", takes_deprecated=takes_deprecated)
    name = route_config.text("name") or _POD
    keys: dict[str, None] = {}
    view = View({"name": name, **_as_loaded(route_config, keys)}, route_config.place)
    virtual_hosts = {below.place: below for below in view.views("virtual_hosts")}
    state = ResourceState(name, view, static=True, state=view)
    document = ProxyDocument(route_configs={name: state}, sections=frozenset(["routes"]))
    pod = Pod(_POD, (LOOPBACK_V4,), Netns(_POD, {}), proxy=Proxy(document, ""))
    manager = compile_hcm(View({"stat_prefix": _POD, "rds": {"route_config_name": name}}, route_config.place), _POD)
    return RouteCheckTable(
        view.place.doc, Mesh((pod,), STAGES), manager, tuple(_entries(view)), runtime, tuple(keys), virtual_hosts
    )


def _entries(view: View) -> Iterator[RouteEntry]:
    for virtual_host in view.views("virtual_hosts"):
        for index, route in enumerate(virtual_host.views("routes")):
            action = route.view("route")
            weighted = action.view("weighted_clusters") if action is not None else None
            name = route.text("name", "")
            yield RouteEntry(
                virtual_host.text("name", ""),
                name or f"#{index}",
                f"{name}-{index}",
                route.place,
                _written(route),
                len(weighted.views("clusters")) if weighted is not None else 1,
            )


def _written(route: View) -> dict[str, Any]:
    """Its match as loaded, without what stands for an absent runtime key."""
    match = route.data["match"]
    fraction = match.get("runtime_fraction")
    if fraction is None or fraction.get("runtime_key") != _NO_KEY:
        return dict(match)
    return {**match, "runtime_fraction": {**fraction, "runtime_key": ""}}


def _as_loaded(route_config: View, keys: dict[str, None]) -> dict[str, Any]:
    """A copy whose routes have their runtime fractions as the tool has them; `keys` takes up their runtime keys."""
    made = dict(route_config.data)
    virtual_hosts = []
    for virtual_host in route_config.views("virtual_hosts"):
        routes = [_route_as_loaded(route, keys) for route in virtual_host.views("routes")]
        virtual_hosts.append({**virtual_host.data, "routes": routes} if routes else virtual_host.data)
    made.pop("virtualHosts", None)
    made["virtual_hosts"] = virtual_hosts
    return made


def _route_as_loaded(route: View, keys: dict[str, None]) -> dict[str, Any]:
    match = route.view("match")
    fraction = match.view("runtime_fraction") if match is not None else None
    if match is None or fraction is None:
        return route.data
    key = fraction.text("runtime_key", "") or _NO_KEY
    keys[key] = None
    made: dict[str, Any] = {"runtime_key": key}
    share = fraction.view("default_value")
    if share is not None:
        made["default_value"] = share.data if share.integer("numerator", 0) else {**share.data, "numerator": 1}
    rest = {name: value for name, value in match.data.items() if name != "runtimeFraction"}
    return {**route.data, "match": {**rest, "runtime_fraction": made}}
