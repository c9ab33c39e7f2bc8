"""The checks of one proxy's configuration. What the inputs do not hold is unknown, and nothing is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..config.config_dump import ProxyDocument
from ..config.view import View
from .codes import Finding
from .shadowing import takes_all_of

ON_DEMAND = "envoy.extensions.filters.http.on_demand.v3.OnDemand"


def lint_proxy(document: ProxyDocument) -> list[Finding]:
    """Everything the checks find, in the order of the table."""
    return [finding for check in CHECKS for finding in check(document)]


def _tables(document: ProxyDocument) -> Iterator[View]:
    for state in (*document.route_configs.values(), *document.static_route_configs):
        if state.view is not None:
            yield state.view


def _routes(document: ProxyDocument) -> Iterator[tuple[str, Sequence[View]]]:
    for table in _tables(document):
        for vhost in table.views("virtual_hosts"):
            name = f"{table.text('name', '')}/{vhost.text('name', '')}"
            yield name, vhost.views("routes")


def _label(vhost: str, index: int, route: View) -> str:
    return f"{vhost}/{route.text('name') or f'#{index}'}"


def _shadowed(document: ProxyDocument) -> Iterator[Finding]:
    for vhost, routes in _routes(document):
        matches = [route.view("match") for route in routes]
        for index, later in enumerate(matches):
            for above, earlier in enumerate(matches[:index]):
                if later is not None and earlier is not None and takes_all_of(earlier, later):
                    name = _label(vhost, index, routes[index])
                    by = f"#{above}"
                    yield Finding("MS101", name, routes[index].place, (("name", name), ("by", by)))
                    break


def _missing_clusters(document: ProxyDocument) -> Iterator[Finding]:
    if not {"clusters", "bootstrap"} <= document.sections:
        return
    said: set[str] = set()
    for state in document.listeners.values():
        _strings(state.view.data if state.view is not None else None, said)
    if any(text.endswith(ON_DEMAND) for text in said):
        return  # its clusters may be fetched while a request waits
    for vhost, routes in _routes(document):
        for index, route in enumerate(routes):
            action = route.view("route")
            for cluster, holder in _clusters(action) if action is not None else ():
                if cluster and cluster not in document.clusters:
                    name = _label(vhost, index, route)
                    yield Finding("MS102", name, holder.place, (("name", name), ("cluster", cluster)))


def _clusters(action: View) -> Iterator[tuple[str, View]]:
    yield action.text("cluster", ""), action
    weighted = action.view("weighted_clusters")
    for entry in weighted.views("clusters") if weighted is not None else ():
        yield entry.text("name", ""), entry


def _unreferenced(document: ProxyDocument) -> Iterator[Finding]:
    if "listeners" not in document.sections:
        return
    named: set[str] = set()
    for state in document.listeners.values():
        for view in (state.view, state.warming, *state.draining):
            if view is not None:
                _strings(view.data, named)
    for scope in document.scoped_routes.values():
        if scope.view is not None:
            _strings(scope.view.data, named)
    for name, state in document.route_configs.items():
        if state.view is not None and name not in named:
            yield Finding("MS103", name, state.place, (("name", name),))


def _strings(data: Any, into: set[str]) -> None:
    """Every string below: a name that stands nowhere in a listener is referred to by none."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            into.add(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _empty_clusters(document: ProxyDocument) -> Iterator[Finding]:
    for name, state in document.clusters.items():
        view = state.view
        if view is None or view.enum("type", ("STATIC",)) != "EDS":
            continue
        eds = view.view("eds_cluster_config")
        service = (eds.text("service_name", "") if eds is not None else "") or name
        assignment = document.endpoints.get(service)
        if assignment is None:
            continue
        groups = assignment.views("endpoints")
        if not any(group.views("lb_endpoints") or group.has("leds_cluster_locality_config") for group in groups):
            yield Finding("MS104", name, assignment.place, (("name", name),))


CHECKS: tuple[Callable[[ProxyDocument], Iterator[Finding]], ...] = (
    _shadowed,
    _missing_clusters,
    _unreferenced,
    _empty_clusters,
)
