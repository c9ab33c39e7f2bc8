"""TLS chains of every kind, and clients that fit them or just miss: versions, ALPN, certificates, names, plaintext."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.setting import POD, POD_ADDRESS, Setting

TYPES = "type.googleapis.com/envoy.extensions."
INSPECTOR = f"{TYPES}filters.listener.tls_inspector.v3.TlsInspector"
"""Without it the log knows no SNI."""
FIRST_PORT, APPLICATION = 7001, 9000
Fields = Mapping[str, Any]

REQUIRED: Fields = {"require_client_certificate": True}
CERTIFICATE: Fields = {"tls_certificate_sds_secret_configs": [{"name": "default"}]}
URI, OTHER_URI = "spiffe://td/ns/a/sa/b", "spiffe://other/ns/a/sa/c"
CLIENTS: dict[str, Fields | None] = {
    "plaintext": None,
    "no certificate": {"sni": "a.test", "alpn": ["h2", "http/1.1"]},
    "nothing stated": {"sni": None, "alpn": []},
    "Istio's names": {"sni": "outbound_.80_._.a", "alpn": ["istio-http/1.1", "istio", "http/1.1"]},
    "unknown names": {"sni": "b.test", "alpn": ["x"]},
}
CERTIFICATES: dict[str, Fields] = {
    "URI": {"uri_sans": [URI]},
    "other URI": {"uri_sans": [OTHER_URI]},
    "DNS": {"dns_sans": ["a.example"]},
    "star": {"dns_sans": ["*.example"]},
    "URI and DNS": {"uri_sans": [URI], "dns_sans": ["b.other"]},
    "several": {"uri_sans": [OTHER_URI, "spiffe://td/ns/x/sa/y"], "dns_sans": ["A.EXAMPLE", "c.b.example"]},
    "no names": {},
    "untrusted": {"uri_sans": [URI], "trusted": False},
    "expired": {"uri_sans": [URI], "expired": True},
    "untrusted and expired": {"uri_sans": [URI], "trusted": False, "expired": True},
}


def names(kind: str, **matcher: Any) -> Fields:
    return {"match_typed_subject_alt_names": [{"san_type": kind, "matcher": matcher}]}


def context(common: Fields | None = None, checks: Fields | None = None, **fields: Any) -> Fields:
    made = {**CERTIFICATE, **(common or {})}
    if checks is not None:
        made["combined_validation_context"] = {
            "default_validation_context": dict(checks),
            "validation_context_sds_secret_config": {"name": "ROOTCA"},
        }
    kind = f"{TYPES}transport_sockets.tls.v3.DownstreamTlsContext"
    return {"name": "tls", "typed_config": {"@type": kind, "common_tls_context": made, **fields}}


def versions(lowest: str, highest: str) -> Fields:
    return {"tls_params": {"tls_minimum_protocol_version": lowest, "tls_maximum_protocol_version": highest}}


def wrapped(kind: str, inner: Fields, **fields: Any) -> Fields:
    config = {"@type": f"{TYPES}transport_sockets.{kind}", "transport_socket": inner, **fields}
    return {"name": "wrapper", "typed_config": config}


EITHER = {
    "match_typed_subject_alt_names": [
        {"san_type": "DNS", "matcher": {"exact": "nobody"}},
        {"san_type": "URI", "matcher": {"exact": OTHER_URI}},
    ]
}
SOCKETS: dict[str, Fields | None] = {
    "plaintext": None,
    "raw_buffer": {"name": "raw", "typed_config": {"@type": f"{TYPES}transport_sockets.raw_buffer.v3.RawBuffer"}},
    "tcp_stats": wrapped("tcp_stats.v3.Config", context(checks={}, **REQUIRED)),
    "one-sided": context(),
    "asks": context(checks={}),
    "requires": context(checks={}, **REQUIRED),
    "requires, nothing to check against": context(**REQUIRED),
    "h2 first": context({"alpn_protocols": ["h2", "http/1.1"]}),
    "http/1.1 first": context({"alpn_protocols": ["http/1.1", "h2"]}),
    "Istio's": context({"alpn_protocols": ["istio-peer-exchange", "h2", "http/1.1"]}, {}, **REQUIRED),
    "foreign": context({"alpn_protocols": ["y"]}),
    "1.0 and 1.1": context(versions("TLSv1_0", "TLSv1_1")),
    "1.2": context(versions("TLSv1_2", "TLSv1_2"), {}, **REQUIRED),
    "1.3": context(versions("TLSv1_3", "TLSv1_3"), {}, **REQUIRED),
    "URI exact": context(checks=names("URI", exact=URI), **REQUIRED),
    "URI exact, none required": context(checks=names("URI", exact=URI)),
    "URI prefix": context(checks=names("URI", prefix="spiffe://td/")),
    "URI suffix": context(checks=names("URI", suffix="/sa/c")),
    "URI contains": context(checks=names("URI", contains="/ns/A/", ignore_case=True)),
    "URI regex": context(checks=names("URI", safe_regex={"regex": "spiffe://[a-z]+/ns/x/.*"})),
    "URI regex of a part": context(checks=names("URI", safe_regex={"regex": "spiffe"})),
    "DNS exact": context(checks=names("DNS", exact="a.example"), **REQUIRED),
    "DNS exact, deeper": context(checks=names("DNS", exact="c.b.example")),
    "DNS prefix": context(checks=names("DNS", prefix="a.")),
    "DNS suffix": context(checks=names("DNS", suffix=".other")),
    "IP": context(checks=names("IP_ADDRESS", exact="10.0.0.1"), **REQUIRED),
    "e-mail": context(checks=names("EMAIL", suffix="@a.example")),
    "one of two": context(checks=EITHER),
    "untyped": context(checks={"match_subject_alt_names": [{"exact": "a.example"}, {"prefix": "spiffe://other/"}]}),
    "untrusted accepted": context(checks={"trust_chain_verification": "ACCEPT_UNTRUSTED"}, **REQUIRED),
    "untrusted accepted, none required": context(checks={"trust_chain_verification": "ACCEPT_UNTRUSTED"}),
    "untrusted accepted, with names": context(
        checks={"trust_chain_verification": "ACCEPT_UNTRUSTED", **names("URI", exact=URI)}
    ),
    "expired accepted": context(checks={"allow_expired_certificate": True}, **REQUIRED),
    "expired accepted, with names": context(checks={"allow_expired_certificate": True, **names("URI", exact=URI)}),
    "SNI demanded": context(checks={}, require_sni=True),
}


PLAIN = ("plaintext", "raw_buffer")


def settings() -> Iterator[Setting]:
    for kind, network_filter in (("http", http("application")), ("tcp", tcp("application"))):
        yield Setting(
            name=kind,
            dump=_dump(network_filter),
            calls=list(_calls(kind)),
            configurations=len(SOCKETS),
            pod_sockets=[Upstream(f"0.0.0.0:{APPLICATION}", "auto", name="any")],
            marks=["downstream TLS"],
        )


def label(port: str) -> str:
    return list(SOCKETS)[int(port) - FIRST_PORT]


def _calls(kind: str) -> Iterator[Fields]:
    for index, name in enumerate(SOCKETS):
        target = {"from": "outside", "pod": POD, "destination": f"{POD_ADDRESS}:{FIRST_PORT + index}"}
        if kind == "http":
            said: Fields = {"protocol": "http", "authority": "a.test"}
        else:
            said = {"protocol": "tcp", "payload": "\u0001\u0002bytes\n"}
        for client, tls in CLIENTS.items():
            if kind == "tcp" and name not in PLAIN and (client == "plaintext" or name == "1.0 and 1.1"):
                continue  # whether the upstream has answered the dial by then is a race
            yield {**target, **said, "tls": None if tls is None else dict(tls)}
        if name in ("plaintext", "raw_buffer", "1.0 and 1.1", "h2 first", "http/1.1 first"):
            continue
        for certificate in CERTIFICATES.values():
            yield {**target, **said, "tls": {"sni": "a.test", "alpn": ["http/1.1"], "client_certificate": certificate}}


def _dump(network_filter: Fields) -> dict[str, Any]:
    listeners = []
    for index, (name, socket) in enumerate(SOCKETS.items()):
        chain: dict[str, Any] = {"name": name, "filters": [network_filter]}
        if socket is not None:
            chain["transport_socket"] = socket
        address = {"socket_address": {"address": "0.0.0.0", "port_value": FIRST_PORT + index}}
        inspector = {"name": "tls_inspector", "typed_config": {"@type": INSPECTOR}}
        listener = {"name": name, "address": address, "listener_filters": [inspector], "filter_chains": [chain]}
        listeners.append({"name": name, "active_state": {"listener": listener}})
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": APPLICATION}}}
    cluster = {
        "name": "application",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "application",
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }
    prefix = "type.googleapis.com/envoy.admin.v3."
    return {
        "configs": [
            {"@type": f"{prefix}ClustersConfigDump", "dynamic_active_clusters": [{"cluster": cluster}]},
            {"@type": f"{prefix}ListenersConfigDump", "dynamic_listeners": listeners},
        ]
    }


def tcp(cluster: str) -> Fields:
    kind = f"{TYPES}filters.network.tcp_proxy.v3.TcpProxy"
    return {"name": "tcp", "typed_config": {"@type": kind, "stat_prefix": "tcp", "cluster": cluster}}


def http(cluster: str) -> Fields:
    manager = f"{TYPES}filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = {"name": "router", "typed_config": {"@type": f"{TYPES}filters.http.router.v3.Router"}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    table = {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]}
    config = {"@type": manager, "stat_prefix": "http", "http_filters": [router], "route_config": table}
    return {"name": "http", "typed_config": config}
