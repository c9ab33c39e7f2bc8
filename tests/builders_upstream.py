"""Small upstream worlds: clusters and assignments as dicts, a proxy and a pod that hold them, states that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from meshsim.address import parse_endpoint, parse_ip
from meshsim.choices import Chooser
from meshsim.config.config_dump import ProxyDocument, read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.config.view import View
from meshsim.envoy.clusters import Cluster, compile_cluster
from meshsim.envoy.endpoints import Assignment, compile_assignment
from meshsim.envoy.network_filters.tcp_proxy import TcpProxy, compile_tcp_proxy
from meshsim.envoy.proxy import Proxy
from meshsim.envoy.route_actions import RouteAction, compile_route_action
from meshsim.envoy.stream import Stream
from meshsim.facts.connection import Connection
from meshsim.facts.conversation import Conversation
from meshsim.facts.request import Request
from meshsim.facts.residues import Residues
from meshsim.mesh import Mesh, Pod
from meshsim.netfilter.netns import Netns
from meshsim.place import Place
from meshsim.report import Draft
from meshsim.states import AtCluster, AtEndpoint, AtTls
from tests.builders_http import manager, one_route

MESH = Mesh((), {})
SLEEP = "10.80.3.109"
TLS_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def view(data: Mapping[str, Any], doc: str = "test.json") -> View:
    return View(dict(data), Place(doc))


def address(text: str) -> dict[str, Any]:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def endpoint(text: str, *, hostname: str = "", **fields: Any) -> dict[str, Any]:
    """An LbEndpoint; `health` is short for health_status, `labels` for what transport_socket_match looks at."""
    health, labels = fields.pop("health", None), fields.pop("labels", None)
    made: dict[str, Any] = {"endpoint": {"address": address(text), **({"hostname": hostname} if hostname else {})}}
    if health is not None:
        made["health_status"] = health
    if labels is not None:
        made["metadata"] = {"filter_metadata": {"envoy.transport_socket_match": labels}}
    return {**made, **fields}


def locality(*endpoints: Mapping[str, Any] | str, **fields: Any) -> dict[str, Any]:
    return {"lb_endpoints": [endpoint(each) if isinstance(each, str) else dict(each) for each in endpoints], **fields}


def assignment_view(name: str, *localities: Mapping[str, Any], **fields: Any) -> View:
    return view({"cluster_name": name, "endpoints": list(localities), **fields})


def assignment(*localities: Mapping[str, Any], **fields: Any) -> Assignment:
    return compile_assignment(assignment_view("a", *localities, **fields))


def static_cluster(*localities: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    load = {"cluster_name": "a", "endpoints": list(localities)}
    return {"name": "a", "type": "STATIC", "load_assignment": load, **fields}


def cluster(fields: Mapping[str, Any]) -> Cluster:
    return compile_cluster(view(fields))


def tls_socket(sni: str = "", **common: Any) -> dict[str, Any]:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": TLS_TYPE, "common_tls_context": common, **({"sni": sni} if sni else {})},
    }


def http_options(**fields: Any) -> dict[str, Any]:
    return {OPTIONS: {"@type": f"type.googleapis.com/{OPTIONS}", **fields}}


def dump(
    *clusters: Mapping[str, Any],
    warming: Sequence[Mapping[str, Any]] = (),
    rejected: Mapping[str, Any] | None = None,
    endpoints: Sequence[Mapping[str, Any]] | None = None,
    sections: Sequence[str] = ("clusters",),
    metadata: Mapping[str, Any] | None = None,
) -> ProxyDocument:
    """A config dump of clusters, and of endpoints where they are given."""
    base = "type.googleapis.com/envoy.admin.v3."
    configs: list[dict[str, Any]] = []
    if metadata is not None:
        configs.append({"@type": base + "BootstrapConfigDump", "bootstrap": {"node": {"metadata": dict(metadata)}}})
    if "clusters" in sections:
        active: list[dict[str, Any]] = [{"cluster": dict(each)} for each in clusters]
        if rejected is not None:
            active.append(dict(rejected))
        configs.append(
            {
                "@type": base + "ClustersConfigDump",
                "dynamic_active_clusters": active,
                "dynamic_warming_clusters": [{"cluster": dict(each)} for each in warming],
            }
        )
    if endpoints is not None:
        listed = [{"endpoint_config": dict(each)} for each in endpoints]
        configs.append({"@type": base + "EndpointsConfigDump", "dynamic_endpoint_configs": listed})
    data = {"configs": configs}
    return read_config_dump(Document("dump.json", Kind.CONFIG_DUMP, data, SourceText.of("dump.json", "")))


def pod(document: ProxyDocument | None = None, *, addresses: Sequence[str] = (SLEEP,), **fields: Any) -> Pod:
    return Pod(
        "sleep",
        tuple(parse_ip(text) for text in addresses),
        Netns("sleep"),
        Proxy(document if document is not None else dump(), "sidecar~10.80.3.109~sleep.default~default.svc"),
        **fields,
    )


def connection(local: str = "10.0.0.5:80", *, restored: bool = True) -> Connection:
    ip, port = parse_endpoint(local)
    remote = parse_ip(SLEEP)
    return Connection(ip, port, remote, 40000, remote, 40000, restored=restored)


def request(**fields: Any) -> Request:
    return evolve(Request("GET", "http", "example.com", "/", {}), **fields)


def http_via(**fields: Any) -> RouteAction:
    return compile_route_action(view({"cluster": "a", **fields}), "route", None, None)


def tcp_via(**fields: Any) -> TcpProxy:
    return compile_tcp_proxy(view({"stat_prefix": "tcp", "cluster": "a", **fields}), "envoy.tcp_proxy")


def said(**fields: Any) -> Conversation:
    sent = request(**fields)
    return Conversation(sent.version, request=sent)


def at_cluster(name: str, owner: Pod, *, via: Any = None, conversation: Conversation | None = None) -> AtCluster:
    via = http_via() if via is None else via
    said_here = conversation or said()
    stream = Stream(manager(one_route()), connection(), said_here.request)
    return AtCluster(owner, name, via, connection(), said_here, (), Residues(), 0, None, stream=stream)


def at_endpoint(
    found: Cluster,
    *,
    owner: Pod | None = None,
    via: Any = None,
    accepted: Connection | None = None,
    conversation: Conversation | None = None,
) -> AtEndpoint:
    via = http_via() if via is None else via
    owner = pod() if owner is None else owner
    return AtEndpoint(owner, found, via, accepted or connection(), conversation or said(), (), 0, None)


def at_tls(
    found: Cluster,
    *,
    owner: Pod | None = None,
    via: Any = None,
    conversation: Conversation | None = None,
    alpn_override: tuple[str, ...] = (),
) -> AtTls:
    """The state with the cluster's first endpoint chosen."""
    assert found.assignment is not None
    chosen = found.assignment.endpoints[0]
    via = http_via() if via is None else via
    owner = pod() if owner is None else owner
    return AtTls(owner, found, chosen, via, connection(), conversation or said(), alpn_override, 0, None)


def decided(stage: Any, at: Any, *, pins: Mapping[str, str] | None = None) -> tuple[Any, Any, Chooser]:
    """(picked, next state, chooser), with the explanation asked for too: it must agree."""
    chooser = Chooser(pins=dict(pins or {}))
    picked, after = stage.decide(MESH, at, chooser)
    stage.explain(MESH, at, picked)
    return picked, after, chooser


def described(stage: Any, at: Any, picked: Any) -> Any:
    """The hop as the stage describes it."""
    draft = Draft()
    stage.describe(MESH, at, picked, draft)
    return draft.hops[at.hop]
