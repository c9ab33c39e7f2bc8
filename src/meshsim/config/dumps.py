"""Finds config dumps inside whatever wraps them, and tells those of the v2 API. Reads nothing further."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from ..place import PathPart
from .protojson import both_spellings

_MAX_VISITED = 20_000
_MAX_DEPTH = 12


@frozen(eq=False)
class FoundDump:
    """A list of dump sections and where it stands."""

    path: tuple[PathPart, ...]
    """Of the object that holds `configs`."""
    sections: tuple[tuple[tuple[PathPart, ...], dict[str, Any]], ...]
    """Path and data of each section."""


def find_dumps(data: Any) -> tuple[FoundDump, ...]:
    """Every dump in the data, at any depth: `{"configs": […]}`, or a lone section."""
    found = []
    queue: list[tuple[tuple[PathPart, ...], Any]] = [((), data)]
    for path, value in queue:
        if len(queue) > _MAX_VISITED or len(path) > _MAX_DEPTH:
            break
        if isinstance(value, dict):
            dump = _dump_at(path, value)
            if dump is not None:
                found.append(dump)
            else:
                queue.extend(((*path, key), below) for key, below in value.items() if isinstance(below, dict | list))
        elif isinstance(value, list):
            queue.extend(((*path, index), below) for index, below in enumerate(value) if isinstance(below, dict))
    return tuple(found)


def _dump_at(path: tuple[PathPart, ...], value: dict[str, Any]) -> FoundDump | None:
    configs = value.get("configs")
    if isinstance(configs, list):
        sections = tuple(((*path, "configs", at), one) for at, one in enumerate(configs) if _is_section(one))
        if sections or not configs:
            return FoundDump(path, sections)
    if _is_section(value):
        return FoundDump(path, ((path, value),))
    return None


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) and section_type(value) is not None


_LISTS = {
    "Listeners": ("static_listeners", "dynamic_listeners"),
    "Clusters": ("static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"),
    "Routes": ("static_route_configs", "dynamic_route_configs"),
    "Endpoints": ("static_endpoint_configs", "dynamic_endpoint_configs"),
    "Secrets": ("static_secrets", "dynamic_active_secrets", "dynamic_warming_secrets"),
}
_TELLING = {
    spelling: f"envoy.admin.v3.{message}ConfigDump"
    for message, keys in _LISTS.items()
    for key in keys
    for spelling in both_spellings(key)
}
"""Lists that only one section has: istioctl prints sections without their type."""


def section_type(value: dict[str, Any]) -> str | None:
    """`envoy.admin.v3.ListenersConfigDump`, `….DynamicListener` for a single resource; else None."""
    stated = value.get("@type")
    if not isinstance(stated, str):
        return None if _TELLING.keys().isdisjoint(value) else next(_TELLING[key] for key in value if key in _TELLING)
    name = stated.rpartition("/")[2]
    return name if "ConfigDump" in name else None


_OLD_RESOURCES = frozenset(
    f"envoy.api.v2.{name}"
    for name in ("Listener", "Cluster", "RouteConfiguration", "ClusterLoadAssignment", "ScopedRouteConfiguration")
)
_ENTRY_FIELDS = ("listener", "cluster", "route_config", "routeConfig", "endpoint_config", "endpointConfig")
_STATE_FIELDS = ("active_state", "activeState", "warming_state", "warmingState", "draining_state", "drainingState")


def old_api(dump: FoundDump) -> tuple[PathPart, ...] | None:
    """Where a dump shows that it is of the v2 API: an admin.v2alpha section, or an envoy.api.v2 resource in a section.

    Type URLs further inside prove nothing: some filters of v3 proxies still carry `envoy.api.v2` in their names.
    """
    for path, section in dump.sections:
        if ".v2alpha." in (section_type(section) or ""):
            return (*path, "@type")
        for key, entries in section.items():
            for at, entry in enumerate(entries if isinstance(entries, list) else ()):
                inside = _old_resource(entry)
                if inside is not None:
                    return (*path, key, at, *inside)
    return None


_OLD_FILTER = re.compile(r"envoy\.config\.filter\.(?:network|http)\.\w+\.v2(?:alpha\d?)?\.|envoy\.api\.v2\.\w+$")


def old_resource(resource: dict[str, Any]) -> tuple[PathPart, ...] | None:
    """Where a bare resource shows that it is of the v2 API: its own type, or that of a network filter in a listener."""
    if str(resource.get("@type")).rpartition("/")[2] in _OLD_RESOURCES:
        return ("@type",)
    for chains in both_spellings("filter_chains"):
        for at, chain in enumerate(_dicts(resource.get(chains))):
            for nth, entry in enumerate(_dicts(chain.get("filters"))):
                for field in both_spellings("typed_config"):
                    config = entry.get(field)
                    if isinstance(config, dict) and _OLD_FILTER.match(str(config.get("@type")).rpartition("/")[2]):
                        return (chains, at, "filters", nth, field, "@type")
    return None


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, as far as it is one of nothing else; broken ones are told by whoever reads them."""
    return value if isinstance(value, list) and all(isinstance(entry, dict) for entry in value) else []


def _old_resource(entry: Any) -> tuple[PathPart, ...] | None:
    if not isinstance(entry, dict):
        return None
    for field in _ENTRY_FIELDS:
        resource = entry.get(field)
        if isinstance(resource, dict) and str(resource.get("@type")).rpartition("/")[2] in _OLD_RESOURCES:
            return (field, "@type")
    for state in _STATE_FIELDS:
        inside = _old_resource(entry.get(state))
        if inside is not None:
            return (state, *inside)
    return None
