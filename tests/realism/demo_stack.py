"""The demo mesh's sleep pod as really running stacks: its own files, and three ways to change them.

A variant's inputs are files (`write_capture`), so that the engine under judgement reads exactly what the real
stack was made from.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from tests.realism import dump_sections
from tests.realism.stack import Setup, Stack, stack
from tests.realism.upstreams import ServerTls, Upstream

DEMO = Path(__file__).parents[2] / "src" / "meshsim" / "demo"
CAPTURE = DEMO / "capture" / "sleep"
REGISTRY_ONLY = DEMO / "registry-only" / "sleep" / "config_dump.json"
POD, POD_ADDRESS = "sleep", "10.80.3.109"
ANY = "0.0.0.0"
STRANGERS = ("10.80.0.10", "198.51.100.7")
"""Addresses without a server of their own: there listens what listens on every address of the world."""
CAPPED = {"max_connections": 6, "max_requests": 4}
"""Ends a circle: TCP by its connections, HTTP (whose pools may exceed them) by its requests."""
SIDECAR_ALPN = ("istio-peer-exchange", "h2", "http/1.1")
"""What a sidecar on the far side accepts."""


@frozen
class Variant:
    """One state of the pod: the three files a user would have copied out of it."""

    name: str
    dump: Mapping[str, Any]
    rules: str
    host: str
    pod: str = POD

    def write_capture(self, folder: Path) -> Path:
        """Write the variant as a capture folder, one subfolder a pod or host of the world; return the folder."""
        pod = folder / self.pod
        pod.mkdir(parents=True, exist_ok=True)
        (pod / "config_dump.json").write_text(json.dumps(self.dump, indent=1))
        (pod / "iptables-save.txt").write_text(self.rules)
        (pod / "host.yaml").write_text(self.host)
        for facts in self.hosts():
            (folder / facts["pod"]).mkdir(exist_ok=True)
            (folder / facts["pod"] / "host.yaml").write_text(yaml.safe_dump(facts, sort_keys=False))
        return folder

    def hosts(self) -> list[dict[str, Any]]:
        """Host facts of the machines around the pod, where host facts can say what listens there."""
        world = _world(self.dump)
        by_host = {upstream.listen.rpartition(":")[0]: upstream for upstream in world}
        stated = {host for host, upstream in by_host.items() if upstream.speaks != "auto"} - {ANY}
        return [
            {
                "kind": "HostFacts",
                "pod": f"host-{address.replace('.', '-')}",
                "addresses": [f"{address}/24"],
                "sockets": [_socket(each) for each in world if each.listen.startswith((f"{address}:", f"{ANY}:"))],
            }
            for address in sorted(stated | set(STRANGERS))
        ]

    def digest(self) -> str:
        """Changes whenever a recorded observation may no longer be true."""
        parts = (json.dumps(self.dump, sort_keys=True), self.rules, self.host, json.dumps(self.hosts()))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def variants() -> dict[str, Variant]:
    """By name: the mesh as it is, REGISTRY_ONLY, and a mesh whose proxy catches its own connections."""
    dump = json.loads((CAPTURE / "config_dump.json").read_text())
    rules = (CAPTURE / "iptables-save.txt").read_text()
    host = (CAPTURE / "host.yaml").read_text()
    blocked = dump_sections.overlay(dump, json.loads(REGISTRY_ONLY.read_text()))
    made = (
        Variant("allow_any", dump, rules, host),
        Variant("registry_only", blocked, rules, host),
        Variant("loop", _capped(dump), _without_the_proxys_exemption(rules), host),
    )
    return {variant.name: variant for variant in made}


@contextlib.contextmanager
def running(variant: Variant) -> Iterator[Stack]:
    """The variant, alive."""
    facts = yaml.safe_load(variant.host)
    setup = Setup(
        dump=variant.dump,
        rules=variant.rules,
        pod=POD,
        pod_address=POD_ADDRESS,
        world=_world(variant.dump),
        pod_sockets=[
            Upstream(entry["listen"], "http", status=entry.get("status", 200), name=f"{POD} {entry['listen']}")
            for entry in facts["sockets"]
            if entry["speaks"] == "http"
        ],
        names=facts["names"],
    )
    with stack(setup) as live:
        yield live


def _world(dump: Mapping[str, Any]) -> Sequence[Upstream]:
    sidecar = ServerTls(uri_sans=server_names(dump), alpn=SIDECAR_ALPN, client_certificate="required")
    anybody = ServerTls(dns_sans=("localhost",), alpn=("http/1.1",), client_certificate="none")
    return (
        Upstream("10.80.3.110:80", "http", name="httpbin v1", tls=sidecar),
        Upstream("10.80.3.114:80", "http", name="httpbin v2", tls=sidecar),
        Upstream("10.80.3.111:5000", "http", name="helloworld v1", tls=sidecar),
        Upstream("10.80.3.112:5000", "http", name="helloworld v2", tls=sidecar),
        Upstream("10.80.3.113:5000", "http", name="helloworld v1, unhealthy", tls=sidecar),
        Upstream("10.80.3.120:8080", "http", name="legacy"),
        Upstream("10.80.3.130:6379", "tcp", name="redis"),
        Upstream("10.80.3.140:9000", "auto", name="echo"),
        Upstream("198.51.100.8:80", "reset", name="resets"),
        Upstream("198.51.100.9:80", "close", name="closes"),
        Upstream("0.0.0.0:80", "auto", name="anybody", tls=anybody),
        Upstream("0.0.0.0:443", "http", name="anybody", tls=anybody),
        Upstream("0.0.0.0:5555", "tcp", name="anybody"),
    )


def _socket(upstream: Upstream) -> dict[str, Any]:
    speaks = "http" if upstream.speaks == "auto" else upstream.speaks
    socket: dict[str, Any] = {"listen": upstream.listen, "protocol": "tcp", "speaks": speaks, "status": upstream.status}
    if upstream.tls is not None and upstream.speaks != "auto":
        socket["speaks"] = "https"
        socket["tls"] = {
            "alpn": list(upstream.tls.alpn),
            "uri_sans": list(upstream.tls.uri_sans),
            "trusted": True,
            "require_client_certificate": upstream.tls.client_certificate == "required",
        }
    return socket


def server_names(holder: Any) -> tuple[str, ...]:
    """Every name a cluster of the dump insists on, so that one test certificate can be any of its servers."""
    found: list[str] = []
    if isinstance(holder, dict):
        for key, value in holder.items():
            if key in ("match_typed_subject_alt_names", "match_subject_alt_names"):
                found += [name for entry in value for name in [_exact(entry)] if name]
            else:
                found += server_names(value)
    elif isinstance(holder, list):
        for value in holder:
            found += server_names(value)
    return tuple(dict.fromkeys(found))


def _exact(entry: Mapping[str, Any]) -> str | None:
    matcher = entry.get("matcher", entry)
    exact = matcher.get("exact")
    return exact if isinstance(exact, str) and exact.startswith("spiffe://") else None


def _capped(dump: Mapping[str, Any]) -> dict[str, Any]:
    """The dump with a PassthroughCluster that takes few connections, so that going in a circle ends."""
    section = next(section for section in dump["configs"] if section["@type"].endswith("ClustersConfigDump"))
    entry = next(e for e in section["dynamic_active_clusters"] if e["cluster"]["name"] == "PassthroughCluster")
    cluster = entry["cluster"] | {"circuit_breakers": {"thresholds": [CAPPED]}}
    capped = {"@type": section["@type"], "dynamic_active_clusters": [entry | {"cluster": cluster}]}
    return dump_sections.overlay(dump, {"configs": [capped]})


def _without_the_proxys_exemption(rules: str) -> str:
    exempt = ("-m owner --uid-owner 1337 -j RETURN", "-m owner --gid-owner 1337 -j RETURN")
    return "".join(
        line for line in rules.splitlines(keepends=True) if not line.rstrip().endswith(exempt) or "-o lo" in line
    )
