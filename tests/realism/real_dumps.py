"""Dumps of real meshes as running stacks, and calls drawn from their own listeners and routes.

What they leave open is filled in, the same way for both sides.

Endpoints no dump states get one made-up address a cluster (every second one with a sidecar's tlsMode label),
names get made-up addresses: as an EndpointsConfigDump and as host facts, which the engine under judgement reads
as well.
"""

import contextlib
import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from tests.realism import bootstrap
from tests.realism.demo_stack import Variant, server_names
from tests.realism.stack import Setup, Stack, stack
from tests.realism.upstreams import ServerTls, Upstream

SHARED = Path(__file__).parents[3] / "shared" / "data"
DUMPS = SHARED / "config_dumps"
RULES = SHARED / "iptables-captured" / "istio-sidecar-2022.iptables-save"
MADE_UP_PORT = 8080
BINDING = ("virtualOutbound", "virtualInbound")
ENDPOINTS = "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump"


@frozen
class RealDump:
    """One sidecar's dump, completed, and the facts that complete it."""

    dump: Mapping[str, Any]
    rules: str
    pod: str
    pod_address: str
    names: Mapping[str, Sequence[str]]
    application_ports: tuple[int, ...]

    def variant(self) -> Variant:
        """As files for the engine."""
        facts = {
            "kind": "HostFacts",
            "pod": self.pod,
            "interfaces": {"lo": ["127.0.0.1/8"], "eth0": [f"{self.pod_address}/24"]},
            "names": {name: list(addresses) for name, addresses in self.names.items()},
            "sockets": [
                {
                    "listen": f"0.0.0.0:{port}",
                    "protocol": "tcp",
                    "speaks": "http",
                    "uid": 1000,
                    "gid": 1000,
                    "status": 200,
                }
                for port in self.application_ports
            ],
        }
        return Variant(self.pod, self.dump, self.rules, yaml.safe_dump(facts, sort_keys=False), pod=self.pod)


def read(path: Path) -> RealDump:
    """Read a sidecar's dump and fill what it leaves open."""
    dump = json.loads(path.read_text())
    sections = {section["@type"].rsplit(".", 1)[-1]: section for section in dump["configs"]}
    node = sections["BootstrapConfigDump"]["bootstrap"]["node"]["id"].split("~")
    clusters = [
        entry["cluster"]
        for kind in ("static_clusters", "dynamic_active_clusters")
        for entry in sections["ClustersConfigDump"].get(kind, [])
    ]
    dump = copy.deepcopy(dump)
    stated = {entry["endpoint_config"].get("cluster_name") for entry in _endpoint_entries(sections)}
    missing = [c for c in clusters if c.get("type") == "EDS" and _service(c) not in stated]
    added = [{"endpoint_config": _made_up(_service(cluster), index)} for index, cluster in enumerate(missing)]
    if "EndpointsConfigDump" in sections:
        section = next(each for each in dump["configs"] if each["@type"].endswith("EndpointsConfigDump"))
        section["dynamic_endpoint_configs"] = [*section.get("dynamic_endpoint_configs", []), *added]
    else:
        dump["configs"].append({"@type": ENDPOINTS, "dynamic_endpoint_configs": added})
    hosts = sorted({host for cluster in clusters for host in _dns_names(cluster)})
    ports = {int(cluster["name"].split("|")[1]) for cluster in clusters if re.match(r"inbound\|\d+\|", cluster["name"])}
    return RealDump(
        dump=dump,
        rules=RULES.read_text(),
        pod=node[2].split(".")[0],
        pod_address=node[1],
        names={host: [f"198.19.0.{index}"] for index, host in enumerate(hosts, start=1)},
        application_ports=tuple(sorted(ports)),
    )


@contextlib.contextmanager
def running(real: RealDump, calls: Sequence[Mapping[str, Any]]) -> Iterator[Stack]:
    """The dump, alive, in a world that listens on every port the calls and the endpoints name."""
    tls = ServerTls(uri_sans=server_names(real.dump)[:200], alpn=("istio-peer-exchange", "h2", "http/1.1"))
    ports = {int(call["destination"].rpartition(":")[2]) for call in calls} | set(_ports(real.dump))
    setup = Setup(
        dump=real.dump,
        rules=real.rules,
        pod=real.pod,
        pod_address=real.pod_address,
        world=[Upstream(f"0.0.0.0:{port}", "auto", name="world", tls=tls) for port in sorted(ports)],
        pod_sockets=[Upstream(f"0.0.0.0:{port}", "http", name="app") for port in real.application_ports],
        names=real.names,
    )
    with stack(setup) as live:
        yield live


