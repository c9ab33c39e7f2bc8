"""Ways in which a pod's files can be wrong, each a small change to what a user would have copied out of it."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

Dump = dict[str, Any]
NO_RULES = "".join(
    ["*nat\n", *(f":{chain} ACCEPT [0:0]\n" for chain in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")), "COMMIT\n"]
)
APPLICATION = "0.0.0.0:9080"


@frozen
class PodFiles:
    """What a user would have copied out of one pod."""

    dump: Dump | None
    rules: str
    host: dict[str, Any]

    def but(self, *faults: Callable[[Dump, dict[str, Any]], None], rules: str | None = None) -> "PodFiles":
        """The same files with those faults in the dump and the host facts."""
        dump, host = copy.deepcopy(self.dump), copy.deepcopy(self.host)
        for fault in faults:
            fault(dump or {}, host)
        return PodFiles(dump, self.rules if rules is None else rules, host)


Fault = Callable[[Dump, dict[str, Any]], None]


def read_files(folder: Path) -> PodFiles:
    def text(name: str) -> str:
        path = folder / name
        return path.read_text() if path.exists() else ""

    dump = json.loads(text("config_dump.json") or "null")
    return PodFiles(dump, text("iptables-save.txt"), yaml.safe_load(text("host.yaml")))


def overlaid(path: Path) -> Fault:
    """Listeners and route tables of another dump stand where this one's of the same name stood."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        overlay = json.loads(path.read_text()) if path.exists() else {"configs": []}
        for part in overlay["configs"]:
            section = part["@type"].rpartition(".")[2]
            key = {"ListenersConfigDump": "dynamic_listeners", "RoutesConfigDump": "dynamic_route_configs"}[section]
            later = {_name(entry): entry for entry in part[key]}
            entries = _entries(dump, section, key)
            entries[:] = [later.get(_name(entry), entry) for entry in entries]

    return fault


def application(**facts: Any) -> Fault:
    """The application's socket has other facts; `listen=None`: it is not there."""

    def fault(_dump: Dump, host: dict[str, Any]) -> None:
        host["sockets"] = [
            {**each, **facts} if each["listen"] == APPLICATION else each
            for each in host["sockets"]
            if each["listen"] != APPLICATION or facts.get("listen", "") is not None
        ]

    return fault


def plaintext_endpoints(service: str) -> Fault:
    """The proxy was told that the service's endpoints speak no mutual TLS."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        for assignment in _assignments(dump, service):
            for each in assignment["endpoints"][0]["lb_endpoints"]:
                del each["metadata"]["filter_metadata"]["envoy.transport_socket_match"]

    return fault


def no_endpoints(service: str) -> Fault:
    """The service's assignment is there and empty."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        for assignment in _assignments(dump, service):
            del assignment["endpoints"]

    return fault


def failed_over(service: str, address: str) -> Fault:
    """All endpoints of the service are unhealthy; a second priority has one at `address`."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        for assignment in _assignments(dump, service):
            (first,) = assignment["endpoints"]
            second = copy.deepcopy(first) | {"priority": 1}
            second["lb_endpoints"] = second["lb_endpoints"][:1]
            second["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["address"] = address
            for each in first["lb_endpoints"]:
                each["health_status"] = "UNHEALTHY"
            assignment["endpoints"] = [first, second]

    return fault


def another_account(service: str) -> Fault:
    """The proxy expects the service's certificates to name somebody else."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        for cluster in _clusters(dump, service):
            context = cluster["transport_socket_matches"][0]["transport_socket"]["typed_config"]["common_tls_context"]
            names = context["combined_validation_context"]["default_validation_context"]
            names["match_subject_alt_names"] = [{"exact": "spiffe://cluster.local/ns/default/sa/somebody-else"}]

    return fault


def no_room(service: str, **limits: int) -> Fault:
    """Circuit breakers that let nothing through."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        for cluster in _clusters(dump, service):
            cluster["circuit_breakers"] = {"thresholds": [limits]}

    return fault


def no_cluster(service: str) -> Fault:
    """Routes name a cluster that the proxy was never sent."""

    def fault(dump: Dump, _host: dict[str, Any]) -> None:
        gone = [cluster["name"] for cluster in _clusters(dump, service)]
        for section, key, inner in (
            ("ClustersConfigDump", "dynamic_active_clusters", "cluster"),
            ("EndpointsConfigDump", "dynamic_endpoint_configs", "endpoint_config"),
        ):
            entries = _entries(dump, section, key)
            entries[:] = [e for e in entries if e[inner].get("name", e[inner].get("cluster_name")) not in gone]

    return fault


def another_trust_domain(dump: Dump, _host: dict[str, Any]) -> None:
    """The pod takes certificates of another mesh alone."""
    for entry in _entries(dump, "ListenersConfigDump", "dynamic_listeners"):
        for chain in entry["active_state"]["listener"]["filter_chains"]:
            context = chain.get("transport_socket", {}).get("typed_config", {}).get("common_tls_context")
            if context is not None:
                names = context["combined_validation_context"]["default_validation_context"]
                names["match_subject_alt_names"] = [{"prefix": "spiffe://elsewhere/"}]


def _assignments(dump: Dump, service: str) -> Iterator[Dump]:
    for entry in _entries(dump, "EndpointsConfigDump", "dynamic_endpoint_configs"):
        if f"|{service}.default." in entry["endpoint_config"]["cluster_name"]:
            yield entry["endpoint_config"]


def _clusters(dump: Dump, service: str) -> Iterator[Dump]:
    for entry in _entries(dump, "ClustersConfigDump", "dynamic_active_clusters"):
        if f"|{service}.default." in entry["cluster"]["name"]:
            yield entry["cluster"]


def _entries(dump: Dump, section: str, key: str) -> list[Dump]:
    found: list[Dump] = next(part for part in dump["configs"] if part["@type"].endswith(f".{section}"))[key]
    return found


def _name(entry: Dump) -> str:
    return str(entry.get("name") or entry["route_config"]["name"])
