"""One listener of a proxy dials another with TLS: every near side meets every far side, over HTTP and over TCP."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import downstream_tls
from tests.truth.families.downstream_tls import APPLICATION, CERTIFICATE, INSPECTOR, REQUIRED, TYPES, names, versions
from tests.truth.setting import POD, POD_ADDRESS, Setting

FIRST_NEAR, FIRST_FAR = 11001, 8001
Fields = Mapping[str, Any]
OWN, OTHER = "spiffe://cluster.local/ns/default/sa/sleep", "spiffe://cluster.local/ns/a/sa/other"


def context(common: Fields | None = None, checks: Fields | None = None, **fields: Any) -> Fields:
    made = dict(common or {})
    if checks is not None:
        made["combined_validation_context"] = {
            "default_validation_context": dict(checks),
            "validation_context_sds_secret_config": {"name": "ROOTCA"},
        }
    kind = f"{TYPES}transport_sockets.tls.v3.UpstreamTlsContext"
    return {"name": "tls", "typed_config": {"@type": kind, "common_tls_context": made, **fields}}


NEAR: dict[str, Fields | None] = {
    "plaintext": None,
    "any server": context(sni="a.test"),
    "its authority": context(checks={}, sni="a.test"),
    "mTLS": context(CERTIFICATE, names("URI", exact=OWN), sni="a.test"),
    "mTLS, another's name": context(CERTIFICATE, names("URI", exact=OTHER), sni="a.test"),
    "a name, no certificate": context(checks=names("URI", exact=OWN)),
    "1.3": context({**CERTIFICATE, **versions("TLSv1_2", "TLSv1_3")}, names("URI", exact=OWN)),
    "1.3, no certificate": context(versions("TLSv1_2", "TLSv1_3"), {}),
    "1.3 only": context({**CERTIFICATE, **versions("TLSv1_3", "TLSv1_3")}, {}),
    "h2 offered": context({**CERTIFICATE, "alpn_protocols": ["h2", "http/1.1"]}),
    "Istio's names": context({**CERTIFICATE, "alpn_protocols": ["istio-peer-exchange", "istio"]}, {}, sni="b.test"),
    "wrapped": downstream_tls.wrapped("tcp_stats.v3.Config", context(CERTIFICATE, {}, sni="a.test")),
}
FAR: dict[str, Fields | None] = {
    "plaintext": None,
    "one-sided": downstream_tls.context(),
    "asks": downstream_tls.context(checks={}),
    "STRICT": downstream_tls.context({"alpn_protocols": ["h2", "http/1.1"]}, {}, **REQUIRED),
    "STRICT, 1.2": downstream_tls.context(versions("TLSv1_2", "TLSv1_2"), {}, **REQUIRED),
    "STRICT, 1.3": downstream_tls.context(versions("TLSv1_3", "TLSv1_3"), {}, **REQUIRED),
    "our name": downstream_tls.context(checks=names("URI", exact=OWN)),
    "another's name": downstream_tls.context(checks=names("URI", exact=OTHER)),
}
CHAINS: dict[str, Fields] = {
    "no chain for it": {"filter_chain_match": {"destination_port": 1}},
    "only TLS": {"filter_chain_match": {"transport_protocol": "tls"}},
    "only plaintext": {"filter_chain_match": {"transport_protocol": "raw_buffer"}},
    "only b.test": {"filter_chain_match": {"server_names": ["b.test"]}},
    "only Istio's": {"filter_chain_match": {"application_protocols": ["istio"]}},
}
FAR_SIDES = (*FAR, *CHAINS)
PAIRS = [(near, far) for near in NEAR for far in FAR_SIDES]
INSPECTED = tuple(name for name in FAR if name != "plaintext")
TLS_OF_CHAINS = ("only TLS", "only b.test", "only Istio's")


def label(port: str) -> str:
    near, far = PAIRS[int(port) - FIRST_NEAR]
    return f"{near} -> {far}"


def settings() -> Iterator[Setting]:
    for near_kind in ("http", "tcp"):
        for far_kind in ("http", "tcp"):
            yield Setting(
                name=f"{near_kind} to {far_kind}",
                dump=_dump(near_kind, far_kind),
                calls=[
                    _call(near_kind, index)
                    for index, (near, far) in enumerate(PAIRS)
                    # what an application makes of a ClientHello is its own affair
                    if (far_kind, far) != ("tcp", "plaintext") or near == "plaintext"
                ],
                configurations=len(NEAR) + len(FAR_SIDES),
                pod_sockets=[Upstream(f"0.0.0.0:{APPLICATION}", "auto", name="any")],
                marks=["upstream TLS"],
            )


def _call(kind: str, index: int) -> Fields:
    target = {"from": "outside", "pod": POD, "destination": f"{POD_ADDRESS}:{FIRST_NEAR + index}"}
    if kind == "http":
        return {**target, "protocol": "http", "authority": "a.test"}
    return {**target, "protocol": "tcp", "payload": "\u0001\u0002bytes\n"}


def _dump(near_kind: str, far_kind: str) -> dict[str, Any]:
    # One far listener a pair: the log has no address of a connection whose handshake failed, so its port must tell.
    listeners = [_far(index, far, far_kind) for index, (_near, far) in enumerate(PAIRS)]
    clusters = [_cluster("application", "127.0.0.1", APPLICATION, None)]
    for index, (near, far) in enumerate(PAIRS):
        name = f"{near} to {far}"
        clusters.append(_cluster(name, POD_ADDRESS, FIRST_FAR + index, NEAR[near]))
        chain = {"name": name, "filters": [_filter(near_kind, name)]}
        listeners.append({"name": name, "address": _address("0.0.0.0", FIRST_NEAR + index), "filter_chains": [chain]})
    prefix = "type.googleapis.com/envoy.admin.v3."
    metadata = {"MESH_ID": "cluster.local", "NAMESPACE": "default", "SERVICE_ACCOUNT": "sleep"}
    node = {"id": f"sidecar~{POD_ADDRESS}~{POD}.default~default.svc.cluster.local", "metadata": metadata}
    return {
        "configs": [
            {"@type": f"{prefix}BootstrapConfigDump", "bootstrap": {"node": node}},
            {"@type": f"{prefix}ClustersConfigDump", "dynamic_active_clusters": [{"cluster": c} for c in clusters]},
            {
                "@type": f"{prefix}ListenersConfigDump",
                "dynamic_listeners": [{"name": each["name"], "active_state": {"listener": each}} for each in listeners],
            },
        ]
    }


def _far(index: int, name: str, kind: str) -> dict[str, Any]:
    chain: dict[str, Any] = {"name": name, "filters": [_filter(kind, "application")], **CHAINS.get(name, {})}
    socket = downstream_tls.context() if name in TLS_OF_CHAINS else FAR.get(name)
    if socket is not None:
        chain["transport_socket"] = socket
    made = {"name": f"far {index} {name}", "address": _address("0.0.0.0", FIRST_FAR + index), "filter_chains": [chain]}
    if name in CHAINS or name in INSPECTED:
        made["listener_filters"] = [{"name": "tls_inspector", "typed_config": {"@type": INSPECTOR}}]
    return made


def _cluster(name: str, host: str, port: int, socket: Fields | None) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(host, port)}}
    made: dict[str, Any] = {"name": name, "type": "STATIC", "connect_timeout": "2s"}
    made["load_assignment"] = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    if socket is not None:
        made["transport_socket"] = socket
    return made


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _filter(kind: str, cluster: str) -> Fields:
    return downstream_tls.http(cluster) if kind == "http" else downstream_tls.tcp(cluster)
