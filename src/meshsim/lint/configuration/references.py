"""Every place where a proxy's configuration names a cluster: routes, tcp_proxy, mirrors, members, and services.

Services are found by their messages wherever they stand: a GrpcService (`envoy_grpc`) and an HttpUri (`uri` beside
`cluster`) mean a cluster in every filter, access log and config source.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from attrs import frozen

from ...config.view import View
from ...envoy.network_filters.tcp_proxy import TcpProxy
from ...place import PathPart, Place
from .subject import Subject, readable


@frozen
class Reference:
    """One name of a cluster, and who names it."""

    kind: str
    owner: str
    field: str
    cluster: str
    place: Place


def cluster_references(subject: Subject) -> Iterator[Reference]:
    yield from _of_routes(subject)
    yield from _of_connections(subject)
    yield from _of_members(subject)
    yield from _of_services(subject)


def _of_routes(subject: Subject) -> Iterator[Reference]:
    for routes in subject.route_lists:
        for index, view in enumerate(routes.views):
            action = view.view("route")
            for cluster, field, place in _named(action) if action is not None else ():
                yield Reference("route", routes.label(index), field, cluster, place)


def _named(action: View) -> Iterator[tuple[str, str, Place]]:
    cluster = action.text("cluster")
    if cluster:
        yield cluster, "cluster", action.place_of("cluster")
    weighted = action.view("weighted_clusters")
    for entry in weighted.views("clusters") if weighted is not None else ():
        counts = entry.integer("weight", 0) or (weighted is not None and weighted.has("runtime_key_prefix"))
        if counts and entry.text("name", ""):
            yield entry.text("name", ""), "weighted_clusters", entry.place
    for mirror in action.views("request_mirror_policies"):
        if mirror.text("cluster", ""):
            yield mirror.text("cluster", ""), "request_mirror_policies", mirror.place


def _of_connections(subject: Subject) -> Iterator[Reference]:
    for listener, chain, each in subject.filters:
        config = each.config
        if not isinstance(config, TcpProxy) or any(left.fact("field") == "on_demand" for left in config.unmodelled):
            continue
        owner = f"{listener.name}/{chain.label}"
        if config.cluster:
            yield Reference("filter_chain", owner, "cluster", config.cluster, config.place)
        for name, weight in config.weighted_clusters:
            if name and weight:
                yield Reference("filter_chain", owner, "weighted_clusters", name, config.place)


def _of_members(subject: Subject) -> Iterator[Reference]:
    for name in subject.document.clusters:
        cluster = readable(partial(subject.proxy.cluster, name))
        if cluster is not None:
            for member in cluster.members:
                yield Reference("cluster", cluster.name, "clusters", member, cluster.place)


def _of_services(subject: Subject) -> Iterator[Reference]:
    document = subject.document
    for kind, resources in (
        ("listener", document.listeners),
        ("route_config", document.route_configs),
        ("cluster", document.clusters),
        ("filter", document.ecds_filters),
    ):
        for name, state in resources.items():
            if state.view is not None:
                for field, cluster, path in _services(state.view.data):
                    place = state.view.place
                    yield Reference(kind, name, field, cluster, Place(place.doc, place.path + path))


def _services(data: Any) -> Iterator[tuple[str, str, tuple[PathPart, ...]]]:
    """(the service's field, its cluster, where it stands)."""
    waiting: list[tuple[Any, tuple[PathPart, ...]]] = [(data, ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, list):
            waiting.extend((each, (*path, index)) for index, each in enumerate(value))
        if not isinstance(value, dict):
            continue
        service = value.get("envoy_grpc", value.get("envoyGrpc"))
        cluster: Any = None
        if isinstance(service, dict):
            cluster = service.get("cluster_name", service.get("clusterName"))
        elif "uri" in value:
            cluster = value.get("cluster")
        if isinstance(cluster, str) and cluster:
            yield next((part for part in reversed(path) if isinstance(part, str)), ""), cluster, path
        waiting.extend((each, (*path, key)) for key, each in value.items() if isinstance(each, dict | list))
