"""The harness itself, live: a hand-written proxy and rules small enough to know every answer."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.realism.stack import Setup, Stack, stack
from tests.realism.upstreams import ServerTls, Upstream

pytestmark = pytest.mark.real

POD = "10.90.0.2"
RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:CAUGHT - [0:0]
-A OUTPUT -p tcp -j CAUGHT
-A CAUGHT -m owner --uid-owner 1337 -j RETURN
-A CAUGHT -d 127.0.0.0/8 -j RETURN
-A CAUGHT -p tcp -m tcp --dport 9999 -j RETURN
-A CAUGHT -p tcp -j REDIRECT --to-ports 15001
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 7777 -j DROP
COMMIT
"""
TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
TLS = {
    "name": "envoy.transport_sockets.tls",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": "secured.example",
        "common_tls_context": {
            "alpn_protocols": ["one", "http/1.1"],
            "tls_certificate_sds_secret_configs": [{"name": "default"}],
            "validation_context_sds_secret_config": {"name": "ROOTCA"},
        },
    },
}


def socket_address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def dump() -> dict[str, Any]:
    table = {
        "name": "80",
        "virtual_hosts": [
            {
                "name": "known",
                "domains": ["known.example"],
                "routes": [
                    {"name": "secured", "match": {"path": "/secured"}, "route": {"cluster": "secured"}},
                    {"name": "empty", "match": {"path": "/empty"}, "route": {"cluster": "empty"}},
                    {
                        "name": "rest",
                        "match": {"prefix": "/"},
                        "route": {"cluster": "passthrough", "prefix_rewrite": "/new/"},
                    },
                ],
            }
        ],
    }
    http = {"stat_prefix": "http", "rds": {"route_config_name": "80"}, "http_filters": [ROUTER]}
    listeners = [
        {
            "name": "outbound",
            "address": socket_address("0.0.0.0", 15001),
            "use_original_dst": True,
            "filter_chains": [
                {"name": "all", "filters": [network_filter(TCP_PROXY, stat_prefix="t", cluster="passthrough")]}
            ],
        },
        {
            "name": "http",
            "address": socket_address("0.0.0.0", 80),
            "bind_to_port": False,
            "filter_chains": [{"name": "chain", "filters": [network_filter(HCM, **http)]}],
        },
    ]
    clusters = [
        {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"},
        {"name": "secured", "type": "EDS", "transport_socket": TLS},
        {"name": "empty", "type": "EDS"},
    ]
    assigned = {
        "cluster_name": "secured",
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address("10.90.0.20", 443)}}]}],
    }
    return {
        "configs": [
            {
                "@type": "x.ListenersConfigDump",
                "dynamic_listeners": [{"active_state": {"listener": each}} for each in listeners],
            },
            {"@type": "x.ClustersConfigDump", "dynamic_active_clusters": [{"cluster": each} for each in clusters]},
            {"@type": "x.RoutesConfigDump", "dynamic_route_configs": [{"route_config": table}]},
            {"@type": "x.EndpointsConfigDump", "dynamic_endpoint_configs": [{"endpoint_config": assigned}]},
        ]
    }


def network_filter(kind: str, **config: Any) -> dict[str, Any]:
    return {"name": kind.rpartition(".")[2], "typed_config": {"@type": kind, **config}}


@pytest.fixture(scope="module")
def live() -> Iterator[Stack]:
    setup = Setup(
        dump=dump(),
        rules=RULES,
        pod="here",
        pod_address=POD,
        world=[
            Upstream("0.0.0.0:80", "http", name="plain"),
            Upstream("0.0.0.0:5000", "tcp", name="bytes"),
            Upstream("0.0.0.0:5001", "banner", name="first"),
            Upstream("0.0.0.0:9999", "http", name="direct", status=203),
            Upstream(
                "10.90.0.20:443",
                "http",
                name="secured",
                tls=ServerTls(dns_sans=("secured.example",), alpn=("http/1.1",)),
            ),
        ],
        pod_sockets=[Upstream("0.0.0.0:8080", "http", name="app"), Upstream("0.0.0.0:7777", "http", name="barred")],
        unreachable=["192.0.2.0/24"],
    )
    with stack(setup) as running:
        yield running


def one(live: Stack, **call: Any) -> dict[str, Any]:
    (seen,) = live.observe([call])
    return seen


def test_an_http_call_is_seen_from_all_sides(live: Stack) -> None:
    seen = one(live, destination="10.9.9.9:80", authority="known.example", path="/a?b=c", headers={"X-One": ["1", "2"]})
    (hop,) = seen["hops"]
    assert (hop["listener"], hop["filter_chain"], hop["virtual_host"], hop["route"]) == (
        "http",
        "chain",
        "known",
        "rest",
    )
    assert (hop["cluster"], hop["endpoint"], hop["original_destination"]) == (
        "passthrough",
        "10.9.9.9:80",
        "10.9.9.9:80",
    )
    assert (hop["status"], hop["response_flags"], hop["response_code_details"]) == (200, [], "via_upstream")
    (received,) = seen["upstream"]
    assert (received["path"], received["authority"], received["local"]) == (
        "/new/a?b=c",
        "known.example",
        "10.9.9.9:80",
    )
    assert [value for name, value in received["headers"] if name == "x-one"] == ["1", "2"]
    assert seen["call"]["source"] == hop["downstream"]["remote"]


