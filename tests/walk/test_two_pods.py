"""From application to application through two sidecars and their default rules, and a pod that calls itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from meshsim.config.capture import PodDocuments, RulesText
from meshsim.config.config_dump import ProxyDocument, read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.facts.call import read_call
from meshsim.istio.iptables import default_sidecar_rules
from meshsim.mesh import Mesh
from meshsim.trace import Trace, trace
from tests.config.test_certificate_names import certificate
from tests.outcomes.worlds import address, cluster, downstream_tls, facts, hcm, tcp_proxy, upstream_tls, world

CLIENT, SERVER, SERVICE = "10.1.0.1", "10.1.0.2", "10.96.0.2"
ALPN = {"common": {"alpn_protocols": ["istio", "h2", "http/1.1"]}}
RESTORES = [
    {
        "name": "original_dst",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"},
    }
]
INBOUND = cluster(
    name="inbound|80||",
    type="ORIGINAL_DST",
    lb_policy="CLUSTER_PROVIDED",
    load_assignment=None,
    upstream_bind_config={"source_address": {"address": "127.0.0.6", "port_value": 0}},
)


def listener(name: str, port: int, *chains: Mapping[str, Any], direction: str) -> dict[str, Any]:
    made = {
        "name": name,
        "address": address(f"0.0.0.0:{port}"),
        "listener_filters": RESTORES,
        "traffic_direction": direction,
        "filter_chains": [dict(chain) for chain in chains],
    }
    return {"name": name, "active_state": {"listener": made}}


METADATA = {"MESH_ID": "td", "NAMESPACE": "default", "SERVICE_ACCOUNT": "b"}


def sidecar(
    name: str,
    ip: str,
    *,
    outbound: Sequence[Mapping[str, Any]],
    inbound: Mapping[str, Any],
    clusters: Sequence[Any],
    metadata: Mapping[str, Any] = METADATA,
    certificate: str = "",
) -> ProxyDocument:
    made = {key: value for key, value in INBOUND.items() if value is not None}
    sections = [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
            "bootstrap": {
                "node": {
                    "id": f"sidecar~{ip}~{name}.default~default.svc.cluster.local",
                    "metadata": dict(metadata),
                }
            },
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
            "dynamic_active_secrets": [secret(certificate)] if certificate else [],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": [
                listener("virtualOutbound", 15001, {"filters": list(outbound)}, direction="OUTBOUND"),
                listener("virtualInbound", 15006, inbound, direction="INBOUND"),
            ],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "static_clusters": [{"cluster": dict(each)} for each in (*clusters, made)],
        },
    ]
    source = SourceText.of("dump.json", "")
    return read_config_dump(Document("dump.json", Kind.CONFIG_DUMP, {"configs": sections}, source))


def secret(certificate: str) -> dict[str, Any]:
    held = {"certificate_chain": {"inline_bytes": base64.b64encode(certificate.encode()).decode()}}
    return {"name": "default", "secret": {"name": "default", "tls_certificate": held}}


def pod(name: str, ip: str, held: ProxyDocument | None, sockets: Sequence[Mapping[str, Any]]) -> PodDocuments:
    rules = RulesText("rules", default_sidecar_rules()) if held is not None else None
    host = facts(addresses=[f"{ip}/24"], sockets=[dict(each) for each in sockets])
    return PodDocuments(name, proxy=held, rules_v4=rules, host=host)


def mesh(
    *,
    near: Mapping[str, Any] | None = None,
    inbound: Mapping[str, Any] | None = None,
    sockets: Sequence[Mapping[str, Any]] = ({"listen": "0.0.0.0:80", "speaks": "http", "status": 200},),
    server_has_proxy: bool = True,
    to: str = f"{SERVER}:80",
    route: Mapping[str, Any] | None = None,
    **of_client: Any,
) -> Mesh:
    """The client's sidecar sends everything to `to`; the server's takes it in on one chain."""
    inner = {"filters": [hcm({"cluster": INBOUND["name"], "timeout": "0s"})]}
    out = cluster(to, **({} if near is None else near))
    client = sidecar("client", CLIENT, outbound=[hcm(route)], inbound=inner, clusters=[out], **of_client)
    far = inner if inbound is None else {**inner, **inbound}
    server = sidecar("server", SERVER, outbound=[hcm()], inbound=far, clusters=[])
    return world(
        pod("client", CLIENT, client, [{"listen": "0.0.0.0:80", "speaks": "http", "status": 201}]),
        pod("server", SERVER, server if server_has_proxy else None, sockets),
    )


def ask(made: Mesh, destination: str = f"{SERVICE}:80", **fields: Any) -> Trace:
    done = trace(made, read_call({"from": "client", "destination": destination, **fields}))
    assert done.explain()
    return done


def test_both_sidecars_and_the_application_behind_them() -> None:
    done = ask(mesh(near=upstream_tls(), inbound=downstream_tls(**ALPN)))
    near, far = done.hops
    assert (done.outcome.kind, done.outcome.status, done.outcome.pod) == ("delivered", 200, "server")
    assert [(hop.direction, hop.from_hop, hop.endpoint) for hop in (near, far)] == [
        ("outbound", None, f"{SERVER}:80"),
        ("inbound", 0, f"{SERVER}:80"),
    ]
    assert [attempt.next_hop for attempt in near.attempts] == [1]
    assert near.tls is not None and (near.tls.mode, near.tls.alpn, near.tls.certificate_requested) == (
        "mtls",
        "istio",
        True,
    )
    assert [(entry.pod, entry.way, entry.sender, entry.to_hop) for entry in done.netfilter] == [
        ("client", "loop", "application", 0),
        ("client", "out", "proxy", None),
        ("server", "in", "peer", 1),
        ("server", "loop", "proxy", None),
    ]
    assert done.netfilter[-1].before.source.startswith("127.0.0.6:")


@pytest.mark.parametrize(
    ("near", "inbound", "flags"),
    [
        (None, downstream_tls(**ALPN), ("UC",)),
        (upstream_tls(certificate=False), downstream_tls(**ALPN), ("UF",)),
        (upstream_tls(), None, ("UF",)),
    ],
    ids=["plaintext to STRICT", "no certificate to STRICT", "TLS to DISABLE"],
)
def test_mutual_tls_that_the_two_do_not_agree_on(
    near: Mapping[str, Any] | None, inbound: Mapping[str, Any] | None, flags: tuple[str, ...]
) -> None:
    done = ask(mesh(near=near, inbound=inbound))
    assert (done.outcome.kind, done.outcome.status, done.outcome.answered_by) == ("replied", 503, 0)
    assert done.outcome.response_flags == flags
    assert len(done.hops) == 2


@pytest.mark.parametrize(("account", "reached"), [("b", True), ("other", False)])
def test_the_caller_asks_for_another_workload(account: str, reached: bool) -> None:
    near = upstream_tls(san=[f"spiffe://elsewhere/ns/default/sa/{account}"])
    secret = {"common": {**ALPN["common"], "tls_certificate_sds_secret_configs": [{"name": "default"}]}}
    done = ask(mesh(near=near, inbound=downstream_tls(**secret)))
    hop = done.hops[0]
    assert (done.outcome.kind == "delivered") is reached
    assert hop.response_flags == (() if reached else ("UF",))
    assert ("spiffe://td/ns/default/sa/b" in (hop.upstream_transport_failure_reason or "")) is not reached


WANTS_TD = downstream_tls(
    common={
        **ALPN["common"],
        "validation_context": {
            "trusted_ca": {"filename": "ca.pem"},
            "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"prefix": "spiffe://td/"}}],
        },
    }
)


@pytest.mark.parametrize(
    ("metadata", "shown", "reached", "assumed"),
    [
        (METADATA, "", True, False),
        ({**METADATA, "MESH_ID": "other"}, "", False, False),
        ({}, "", True, True),
        ({}, "spiffe://td/ns/default/sa/x", True, False),
        (METADATA, "spiffe://other/ns/default/sa/b", False, False),
    ],
)
def test_the_server_asks_who_the_caller_is(
    tmp_path: Path, metadata: Mapping[str, Any], shown: str, reached: bool, assumed: bool
) -> None:
    leaf = certificate(tmp_path, f"URI:{shown}").decode() if shown else ""
    done = ask(mesh(near=upstream_tls(), inbound=WANTS_TD, metadata=metadata, certificate=leaf))
    assert (done.outcome.kind == "delivered") is reached
    assert ("handshake.names-unknown" in [reason.code for reason in done.assumptions]) is assumed


def test_an_application_that_is_not_there_is_the_server_sides_503() -> None:
    policy = {"retry_policy": {"retry_on": "connect-failure", "num_retries": 2}}
    done = ask(mesh(sockets=[], route=policy))
    near, far = done.hops
    assert (done.outcome.status, done.outcome.answered_by, far.response_flags) == (503, 1, ("UF",))
    assert (near.status, near.response_flags, near.response_code_details) == (503, (), "via_upstream")


def test_a_server_without_a_proxy() -> None:
    done = ask(mesh(server_has_proxy=False))
    assert (done.outcome.kind, len(done.hops), done.netfilter[-1].socket) == ("delivered", 1, "0.0.0.0:80")
    done = ask(mesh(server_has_proxy=False, near=upstream_tls()))
    assert (done.outcome.status, done.outcome.response_flags) == (503, ("UF",))


def test_a_pod_calls_itself_by_its_service_through_its_own_inbound_side() -> None:
    done = ask(mesh(to=f"{CLIENT}:80"))
    assert (done.outcome.kind, done.outcome.status, done.outcome.pod) == ("delivered", 201, "client")
    assert [(hop.pod, hop.direction) for hop in done.hops] == [("client", "outbound"), ("client", "inbound")]
    assert [entry.way for entry in done.netfilter] == ["loop", "loop", "loop"]


def test_a_pod_calls_its_own_address_past_its_proxy() -> None:
    done = ask(mesh(), f"{CLIENT}:80")
    assert (done.outcome.kind, done.outcome.status, done.hops) == ("delivered", 201, ())


def test_a_call_from_outside_enters_on_the_servers_side() -> None:
    done = ask(mesh(), f"{SERVER}:80", **{"from": "outside"})
    (hop,) = done.hops
    assert (done.outcome.kind, hop.direction, hop.pod, hop.from_hop) == ("delivered", "inbound", "server", None)
    assert done.netfilter[0].sender == "peer"


def test_a_gateway_forwards_into_the_mesh() -> None:
    held = sidecar(
        "gate", CLIENT, outbound=[tcp_proxy()], inbound={"filters": [hcm()]}, clusters=[cluster(f"{SERVER}:80")]
    )
    gate = PodDocuments("gate", proxy=held, host=facts(addresses=[f"{CLIENT}/24"], sockets=[]))
    server = sidecar(
        "server", SERVER, outbound=[hcm()], inbound={"filters": [hcm({"cluster": INBOUND["name"]})]}, clusters=[]
    )
    made = world(gate, pod("server", SERVER, server, [{"listen": "0.0.0.0:80", "speaks": "http", "status": 200}]))
    done = ask(made, f"{CLIENT}:15006", **{"from": "outside"})
    assert [hop.pod for hop in done.hops] == ["gate", "server"]
    assert (done.outcome.kind, done.hops[1].from_hop) == ("delivered", 0)


class TestTheProxysOwnCalls:
    def test_they_start_at_a_cluster_and_meet_the_rules_as_the_proxys(self) -> None:
        made = mesh(near=upstream_tls(), inbound=downstream_tls(**ALPN))
        done = trace(made, read_call({"from": "client", "cluster": "out"}))
        near, far = done.hops
        assert (near.direction, near.received_by, near.cluster, far.direction) == ("outbound", None, "out", "inbound")
        assert (done.outcome.kind, done.netfilter[0].sender, done.netfilter[0].before.uid) == (
            "delivered",
            "proxy",
            1337,
        )
        assert (done.call.destination, done.call.authority, done.call.uid) == (None, "out", 1337)
        assert done.explain()

    def test_a_failure_ends_as_the_proxy_itself_sees_it(self) -> None:
        done = trace(mesh(sockets=[], server_has_proxy=False), read_call({"from": "client", "cluster": "out"}))
        assert (done.outcome.status, done.outcome.response_flags, done.outcome.answered_by) == (503, ("UF",), 0)

    def test_over_tcp_and_to_a_cluster_that_is_not_there(self) -> None:
        done = trace(mesh(), read_call({"from": "client", "cluster": "none", "protocol": "tcp"}))
        assert (done.outcome.kind, done.outcome.response_flags) == ("closed", ("NC",))
