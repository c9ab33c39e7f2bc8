"""What the demo mesh's files say, read with the standard library alone.

So a mistake in meshsim's own readers cannot hide a mistake in the files. Nothing is judged here.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshsim.demo import capture_paths

SLEEP = capture_paths()[0] / "sleep"
OVERLAY = capture_paths("REGISTRY_ONLY")[-1] / "sleep"
POD_ADDRESS = "10.80.3.109"


def sections(folder: Path) -> dict[str, Any]:
    dump = json.loads((folder / "config_dump.json").read_text(encoding="utf-8"))
    prefix, suffix = "type.googleapis.com/envoy.admin.v3.", "ConfigDump"
    return {part["@type"].removeprefix(prefix).removesuffix(suffix): part for part in dump["configs"]}


BASE = sections(SLEEP)
POLICY = sections(OVERLAY)


def below(value: Any) -> Iterator[dict[str, Any]]:
    """Every object anywhere in the value, itself included."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from below(part)
    elif isinstance(value, list):
        for part in value:
            yield from below(part)


def listeners(parts: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry["active_state"]["listener"] for entry in parts["Listeners"]["dynamic_listeners"]}


def tables(parts: dict[str, Any]) -> dict[str, Any]:
    entries = parts["Routes"]["dynamic_route_configs"]
    return {entry["route_config"]["name"]: entry["route_config"] for entry in entries}


def clusters() -> dict[str, Any]:
    part = BASE["Clusters"]
    found = [entry["cluster"] for entry in part["static_clusters"] + part["dynamic_active_clusters"]]
    assert len({cluster["name"] for cluster in found}) == len(found)
    return {cluster["name"]: cluster for cluster in found}


def assignments(kind: str = "dynamic") -> dict[str, Any]:
    entries = [entry["endpoint_config"] for entry in BASE["Endpoints"][f"{kind}_endpoint_configs"]]
    assert len({entry["cluster_name"] for entry in entries}) == len(entries)
    return {entry["cluster_name"]: entry for entry in entries}


def hosts(cluster: str) -> list[tuple[str, str, str | None]]:
    """Address, health and tlsMode of each endpoint."""
    found = []
    for locality in assignments()[cluster].get("endpoints", []):
        assert locality["load_balancing_weight"] == len(locality["lb_endpoints"])
        for host in locality["lb_endpoints"]:
            address = host["endpoint"]["address"]["socket_address"]
            labels = host.get("metadata", {}).get("filter_metadata", {}).get("envoy.transport_socket_match", {})
            where = f"{address['address']}:{address['port_value']}"
            found.append((where, host["health_status"], labels.get("tlsMode")))
    return found


def routes(table: str, host: str) -> list[Any]:
    return next(v["routes"] for v in tables(BASE)[table]["virtual_hosts"] if v["name"].startswith(host))


def places_naming_a_cluster(value: Any) -> Counter[str]:
    """Names of clusters in tcp_proxy, routes and weighted clusters."""
    found: Counter[str] = Counter()
    for part in below(value):
        if isinstance(part.get("cluster"), str):
            found[part["cluster"]] += 1
        if "weight" in part and "name" in part:
            found[part["name"]] += 1
    return found