def calls(real: RealDump, limit: int = 40) -> list[dict[str, Any]]:
    """Calls taken from the dump's own listeners and routes, spread evenly over them."""
    found = list(_calls(real))
    step = max(1, len(found) // limit)
    return found[::step][:limit]


def _calls(real: RealDump) -> Iterator[dict[str, Any]]:
    sections = {section["@type"].rsplit(".", 1)[-1]: section for section in real.dump["configs"]}
    tables = {
        entry["route_config"]["name"]: entry["route_config"]
        for entry in sections["RoutesConfigDump"].get("dynamic_route_configs", [])
    }
    for port in real.application_ports:
        arriving = {"destination": f"{real.pod_address}:{port}", "from": "outside", "direction": "inbound"}
        yield {**arriving, "pod": real.pod, "source": "10.99.0.9:0"}
    for entry in sections["ListenersConfigDump"].get("dynamic_listeners", []):
        listener = entry.get("active_state", {}).get("listener", {})
        if not listener or listener["name"] in BINDING:
            continue
        address = listener["address"]["socket_address"]
        text = json.dumps(listener)
        host = "198.51.100.77" if address["address"] == "0.0.0.0" else address["address"]
        destination = f"{host}:{address['port_value']}"
        table = re.search(r'"route_config_name": "([^"]*)"', text)
        if table is None or table[1] not in tables:
            yield {"destination": destination, "protocol": "tcp", "payload": "\x01bytes\n"}
            continue
        yield {"destination": destination, "authority": "nobody.example", "path": "/nothing"}
        for virtual_host in tables[table[1]].get("virtual_hosts", []):
            for route in virtual_host.get("routes", [])[:4]:
                yield {"destination": destination, "authority": _authority(virtual_host), "path": _path(route["match"])}


def _authority(virtual_host: Mapping[str, Any]) -> str:
    domain: str = virtual_host["domains"][0]
    return domain.replace("*", "any") if domain != "*" else "any.example"


def _path(match: Mapping[str, Any]) -> str:
    for kind, suffix in (("path", ""), ("prefix", "x"), ("path_separated_prefix", "/x")):
        if kind in match:
            return str(match[kind]) + suffix
    return "/x"


def _endpoint_entries(sections: Mapping[str, Any]) -> list[dict[str, Any]]:
    section = sections.get("EndpointsConfigDump", {})
    return [*section.get("static_endpoint_configs", []), *section.get("dynamic_endpoint_configs", [])]


def _service(cluster: Mapping[str, Any]) -> str:
    return str(cluster.get("eds_cluster_config", {}).get("service_name") or cluster["name"])


def _made_up(service: str, index: int) -> dict[str, Any]:
    address = {"socket_address": {"address": f"198.18.{index // 250}.{index % 250 + 1}", "port_value": MADE_UP_PORT}}
    endpoint: dict[str, Any] = {"endpoint": {"address": address}, "health_status": "HEALTHY"}
    if index % 2:
        endpoint["metadata"] = {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": "istio"}}}
    return {"cluster_name": service, "endpoints": [{"locality": {}, "lb_endpoints": [endpoint]}]}


def _dns_names(cluster: Mapping[str, Any]) -> Iterator[str]:
    if cluster.get("type") in ("STRICT_DNS", "LOGICAL_DNS"):
        for locality in cluster.get("load_assignment", {}).get("endpoints", []):
            for endpoint in locality.get("lb_endpoints", []):
                address = endpoint["endpoint"]["address"].get("socket_address")
                if address is not None and not bootstrap.is_address(address["address"]):
                    yield address["address"]


def _ports(dump: Mapping[str, Any]) -> set[int]:
    section = next(section for section in dump["configs"] if section["@type"].endswith("EndpointsConfigDump"))
    return {int(port) for port in re.findall(r'"port_value": (\d+)', json.dumps(section))}