def test_the_kernels_path_is_numbered_as_in_the_saved_text(live: Stack) -> None:
    caught, left = one(live, destination="10.9.9.9:80", authority="known.example")["netfilter"]
    assert caught["rules"] == ["nat/OUTPUT/1", "nat/CAUGHT/4"]
    assert (caught["sender"], caught["way"], caught["destination"]) == ("application", "loop", "127.0.0.1:15001")
    assert (caught["result"], caught["interface"], caught["before"]["interface"]) == ("socket", "lo", "eth0")
    assert caught["chains"] == ["nat/OUTPUT", "filter/OUTPUT", "nat/POSTROUTING", "filter/INPUT"]
    assert left["rules"] == ["nat/OUTPUT/1", "nat/CAUGHT/1"]
    assert (left["sender"], left["way"], left["result"]) == ("proxy", "out", "wire")


def test_no_virtual_host_and_no_endpoint(live: Stack) -> None:
    unknown, empty = live.observe(
        [
            {"destination": "10.9.9.9:80", "authority": "unknown.example"},
            {"destination": "10.9.9.9:80", "authority": "known.example", "path": "/empty"},
        ]
    )
    assert (unknown["client"]["status"], unknown["hops"][0]["response_flags"]) == (404, ["NR"])
    assert unknown["hops"][0]["virtual_host"] is None
    assert (empty["client"]["status"], empty["hops"][0]["response_flags"]) == (503, ["UH"])
    assert empty["client"]["body"] == "no healthy upstream"
    assert not unknown["upstream"]
    assert not empty["upstream"]


def test_tls_to_an_upstream_is_read_from_its_first_bytes(live: Stack) -> None:
    (received,) = one(live, destination="10.9.9.9:80", authority="known.example", path="/secured")["upstream"]
    assert received["tls"]["sni"] == "secured.example"
    assert received["tls"]["alpn_offered"] == ["one", "http/1.1"]
    assert received["tls"]["alpn"] == "http/1.1"
    assert received["tls"]["client_certificate"] == ["spiffe://cluster.local/ns/default/sa/sleep"]


def test_plain_bytes_and_a_server_that_speaks_first(live: Stack) -> None:
    spoken, silent = live.observe(
        [
            {"destination": "10.9.9.9:5000", "protocol": "tcp", "payload": "hello"},
            {"destination": "10.9.9.9:5001", "protocol": "tcp", "payload": ""},
        ]
    )
    assert (spoken["hops"][0]["listener"], spoken["hops"][0]["kind"]) == ("outbound", "tcp")
    assert spoken["upstream"][0]["received"] == "hello"
    assert (silent["client"]["ended"], silent["client"]["body"]) == ("data", "hello\n")


def test_uids_and_excluded_ports_go_past_the_proxy(live: Stack) -> None:
    proxy, excluded = live.observe(
        [{"destination": "10.9.9.9:80", "uid": 1337, "gid": 1337}, {"destination": "10.9.9.9:9999", "uid": 1000}]
    )
    assert proxy["hops"] == excluded["hops"] == []
    assert (proxy["netfilter"][0]["rules"][-1], excluded["netfilter"][0]["rules"][-1]) == (
        "nat/CAUGHT/1",
        "nat/CAUGHT/3",
    )
    assert excluded["client"]["status"] == 203
    assert proxy["upstream"][0]["peer"] == proxy["call"]["source"]


def test_refused_dropped_and_lost(live: Stack) -> None:
    refused, dropped, lost = live.observe(
        [
            {"destination": "127.0.0.1:81"},
            {"destination": f"{POD}:7777", "from": "outside", "source": "10.0.0.9:33333", "timeout": 0.5},
            {"destination": "192.0.2.1:9999", "timeout": 0.5},
        ]
    )
    assert (refused["client"]["ended"], refused["netfilter"][0]["result"]) == ("refused", "refused")
    assert (dropped["client"]["ended"], dropped["netfilter"][0]["by"]) == ("nothing", "filter/INPUT/1")
    assert dropped["netfilter"][0]["sender"] == "peer"
    assert (lost["client"]["ended"], lost["netfilter"][0]["result"]) == ("nothing", "wire")


def test_a_peer_of_any_address_reaches_the_pod(live: Stack) -> None:
    seen = one(live, destination=f"{POD}:8080", **{"from": "outside"}, source="203.0.113.77:4321")
    assert seen["upstream"][0]["peer"] == "203.0.113.77:4321"
    assert seen["netfilter"][0]["way"] == "in"
    assert seen["hops"] == []


def test_many_calls_keep_apart(live: Stack) -> None:
    calls = [
        {"destination": f"10.9.9.{number}:80", "authority": "known.example", "path": f"/{number}"}
        for number in range(1, 21)
    ]
    for number, seen in enumerate(live.observe(calls), start=1):
        assert [hop["endpoint"] for hop in seen["hops"]] == [f"10.9.9.{number}:80"]
        assert [record["path"] for record in seen["upstream"]] == [f"/new/{number}"]
        assert len(seen["netfilter"]) == 2


def test_nothing_is_left_behind() -> None:
    setup = Setup(dump=dump(), rules=RULES, pod="here", pod_address=POD)
    with pytest.raises(ZeroDivisionError), stack(setup) as running:
        names = {running.network.pod.name, running.network.world.name}
        assert names <= _namespaces()
        raise ZeroDivisionError
    assert not names & _namespaces()


def _namespaces() -> set[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, timeout=20, check=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.strip()}
