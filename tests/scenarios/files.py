"""A scenario's files as what a real Envoy and a real kernel take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from attrs import define, field

from tests.realism import dump_sections
from tests.truth.setting import NO_RULES

TYPE = "type.googleapis.com/envoy.admin.v3"
LISTENER_FIELDS, CLUSTER_FIELDS = ("filter_chains", "default_filter_chain"), ("type", "cluster_type", "connect_timeout")


@define
class Files:
    """What the files of one pod hold, by kind; a later one of the same name replaces an earlier one."""

    tables: dict[str, dict[str, Any]] = field(
        factory=lambda: {"listener": {}, "cluster": {}, "route_config": {}, "endpoint_config": {}}
    )
    bootstrap: dict[str, Any] = field(factory=dict)
    facts: dict[str, Any] = field(factory=dict)
    rules: str = NO_RULES

    def dump(self) -> dict[str, Any]:
        return {
            "configs": [
                {"@type": f"{TYPE}.BootstrapConfigDump", "bootstrap": self.bootstrap},
                self._section("ListenersConfigDump", "static_listeners", "listener"),
                self._section("ClustersConfigDump", "static_clusters", "cluster"),
                self._section("RoutesConfigDump", "dynamic_route_configs", "route_config"),
                self._section("EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"),
            ]
        }

    def endpoint_ports(self) -> set[int]:
        return {*_ports(self.tables["cluster"]), *_ports(self.tables["endpoint_config"])}

    def _section(self, kind: str, entries: str, key: str) -> dict[str, Any]:
        return {"@type": f"{TYPE}.{kind}", entries: [{key: resource} for resource in self.tables[key].values()]}


def read(texts: Iterable[str]) -> Files:
    """The files of one pod, in the order of the suite."""
    files = Files()
    for text in texts:
        if text.rstrip().endswith("\nCOMMIT"):
            files.rules = text
            continue
        document = yaml.safe_load(text)
        if isinstance(document, dict) and document.get("kind") == "HostFacts":
            files.facts = document
            continue
        if isinstance(document, dict) and "static_resources" in document:
            files.bootstrap = document
            static = document["static_resources"] or {}
            document = [*static.get("listeners", []), *static.get("clusters", [])]
        elif isinstance(document, dict) and "configs" in document:
            document = [*dump_sections.listeners(document["configs"]), *dump_sections.clusters(document["configs"])]
        for resource in document if isinstance(document, list) else [document]:
            kind = _kind(resource)
            if kind is not None:
                files.tables[kind][resource.get("name", resource.get("cluster_name"))] = resource
    return files


def _kind(resource: Mapping[str, Any]) -> str | None:
    if "virtual_hosts" in resource:
        return "route_config"
    if any(key in resource for key in LISTENER_FIELDS):
        return "listener"
    if "cluster_name" in resource:
        return "endpoint_config"
    return "cluster" if any(key in resource for key in CLUSTER_FIELDS) else None


def _ports(holder: Any) -> Iterable[int]:
    if isinstance(holder, dict):
        if "port_value" in holder:
            yield int(holder["port_value"])
        for value in holder.values():
            yield from _ports(value)
    elif isinstance(holder, list):
        for value in holder:
            yield from _ports(value)
