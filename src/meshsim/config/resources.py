"""Resources outside a config dump: a bare one, a list of them, a collection by section, Kuma's xDS by type URL.

Each is told by its type or by fields that only its kind has. A list or collection states its whole section, as istioctl
prints it; a bare resource adds one name, or replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from ..place import PathPart, Place
from .config_dump import ProxyDocument, ResourceState, by_name, named_once, resource_name
from .documents import Document
from .protojson import TYPE_PREFIX, both_spellings
from .view import View

Path = tuple[PathPart, ...]

_TYPES = {
    "envoy.config.listener.v3.Listener": "listeners",
    "envoy.config.cluster.v3.Cluster": "clusters",
    "envoy.config.route.v3.RouteConfiguration": "routes",
    "envoy.config.route.v3.ScopedRouteConfiguration": "scoped_routes",
    "envoy.config.endpoint.v3.ClusterLoadAssignment": "endpoints",
    "envoy.extensions.transport_sockets.tls.v3.Secret": "secrets",
    "envoy.config.core.v3.TypedExtensionConfig": "ecds",
}
"""Message -> the section it belongs to."""

_COLLECTIONS = {
    "listeners": "listeners",
    "clusters": "clusters",
    "routes": "routes",
    "route_configs": "routes",
    "routeConfigs": "routes",
    "endpoints": "endpoints",
    "secrets": "secrets",
}
"""Key of a collection -> its section."""


def _spelled(*fields: str) -> frozenset[str]:
    return frozenset(spelling for field in fields for spelling in both_spellings(field))


_TELLING = (
    ("routes", _spelled("virtual_hosts", "vhds"), frozenset[str]()),
    (
        "listeners",
        _spelled("filter_chains", "default_filter_chain", "listener_filters", "api_listener", "filter_chain_matcher"),
        frozenset[str](),
    ),
    ("endpoints", frozenset(["endpoints"]), _spelled("cluster_name")),
    (
        "clusters",
        _spelled("connect_timeout", "load_assignment", "lb_policy", "eds_cluster_config", "cluster_type")
        | frozenset(["type"]),
        frozenset(["name"]),
    ),
    (
        "secrets",
        _spelled("tls_certificate", "validation_context", "session_ticket_keys", "generic_secret"),
        frozenset(["name"]),
    ),
    ("ecds", _spelled("typed_config"), frozenset(["name"])),
)
"""(section, fields of which one is there, fields of which one is there too)."""


@frozen
class FoundResources:
    """Resources of one document, and which sections it states as a whole."""

    resources: tuple[tuple[str, Path, dict[str, Any]], ...]
    """(section, path, data)."""
    sections: frozenset[str] = frozenset()


def section_of(value: Any) -> str | None:
    """The section a bare resource belongs to; None for anything else."""
    if not isinstance(value, dict):
        return None
    stated = value.get("@type")
    if isinstance(stated, str):
        return _TYPES.get(stated.rpartition("/")[2])
    for section, some, others in _TELLING:
        if not some.isdisjoint(value) and (not others or not others.isdisjoint(value)):
            return section
    return None


def find_resources(data: Any) -> FoundResources | None:
    """The resources of a document that is nothing but resources; None for any other."""
    if isinstance(data, list):
        return _of_list(data)
    if not isinstance(data, dict):
        return None
    by_type = data.get("xds")
    if isinstance(by_type, dict) and any(str(key).startswith(TYPE_PREFIX) for key in by_type):
        return _of_types(by_type)
    section = section_of(data)
    if section is not None:
        return FoundResources(((section, (), data),))
    return _of_collection(data) or _of_names(data)


def _of_names(data: Mapping[str, Any]) -> FoundResources | None:
    """`{name: resource}`, where every resource goes by the name it stands under."""
    found: list[tuple[str, Path, dict[str, Any]]] = []
    for name, value in data.items():
        section = section_of(value)
        if section is None or name not in (value.get("name"), value.get("cluster_name"), value.get("clusterName")):
            return None
        found.append((section, (name,), value))
    return FoundResources(tuple(found), frozenset(section for section, _path, _value in found)) if found else None


def _of_list(data: list[Any]) -> FoundResources | None:
    """istioctl prints one kind; what an editor put together may hold several."""
    found = [(section_of(value), (at,), value) for at, value in enumerate(data)]
    if not found or any(section is None for section, _path, _value in found):
        return None
    known = tuple((section, path, value) for section, path, value in found if section is not None)
    return FoundResources(known, frozenset(section for section, _path, _value in known))


def _of_types(by_type: Mapping[str, Any]) -> FoundResources:
    """Kuma's `{"xds": {type URL: {name: resource}}}`; what its types do not cover stays aside."""
    found = tuple(
        (section, ("xds", type_url, name), value)
        for type_url, resources in by_type.items()
        if (section := _TYPES.get(type_url.rpartition("/")[2])) is not None and isinstance(resources, dict)
        for name, value in resources.items()
        if isinstance(value, dict)
    )
    # All that such a control plane delivers is there, so a type that is missing has no resources.
    return FoundResources(found, frozenset(["listeners", "clusters", "routes", "endpoints"]))


def _of_collection(data: Mapping[str, Any]) -> FoundResources | None:
    """`{"listeners": […], "routes": […], "clusters": […], "endpoints": […]}`, or some of them."""
    if not data or not all(key in _COLLECTIONS and isinstance(value, list) for key, value in data.items()):
        return None
    found: list[tuple[str, Path, dict[str, Any]]] = []
    for key, values in data.items():
        for at, value in enumerate(values):
            if not isinstance(value, dict) or section_of(value) not in (None, _COLLECTIONS[key]):
                return None
            found.append((_COLLECTIONS[key], (key, at), value))
    return FoundResources(tuple(found), frozenset(_COLLECTIONS[key] for key in data))


def read_resources(document: Document) -> ProxyDocument:
    """The document's resources as a partial proxy."""
    found = find_resources(document.data)
    assert found is not None
    views: dict[str, list[View]] = {}
    for section, path, data in found.resources:
        views.setdefault(section, []).append(View(data, Place(document.name, path)))
    routes = tuple(_states(views.get("routes", ())))
    return ProxyDocument(
        listeners=by_name(_states(views.get("listeners", ()))),
        clusters=by_name(_states(views.get("clusters", ()))),
        route_configs=by_name(state for state in routes if state.name),
        static_route_configs=tuple(state for state in routes if not state.name),
        replaced_route_configs={} if "listeners" in views else named_once(routes),
        scoped_routes=by_name(_states(views.get("scoped_routes", ()))),
        endpoints={view.text("cluster_name", ""): view for view in views.get("endpoints", ())},
        secrets=by_name(_states(views.get("secrets", ()))),
        ecds_filters=by_name(_states(views.get("ecds", ()))),
        sections=found.sections,
        documents=(document.name,),
    )


def _states(views: Iterable[View]) -> Iterator[ResourceState]:
    for view in views:
        yield ResourceState(name=resource_name(view), view=view, static=False, state=view)
