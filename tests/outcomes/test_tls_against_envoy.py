"""Every way in which two proxies may not agree on TLS, with certificates made for the test, against the real Envoy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meshsim.config.capture import PodDocuments
from meshsim.config.config_dump import ProxyDocument, read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.facts.call import read_call
from meshsim.mesh import Mesh
from meshsim.trace import trace
from tests.outcomes import loopback
from tests.outcomes.test_against_envoy import flags_of
from tests.outcomes.worlds import TYPES, address, cluster, facts, hcm, tcp_proxy, world
from tests.realism.certificates import Authority, Leaf
from tests.realism.prerequisites import envoy_binary

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here"),
]
RETRY = {"retry_policy": {"retry_on": "connect-failure", "retry_back_off": {"base_interval": "0.001s"}}}
Socket = Mapping[str, Any]


def context(kind: str, leaf: Leaf | None, authority: Authority, maximum: str | None, **fields: Any) -> dict[str, Any]:
    common: dict[str, Any] = {"validation_context": {"trusted_ca": {"inline_string": authority.root}}}
    if leaf is not None:
        files = {"certificate_chain": leaf.certificate_file, "private_key": leaf.key_file}
        common["tls_certificates"] = [{name: {"filename": str(file)} for name, file in files.items()}]
    if maximum is not None:
        common["tls_params"] = {"tls_maximum_protocol_version": maximum}
    config = {"@type": f"{TYPES}transport_sockets.tls.v3.{kind}", "common_tls_context": common, **fields}
    return {"transport_socket": {"name": "tls", "typed_config": config}}


def near_sides(authority: Authority, leaf: Leaf) -> dict[str, Socket]:
    kind = "UpstreamTlsContext"
    return {
        "plaintext": {},
        "no certificate": context(kind, None, authority, None),
        "no certificate, 1.3": context(kind, None, authority, "TLSv1_3"),
        "a certificate": context(kind, leaf, authority, None),
        "a certificate, 1.3": context(kind, leaf, authority, "TLSv1_3"),
    }


def far_sides(authority: Authority, leaf: Leaf) -> dict[str, Socket]:
    kind = "DownstreamTlsContext"
    wanted = {"require_client_certificate": True}
    return {
        "plaintext": {},
        "STRICT": context(kind, leaf, authority, None, **wanted),
        "STRICT, 1.2": context(kind, leaf, authority, "TLSv1_2", **wanted),
        "a certificate if there is one": context(kind, leaf, authority, None),
    }


def listener(name: str, port: int, chain: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "address": address(f"127.0.0.1:{port}"), "filter_chains": [dict(chain)]}


def ours(listeners: list[dict[str, Any]], clusters: list[dict[str, Any]], upstream: int) -> Mesh:
    sections = [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": [{"name": each["name"], "active_state": {"listener": each}} for each in listeners],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "static_clusters": [{"cluster": each} for each in clusters],
        },
    ]
    source = SourceText.of("dump.json", "")
    held: ProxyDocument = read_config_dump(Document("dump.json", Kind.CONFIG_DUMP, {"configs": sections}, source))
    sockets = [{"listen": f"127.0.0.1:{upstream}", "speaks": "http", "status": 200}]
    return world(PodDocuments("gate", proxy=held, host=facts(addresses=["10.1.0.1/24"], sockets=sockets)))


def test_all_of_them(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    leaf = authority.leaf(uri_sans=["spiffe://td/ns/a/sa/b"])
    near, far, upstreams = near_sides(authority, leaf), far_sides(authority, leaf), loopback.Upstreams()
    clusters = [cluster(f"127.0.0.1:{upstreams.ports['200']}", name="behind")]
    listeners: list[dict[str, Any]] = []
    calls: list[tuple[str, int, str, Path]] = []
    free = iter(loopback.free_ports(len(far) * (1 + 2 * len(near))))
    ports = {name: next(free) for name in far}
    for name, socket in far.items():
        listeners.append(listener(f"far {name}", ports[name], {"filters": [hcm({"cluster": "behind"})], **socket}))
        for other, its in near.items():
            label = f"{other} to {name}"
            clusters.append(cluster(f"127.0.0.1:{ports[name]}", name=label, **its))
            for protocol, chain in {"http": hcm({"cluster": label, **RETRY}), "tcp": tcp_proxy(label)}.items():
                log = tmp_path / f"log{len(calls)}"
                chain["typed_config"] |= loopback.logged_to(log)
                port = next(free)
                listeners.append(listener(f"{protocol} {label}", port, {"filters": [chain]}))
                calls.append((f"{protocol}: {label}", port, protocol, log))
    mesh, wrong = ours(listeners, clusters, upstreams.ports["200"]), {}
    with loopback.running(listeners, clusters, tmp_path):
        for label, port, protocol, log in calls:
            for method in ("GET", "DELETE") if protocol == "http" else ("GET",):
                request = f"{method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
                peer, _ = loopback.send(port, request.encode())
                entry = loopback.entry(log, peer)
                said = {"method": method, "authority": "a"} if protocol == "http" else {"payload": request}
                call = read_call({"destination": f"127.0.0.1:{port}", "protocol": protocol, **said})
                done = trace(mesh, call)
                assert done.explain()
                hop = done.hops[0]
                status = hop.status if protocol == "http" else 0
                told = (status, set(hop.response_flags), hop.upstream_transport_failure_reason, len(hop.attempts))
                seen = (entry["status"], flags_of(entry), entry["transport"], entry["attempts"])
                if told != seen:
                    wrong[f"{label} {method}"] = (told, seen)
    upstreams.close()
    assert wrong == {}
