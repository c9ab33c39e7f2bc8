"""Two hosts: a gate whose Envoy takes every call at 10.1.0.1:8080, and whatever it dials at 10.1.0.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshsim.assemble import assemble
from meshsim.config.capture import PodDocuments
from meshsim.config.config_dump import ProxyDocument, read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.config.host_facts import HostFacts, read_host_facts
from meshsim.facts.call import Call, read_call
from meshsim.mesh import Mesh
from meshsim.stages import STAGES
from meshsim.trace import Trace, trace

GATE, FAR = "10.1.0.1", "10.1.0.2"
TYPES = "type.googleapis.com/envoy.extensions."
ROUTER = {"name": "router", "typed_config": {"@type": TYPES + "filters.http.router.v3.Router"}}
NOTHING_TO_RETRY = {"retry_on": "connect-failure", "num_retries": 1}
PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {"@type": TYPES + "retry.host.previous_hosts.v3.PreviousHostsPredicate"},
}


def address(text: str) -> dict[str, Any]:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def cluster(*endpoints: str | Sequence[str], name: str = "out", **fields: Any) -> dict[str, Any]:
    """Endpoints `ip:port`, at 10.1.0.2:80 unless given; a list is one priority."""
    groups = [[each] if isinstance(each, str) else list(each) for each in endpoints or (f"{FAR}:80",)]
    if all(isinstance(each, str) for each in endpoints):
        groups = [[each for group in groups for each in group]]
    localities = [
        {"priority": number, "lb_endpoints": [{"endpoint": {"address": address(text)}} for text in group]}
        for number, group in enumerate(groups)
    ]
    made = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": localities},
    }
    return {**made, **fields}


def upstream_tls(*, certificate: bool = True, tls13: bool = False, san: Sequence[str] = ()) -> dict[str, Any]:
    validation: dict[str, Any] = {"trusted_ca": {"filename": "ca.pem"}}
    if san:
        matchers = [{"san_type": "URI", "matcher": {"exact": name}} for name in san]
        validation["match_typed_subject_alt_names"] = matchers
    common: dict[str, Any] = {"validation_context": validation, "alpn_protocols": ["istio", "h2"]}
    if certificate:
        common["tls_certificate_sds_secret_configs"] = [{"name": "default"}]
    if tls13:
        common["tls_params"] = {"tls_maximum_protocol_version": "TLSv1_3"}
    kind = TYPES + "transport_sockets.tls.v3.UpstreamTlsContext"
    socket = {"name": "tls", "typed_config": {"@type": kind, "common_tls_context": common}}
    return {"transport_socket": socket}


def downstream_tls(**fields: Any) -> dict[str, Any]:
    """The transport socket of a chain that wants a client certificate."""
    common = {
        "validation_context": {"trusted_ca": {"filename": "ca.pem"}},
        "alpn_protocols": ["h2", "http/1.1"],
        **fields.pop("common", {}),
    }
    kind = TYPES + "transport_sockets.tls.v3.DownstreamTlsContext"
    config = {"@type": kind, "common_tls_context": common, "require_client_certificate": True, **fields}
    return {"transport_socket": {"name": "tls", "typed_config": config}}


def tcp_proxy(name: str = "out", **fields: Any) -> dict[str, Any]:
    kind = TYPES + "filters.network.tcp_proxy.v3.TcpProxy"
    return {"name": "tcp_proxy", "typed_config": {"@type": kind, "stat_prefix": "x", "cluster": name, **fields}}


def hcm(route: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A manager with one route, to cluster `out` unless the route says otherwise."""
    action = (
        route if route is not None and "direct_response" in route else {"route": {"cluster": "out", **(route or {})}}
    )
    virtual_host = {"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}
    kind = TYPES + "filters.network.http_connection_manager.v3.HttpConnectionManager"
    made = {
        "@type": kind,
        "stat_prefix": "x",
        "http_filters": [*fields.pop("filters", ()), ROUTER],
        "route_config": {"name": "r", "virtual_hosts": [virtual_host]},
        # the test's clients are taken for the mesh's own, so that their x-envoy- headers count
        "use_remote_address": True,
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "192.0.2.0", "prefix_len": 24}]},
        **fields,
    }
    return {"name": "hcm", "typed_config": made}


def proxy(
    *filters: Mapping[str, Any],
    at: str = f"{GATE}:8080",
    clusters: Sequence[Mapping[str, Any]] = (),
    awaited: Sequence[str] = (),
    runtime: Mapping[str, Any] | None = None,
    **chain: Any,
) -> ProxyDocument:
    """`awaited` are secrets that nobody delivered; `runtime` a static layer."""
    listener = {"name": "front", "address": address(at), "filter_chains": [{"filters": list(filters), **chain}]}
    sections = [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": [{"name": "front", "active_state": {"listener": listener}}],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "static_clusters": [{"cluster": dict(each)} for each in clusters],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
            "dynamic_warming_secrets": [{"name": name, "secret": {"name": name}} for name in awaited],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
            "bootstrap": {"layered_runtime": {"layers": [{"name": "static", "static_layer": dict(runtime or {})}]}},
        },
    ]
    source = SourceText.of("dump.json", "")
    return read_config_dump(Document("dump.json", Kind.CONFIG_DUMP, {"configs": sections}, source))


def facts(**data: Any) -> HostFacts:
    source = SourceText.of("host.yaml", "")
    return read_host_facts(Document("host.yaml", Kind.HOST_FACTS, {"kind": "HostFacts", **data}, source))


def far(*sockets: Mapping[str, Any], held: ProxyDocument | None = None) -> PodDocuments:
    """The host at 10.1.0.2 with these sockets; nothing else listens there."""
    stated = [{"listen": "0.0.0.0:80", **socket} for socket in sockets]
    return PodDocuments("far", proxy=held, host=facts(addresses=[f"{FAR}/24"], sockets=stated))


def speaks(what: str, **more: Any) -> PodDocuments:
    return far({"speaks": what, **more})


def gate(
    *filters: Mapping[str, Any],
    clusters: Sequence[Mapping[str, Any]] = (),
    unreachable: Sequence[str] = (),
    awaited: Sequence[str] = (),
    **chain: Any,
) -> PodDocuments:
    host = facts(addresses=[f"{GATE}/24"], sockets=[], unreachable=list(unreachable))
    held = proxy(*filters, clusters=clusters or (cluster(),), awaited=awaited, **chain)
    return PodDocuments("gate", proxy=held, host=host)


def world(*pods: PodDocuments) -> Mesh:
    return assemble(pods, STAGES)


def ask(mesh: Mesh, **fields: Any) -> Trace:
    """A call from outside to the gate; each decision is explained, which tests it."""
    call: Call = read_call({"from": "outside", "destination": f"{GATE}:8080", "source": "192.0.2.9:1234", **fields})
    done = trace(mesh, call)
    assert done.explain()
    return done
