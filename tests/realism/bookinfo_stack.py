"""The bookinfo mesh as running stacks: as it is, closed to unknown destinations, and broken in the ways meshes break.

A variant's inputs are files (`write_capture`), so that the engine under judgement reads exactly what the real pods
were made from.
"""

import contextlib
import copy
import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from tests.realism.demo_stack import DEMO
from tests.realism.mesh_stack import MeshSetup, MeshStack, PodSetup, mesh_stack
from tests.realism.upstreams import ServerTls, Upstream

GATEWAY = "istio-ingressgateway"
BOOKS, DATABASE, REFUSING = "203.0.113.20", "203.0.113.27", "198.51.100.7"
SPOKEN = ("http", "tcp", "silent", "close", "reset")
NO_RULES = "".join(
    ["*nat\n", *(f":{chain} ACCEPT [0:0]\n" for chain in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")), "COMMIT\n"]
)
Dump = dict[str, Any]


@frozen
class PodFiles:
    """What a user would have copied out of one pod."""

    dump: Dump | None
    rules: str
    host: dict[str, Any]


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
    """By name; a broken mesh has one fault a pod, so that one stack shows them all."""
    whole = {folder.name: _files(folder) for folder in sorted((DEMO / "capture").iterdir())}
    blocked = {name: _with_dump(files, functools.partial(_registry_only, name)) for name, files in whole.items()}
    broken = {
        **whole,
        "sleep": _with_dump(whole["sleep"], _without_tls_mode("details")),
        "productpage": _with_dump(whole["productpage"], _without_tls_mode("details", plaintext=False)),
        "details": _with_sockets(whole["details"], speaks="reset"),
        "ratings": _with_sockets(whole["ratings"], speaks="silent"),
        "reviews-v1": _with_sockets(whole["reviews-v1"], remove=True),
        "reviews-v2": PodFiles(whole["reviews-v2"].dump, NO_RULES, whole["reviews-v2"].host),
        "reviews-v3": _with_sockets(whole["reviews-v3"], speaks="close"),
    }
    made = (Variant("allow_any", whole), Variant("registry_only", blocked), Variant("broken", broken))
    return {variant.name: variant for variant in made}


@contextlib.contextmanager
def running(variant: Variant) -> Iterator[MeshStack]:
    """The variant, alive."""
    pods = {name: _setup(name, files) for name, files in variant.pods.items()}
    with mesh_stack(MeshSetup(pods=pods, world=_world())) as live:
        yield live


def _files(folder: Path) -> PodFiles:
    def text(name: str) -> str:
        path = folder / name
        return path.read_text() if path.exists() else ""

    dump = json.loads(text("config_dump.json") or "null")
    return PodFiles(dump, text("iptables-save.txt"), yaml.safe_load(text("host.yaml")))


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


def _with_dump(files: PodFiles, change: Callable[[Dump], Dump]) -> PodFiles:
    return PodFiles(change(files.dump), files.rules, files.host) if files.dump is not None else files


def _registry_only(pod: str, dump: Dump) -> Dump:
    """The dump with the listeners and route tables that the overlay holds instead of its own of the same name."""
    path = DEMO / "registry-only" / pod / "config_dump.json"
    if not path.exists():
        return dump
    changed, overlay = copy.deepcopy(dump), json.loads(path.read_text())
    for section, key in (("Listeners", "dynamic_listeners"), ("Routes", "dynamic_route_configs")):
        entries = _entries(changed, f"{section}ConfigDump", key)
        later = {_name(entry): entry for entry in _entries(overlay, f"{section}ConfigDump", key)}
        entries[:] = [later.get(_name(entry), entry) for entry in entries]
    return changed


def _name(entry: Dump) -> str:
    return str(entry.get("name") or entry["route_config"]["name"])


def _without_tls_mode(service: str, *, plaintext: bool = True) -> Callable[[Dump], Dump]:
    """A proxy that was told wrongly of a service: its endpoints speak plaintext, or belong to another account."""

    def change(dump: Dump) -> Dump:
        changed = copy.deepcopy(dump)
        for entry in _entries(changed, "EndpointsConfigDump", "dynamic_endpoint_configs") if plaintext else ():
            if f"||{service}." in entry["endpoint_config"]["cluster_name"]:
                for host in entry["endpoint_config"]["endpoints"][0]["lb_endpoints"]:
                    del host["metadata"]["filter_metadata"]["envoy.transport_socket_match"]
        for entry in _entries(changed, "ClustersConfigDump", "dynamic_active_clusters") if not plaintext else ():
            if f"||{service}." in entry["cluster"]["name"]:
                context = entry["cluster"]["transport_socket_matches"][0]["transport_socket"]["typed_config"]
                names = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
                names["match_subject_alt_names"] = [{"exact": "spiffe://cluster.local/ns/default/sa/somebody-else"}]
        return changed

    return change


def _entries(dump: Dump, section: str, key: str) -> list[Dump]:
    found: list[Dump] = next(part for part in dump["configs"] if part["@type"].endswith(f".{section}"))[key]
    return found


def _with_sockets(files: PodFiles, *, speaks: str = "http", remove: bool = False) -> PodFiles:
    """A pod whose application on 9080 behaves otherwise, or is not there."""
    host = copy.deepcopy(files.host)
    kept = []
    for each in host["sockets"]:
        if each["listen"] == "0.0.0.0:9080":
            if remove:
                continue
            each["speaks"] = speaks
        kept.append(each)
    host["sockets"] = kept
    return PodFiles(files.dump, files.rules, host)
