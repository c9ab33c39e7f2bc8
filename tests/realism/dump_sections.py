"""A config dump's sections as plain JSON: what is active, in today's spelling, and one dump laid over another."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

TYPES_BY_NAME = {
    "envoy.transport_sockets.raw_buffer": "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    "envoy.retry_host_predicates.previous_hosts": (
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    ),
}
"""Extensions that old versions found by name alone."""
RENAMED = {"hidden_envoy_deprecated_use_original_dst": "use_original_dst"}


def current(value: Any) -> Any:
    """A copy in today's spelling: what an old version's dump marks as deprecated is renamed or left out."""
    if isinstance(value, list):
        return [current(each) for each in value]
    if not isinstance(value, dict):
        return value
    renamed = {str(RENAMED.get(key, key)): current(each) for key, each in value.items()}
    kept = {key: each for key, each in renamed.items() if not key.startswith("hidden_envoy_deprecated_")}
    kind = TYPES_BY_NAME.get(str(kept.get("name")))
    if kind and not kept.get("typed_config"):
        kept["typed_config"] = {"@type": f"type.googleapis.com/{kind}"}
    return kept


def overlay(dump: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """A dump whose listeners, clusters and route tables are replaced by later dumps' of the same name."""
    merged: dict[str, Any] = copy.deepcopy(dict(dump))
    for other in others:
        for section in other["configs"]:
            base = section_of(merged["configs"], section["@type"].rsplit(".", 1)[-1])
            for key, entries in section.items():
                if isinstance(entries, list) and isinstance(base.get(key), list):
                    replaced = {_name(entry) for entry in entries}
                    base[key] = [entry for entry in base[key] if _name(entry) not in replaced] + copy.deepcopy(entries)
    return merged


def _name(entry: Mapping[str, Any]) -> str:
    for key in ("route_config", "cluster", "listener", "endpoint_config"):
        if key in entry:
            inner = entry[key]
            return str(inner.get("name", inner.get("cluster_name", "")))
    return str(entry.get("name", ""))


def section_of(sections: list[Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next((section for section in sections if section["@type"].endswith("." + kind)), {})
    return found


def listeners(sections: list[Any]) -> Iterator[dict[str, Any]]:
    section = section_of(sections, "ListenersConfigDump")
    for entry in section.get("static_listeners", []):
        yield entry["listener"]
    for entry in section.get("dynamic_listeners", []):
        if "active_state" in entry:
            yield entry["active_state"]["listener"]


def clusters(sections: list[Any]) -> Iterator[dict[str, Any]]:
    section = section_of(sections, "ClustersConfigDump")
    for entry in (*section.get("static_clusters", []), *section.get("dynamic_active_clusters", [])):
        yield entry["cluster"]


def route_tables(sections: list[Any]) -> Iterator[dict[str, Any]]:
    for entry in section_of(sections, "RoutesConfigDump").get("dynamic_route_configs", []):
        if "route_config" in entry:
            yield entry["route_config"]


def assignments(sections: list[Any]) -> Iterator[dict[str, Any]]:
    section = section_of(sections, "EndpointsConfigDump")
    for entry in (*section.get("static_endpoint_configs", []), *section.get("dynamic_endpoint_configs", [])):
        yield entry["endpoint_config"]
