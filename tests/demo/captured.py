"""What the demo mesh's files say, read with the standard library alone.

So a mistake in meshsim's own readers cannot hide a mistake in the files. Nothing is judged here.
"""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from meshsim.demo import capture_paths

CAPTURE = capture_paths()[0]
OVERLAYS = capture_paths("REGISTRY_ONLY")[-1]
GATEWAY = "istio-ingressgateway"
BOOKINFO = ("productpage", "details", "ratings", "reviews-v1", "reviews-v2", "reviews-v3")
SIDECARS = ("sleep", *BOOKINFO)
PROXIES = (*SIDECARS, GATEWAY)
ADDRESSES = {
    "sleep": "10.80.3.109",
    "legacy": "10.80.3.120",
    "productpage": "10.80.3.150",
    "details": "10.80.3.151",
    "ratings": "10.80.3.152",
    "reviews-v1": "10.80.3.153",
    "reviews-v2": "10.80.3.154",
    "reviews-v3": "10.80.3.155",
    GATEWAY: "10.80.3.160",
}
"""Every pod of the mesh."""


def sections(folder: Path) -> dict[str, Any]:
    dump = json.loads((folder / "config_dump.json").read_text(encoding="utf-8"))
    prefix, suffix = "type.googleapis.com/envoy.admin.v3.", "ConfigDump"
    return {part["@type"].removeprefix(prefix).removesuffix(suffix): part for part in dump["configs"]}


class Captured:
    """One proxy's dump, and where it has one, what the REGISTRY_ONLY overlay replaces in it."""

    def __init__(self, pod: str) -> None:
        self.pod, self.address = pod, ADDRESSES[pod]
        self.folder, self.overlay = CAPTURE / pod, OVERLAYS / pod

    @cached_property
    def base(self) -> dict[str, Any]:
        return sections(self.folder)

    @cached_property
    def policy(self) -> dict[str, Any]:
        return sections(self.overlay)

    @cached_property
    def clusters(self) -> dict[str, Any]:
        part = self.base["Clusters"]
        found = [entry["cluster"] for entry in part["static_clusters"] + part["dynamic_active_clusters"]]
        assert len({cluster["name"] for cluster in found}) == len(found)
        return {cluster["name"]: cluster for cluster in found}

    def assignments(self, kind: str = "dynamic") -> dict[str, Any]:
        entries = [entry["endpoint_config"] for entry in self.base["Endpoints"][f"{kind}_endpoint_configs"]]
        assert len({entry["cluster_name"] for entry in entries}) == len(entries)
        return {entry["cluster_name"]: entry for entry in entries}

    def hosts(self, cluster: str) -> list[tuple[str, str, str | None]]:
        """Address, health and tlsMode of each endpoint."""
        found = []
        for locality in self.assignments()[cluster].get("endpoints", []):
            assert locality["load_balancing_weight"] == len(locality["lb_endpoints"])
            for host in locality["lb_endpoints"]:
                address = host["endpoint"]["address"]["socket_address"]
                labels = host.get("metadata", {}).get("filter_metadata", {}).get("envoy.transport_socket_match", {})
                where = f"{address['address']}:{address['port_value']}"
                found.append((where, host["health_status"], labels.get("tlsMode")))
        return found

    def routes(self, table: str, host: str) -> list[Any]:
        return next(v["routes"] for v in tables(self.base)[table]["virtual_hosts"] if v["name"].startswith(host))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


CAPTURES = {pod: Captured(pod) for pod in PROXIES}
SLEEP = CAPTURES["sleep"]


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


def places_naming_a_cluster(value: Any) -> Counter[str]:
    """Names of clusters in tcp_proxy, routes and weighted clusters."""
    found: Counter[str] = Counter()
    for part in below(value):
        if isinstance(part.get("cluster"), str):
            found[part["cluster"]] += 1
        if "weight" in part and "name" in part:
            found[part["name"]] += 1
    return found
