"""Small listeners, connections and conversations for the tests of the connection side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshsim.address import parse_endpoint
from meshsim.config.config_dump import ErrorState, ProxyDocument, ResourceState
from meshsim.config.view import View
from meshsim.envoy.listeners import Listener, ListenerTable, compile_listener_table
from meshsim.envoy.proxy import Proxy
from meshsim.facts.connection import Connection
from meshsim.facts.conversation import ClientCertificate, ClientTls, Conversation
from meshsim.facts.request import Request
from meshsim.mesh import Pod
from meshsim.netfilter.netns import Netns
from meshsim.place import Place

PREFIX = "type.googleapis.com/"
FILTERS = PREFIX + "envoy.extensions.filters."
SIDECAR = "sidecar~10.80.3.109~sleep.default~default.svc.cluster.local"


def view(data: dict[str, Any]) -> View:
    return View(data, Place("t.json"))


def address(text: str) -> dict[str, Any]:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def listener_filter(short: str, **config: Any) -> dict[str, Any]:
    """`tls_inspector.v3.TlsInspector` -> its entry in listener_filters."""
    name = "envoy.filters.listener." + short.partition(".")[0]
    return {"name": name, "typed_config": {"@type": FILTERS + "listener." + short, **config}}


TLS_INSPECTOR = listener_filter("tls_inspector.v3.TlsInspector")
HTTP_INSPECTOR = listener_filter("http_inspector.v3.HttpInspector")
ORIGINAL_DST = listener_filter("original_dst.v3.OriginalDst")
PROXY_PROTOCOL = listener_filter("proxy_protocol.v3.ProxyProtocol")


def tcp_proxy(cluster: str = "c", **config: Any) -> dict[str, Any]:
    """`weighted_clusters` takes the cluster's place."""
    typed = {"@type": FILTERS + "network.tcp_proxy.v3.TcpProxy", "stat_prefix": "x", **config}
    if "weighted_clusters" not in config:
        typed["cluster"] = cluster
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": typed}


def hcm() -> dict[str, Any]:
    typed = {
        "@type": FILTERS + "network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
        "rds": {"route_config_name": "80", "config_source": {"ads": {}}},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": FILTERS + "http.router.v3.Router"}}
        ],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": typed}


def tls_socket(*, require: bool = False, ca: bool = False, alpn: tuple[str, ...] = (), **common: Any) -> dict[str, Any]:
    if ca:
        common["validation_context"] = {"trusted_ca": {"filename": "ca.pem"}}
    config = {
        "@type": PREFIX + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": list(alpn), **common},
        "require_client_certificate": require,
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def chain(
    name: str = "", *filters: dict[str, Any], match: Mapping[str, Any] | None = None, **rest: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"filters": list(filters) or [tcp_proxy()], **rest}
    if name:
        made["name"] = name
    if match is not None:
        made["filter_chain_match"] = dict(match)
    return made


def listener_config(name: str, at: str, *chains: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"name": name, "address": address(at), "filter_chains": list(chains), **rest}


def state(config: dict[str, Any], *, version: str = "") -> ResourceState:
    made = view(config)
    return ResourceState(made.text("name", ""), made, static=False, state=view({"version_info": version}))


def refused(name: str, failed: dict[str, Any] | None, *, active: dict[str, Any] | None = None) -> ResourceState:
    error = ErrorState("it is wrong", "2025-02-17T14:49:37Z", "v2", view(failed) if failed else None, Place("t.json"))
    in_force = view(active) if active is not None else None
    return ResourceState(name, in_force, static=False, state=view({}), errors=(error,))


def warming(name: str, config: dict[str, Any]) -> ResourceState:
    return ResourceState(name, None, static=False, state=view({}), warming=view(config))


def document(*configs: dict[str, Any] | ResourceState) -> ProxyDocument:
    states = [each if isinstance(each, ResourceState) else state(each) for each in configs]
    return ProxyDocument(listeners={each.name: each for each in states}, sections=frozenset({"listeners"}))


def listener_table(*configs: dict[str, Any] | ResourceState) -> ListenerTable:
    return compile_listener_table(document(*configs))


def one_listener(*chains: dict[str, Any], at: str = "0.0.0.0:15001", **rest: Any) -> Listener:
    return listener_table(listener_config("one", at, *chains, **rest)).listeners[0]


def pod(*configs: dict[str, Any] | ResourceState, node_id: str = SIDECAR) -> Pod:
    return Pod("sleep", (parse_endpoint("10.80.3.109:0")[0],), Netns("sleep"), Proxy(document(*configs), node_id))


def connection(local: str = "127.0.0.1:15001", remote: str = "10.80.3.109:40000", **rest: Any) -> Connection:
    (to, to_port), (source, source_port) = parse_endpoint(local), parse_endpoint(remote)
    original = rest.pop("original", None)
    direct, direct_port = parse_endpoint(rest.pop("direct", remote))
    return Connection(
        local=to,
        local_port=to_port,
        remote=source,
        remote_port=source_port,
        direct_remote=direct,
        direct_remote_port=direct_port,
        original=parse_endpoint(original) if original is not None else None,
        **rest,
    )


def http(version: str = "http/1.1", tls: ClientTls | None = None) -> Conversation:
    return Conversation(version, tls=tls, request=Request("GET", "http", "a", "/", {}, version))


def tcp(payload: str = "", **rest: Any) -> Conversation:
    return Conversation("tcp", payload=payload, **rest)


SILENT = Conversation("tcp", server_first=True)


def hello(sni: str | None = None, *alpn: str, certificate: ClientCertificate | None = None) -> ClientTls:
    return ClientTls(sni, alpn, certificate)
