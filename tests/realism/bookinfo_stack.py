"""The bookinfo mesh as running stacks: as it is, closed to unknown destinations, and broken in the ways meshes break.

A variant's inputs are files (`write_capture`), so that the engine under judgement reads exactly what the real pods
were made from.
"""

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from tests.realism import bookinfo_faults as faults
from tests.realism.bookinfo_faults import PodFiles, read_files
from tests.realism.demo_stack import DEMO
from tests.realism.mesh_stack import MeshSetup, MeshStack, PodSetup, mesh_stack
from tests.realism.upstreams import ServerTls, Upstream

GATEWAY = "istio-ingressgateway"
BOOKS, DATABASE, REFUSING = "203.0.113.20", "203.0.113.27", "198.51.100.7"
SPOKEN = ("http", "tcp", "silent", "close", "reset")


@frozen
class Variant:
    """One state of the mesh."""

    name: str
    pods: Mapping[str, PodFiles]

    def write_capture(self, folder: Path) -> Path:
        """Write the variant as a capture folder, one subfolder a pod or host of the world; return the folder."""
        for name, files in self.pods.items():
            pod = folder / name
            pod.mkdir(parents=True)
            (pod / "host.yaml").write_text(yaml.safe_dump(files.host, sort_keys=False))
            if files.dump is not None:
                (pod / "config_dump.json").write_text(json.dumps(files.dump, indent=1))
            if files.rules:
                (pod / "iptables-save.txt").write_text(files.rules)
        for facts in _hosts():
            (folder / facts["pod"]).mkdir()
            (folder / facts["pod"] / "host.yaml").write_text(yaml.safe_dump(facts, sort_keys=False))
        return folder

    def digest(self) -> str:
        """Changes whenever a recorded observation may no longer be true."""
        parts = {name: [files.dump, files.rules, files.host] for name, files in self.pods.items()}
        return hashlib.sha256(json.dumps([parts, _hosts()], sort_keys=True).encode()).hexdigest()


@functools.cache
def variants() -> dict[str, Variant]:
    """By name; a mesh in trouble has a fault or two a pod, out of the canary's reach, so that one stack shows all."""
    whole = {folder.name: read_files(folder) for folder in sorted((DEMO / "capture").iterdir())}
    overlays = DEMO / "registry-only"
    blocked = {name: files.but(faults.overlaid(overlays / name / "config_dump.json")) for name, files in whole.items()}
    broken = whole | {
        "sleep": whole["sleep"].but(faults.plaintext_endpoints("details")),
        "productpage": whole["productpage"].but(faults.another_account("details"), faults.application(listen=None)),
        "details": whole["details"].but(faults.application(speaks="reset")),
        "ratings": whole["ratings"].but(faults.application(speaks="silent")),
        "reviews-v2": whole["reviews-v2"].but(rules=faults.NO_RULES),
        "reviews-v3": whole["reviews-v3"].but(faults.application(speaks="close")),
    }
    strained = whole | {
        "sleep": whole["sleep"].but(faults.no_endpoints("details"), faults.no_room("ratings", max_pending_requests=0)),
        "productpage": whole["productpage"].but(
            faults.failed_over("reviews", "10.80.3.153"), faults.failed_over("ratings", "10.80.3.153")
        ),
        "details": whole["details"].but(faults.another_trust_domain),
        "reviews-v2": whole["reviews-v2"].but(faults.application(listen="127.0.0.1:9080")),
        "reviews-v3": whole["reviews-v3"].but(faults.application(status=503)),
        GATEWAY: whole[GATEWAY].but(faults.no_cluster("productpage")),
    }
    every = {"allow_any": whole, "registry_only": blocked, "broken": broken, "strained": strained}
    return {name: Variant(name, pods) for name, pods in every.items()}


@contextlib.contextmanager
def running(variant: Variant) -> Iterator[MeshStack]:
    """The variant, alive."""
    pods = {name: _setup(name, files) for name, files in variant.pods.items()}
    with mesh_stack(MeshSetup(pods=pods, world=_world())) as live:
        yield live


def _setup(name: str, files: PodFiles) -> PodSetup:
    metadata = files.dump["configs"][0]["bootstrap"]["node"]["metadata"] if files.dump else {}
    identity = "spiffe://cluster.local/ns/{NAMESPACE}/sa/{SERVICE_ACCOUNT}".format(**metadata) if metadata else ""
    return PodSetup(
        address=files.host["interfaces"]["eth0"][0].partition("/")[0],
        dump=files.dump,
        rules=files.rules,
        sockets=[
            Upstream(each["listen"], each["speaks"], each.get("status", 200), f"{name} {each['listen']}")
            for each in files.host["sockets"]
            if each["speaks"] in SPOKEN
        ],
        names=files.host["names"],
        identity=identity,
    )


def _world() -> Sequence[Upstream]:
    books = ServerTls(dns_sans=("books.example.com",), alpn=("http/1.1",), client_certificate="none")
    return (
        Upstream(f"{BOOKS}:443", "http", name="books", tls=books),
        Upstream(f"{DATABASE}:27017", "tcp", name="database"),
        Upstream("0.0.0.0:80", "http", name="anybody"),
        Upstream("0.0.0.0:9080", "auto", name="anybody"),
        Upstream("0.0.0.0:5555", "tcp", name="anybody"),
    )


def _hosts() -> list[dict[str, Any]]:
    """Host facts of the world's machines whose sockets matter to an answer."""
    refusing = {"kind": "HostFacts", "pod": "refusing", "addresses": [f"{REFUSING}/24"]}
    anybody = [{"listen": f"{REFUSING}:80", "protocol": "tcp", "speaks": "http", "status": 200}]
    return [{**refusing, "sockets": [*anybody, {"listen": f"{REFUSING}:5555", "protocol": "tcp", "speaks": "tcp"}]}]
