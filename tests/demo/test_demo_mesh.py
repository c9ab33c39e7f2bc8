"""The sleep pod is the one it is said to be: services, endpoints, routes, listeners; and every sidecar's policies."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.demo.captured import (
    CAPTURES,
    SIDECARS,
    SLEEP,
    Captured,
    below,
    listeners,
    places_naming_a_cluster,
    tables,
)

BASE = SLEEP.base

VIRTUAL_INBOUND = [
    ("virtualInbound-blackhole", 15006, None, (), False),
    ("virtualInbound-catchall-http", None, "tls", ("istio-http/1.0", "istio-http/1.1", "istio-h2"), True),
    ("virtualInbound-catchall-http", None, "raw_buffer", ("http/1.1", "h2c"), False),
    ("virtualInbound", None, "tls", ("istio-peer-exchange", "istio"), True),
    ("virtualInbound", None, "raw_buffer", (), False),
    ("virtualInbound", None, "tls", (), False),
    ("0.0.0.0_80", 80, "tls", ("istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"), True),
    ("0.0.0.0_80", 80, "raw_buffer", (), False),
]
"""Name, destination port, transport protocol, application protocols, mTLS: the PERMISSIVE chains of an HTTP port 80."""


@pytest.mark.parametrize(
    ("port", "prefix", "cluster", "target"),
    [(15090, "/stats/prometheus", "prometheus_stats", 15000), (15021, "/healthz/ready", "agent", 15020)],
)
def test_status_listeners_lead_to_the_admin_port_and_to_the_agent(
    port: int, prefix: str, cluster: str, target: int
) -> None:
    for entry in BASE["Listeners"]["static_listeners"]:
        if entry["listener"]["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": port}:
            route = next(part for part in below(entry) if "match" in part)
            break
    else:
        pytest.fail(f"no listener on {port}")
    assert route == {"match": {"prefix": prefix}, "route": {"cluster": cluster}}
    endpoint = SLEEP.assignments("static")[cluster]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    assert endpoint["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": target}


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("outbound|80||sleep.default", [(f"{SLEEP.address}:80", "HEALTHY", "istio")]),
        ("outbound|8000|v1|httpbin.default", [("10.80.3.110:80", "HEALTHY", "istio")]),
        ("outbound|8000|v2|httpbin.default", [("10.80.3.114:80", "HEALTHY", "istio")]),
        (
            "outbound|80|v1|helloworld.default",
            [("10.80.3.111:5000", "HEALTHY", "istio"), ("10.80.3.113:5000", "UNHEALTHY", "istio")],
        ),
        ("outbound|80|v2|helloworld.default", [("10.80.3.112:5000", "HEALTHY", "istio")]),
        ("outbound|80||legacy.default", [("10.80.3.120:8080", "HEALTHY", None)]),
        ("outbound|6379||redis.default", [("10.80.3.130:6379", "HEALTHY", None)]),
        ("outbound|8080||ghost.default", []),
        ("outbound|9000||echo.default", [("10.80.3.140:9000", "HEALTHY", None)]),
        ("outbound|15012||istiod.istio-system", [("10.80.0.20:15012", "HEALTHY", None)]),
        ("outbound|53||kube-dns.kube-system", [("10.80.0.10:53", "HEALTHY", None)]),
    ],
)
def test_endpoints(cluster: str, expected: list[tuple[str, str, str | None]]) -> None:
    assert SLEEP.hosts(f"{cluster}.svc.cluster.local") == expected


@pytest.mark.parametrize("host", ["httpbin", "helloworld"])
def test_subsets_share_out_the_endpoints_of_their_service(host: str) -> None:
    port = {"httpbin": 8000, "helloworld": 80}[host]
    name = f"{host}.default.svc.cluster.local"
    whole, first, second = (SLEEP.hosts(f"outbound|{port}|{subset}|{name}") for subset in ("", "v1", "v2"))
    assert sorted(whole) == sorted(first + second)


def test_listeners_by_name_and_address() -> None:
    for name, listener in listeners(BASE).items():
        address = listener["address"]["socket_address"]
        virtual = {"virtualOutbound": "0.0.0.0_15001", "virtualInbound": "0.0.0.0_15006"}
        assert virtual.get(name, name) == f"{address['address']}_{address['port_value']}"
        assert listener.get("bind_to_port", True) is (name in virtual)
        assert listener["traffic_direction"] == ("INBOUND" if name == "virtualInbound" else "OUTBOUND")
    services = {"10.96.0.10_53", "10.96.0.20_15012", "10.96.50.50_6379", "10.96.70.70_9000"}
    shared = {"0.0.0.0_80", "0.0.0.0_8000", "0.0.0.0_8080", "0.0.0.0_9080"}
    assert set(listeners(BASE)) == services | shared | {"virtualOutbound", "virtualInbound"}


def test_virtual_inbound_has_the_chains_of_a_permissive_http_port() -> None:
    seen = []
    for chain in listeners(BASE)["virtualInbound"]["filter_chains"]:
        match = chain["filter_chain_match"]
        mutual = chain.get("transport_socket", {}).get("typed_config", {}).get("require_client_certificate", False)
        protocols = tuple(match.get("application_protocols", ()))
        seen.append((chain["name"], match.get("destination_port"), match.get("transport_protocol"), protocols, mutual))
    assert seen == VIRTUAL_INBOUND


def test_httpbin_routes_in_the_order_of_its_virtual_service() -> None:
    host = "httpbin.default.svc.cluster.local"
    seen = []
    for route in SLEEP.routes("8000", host):
        kind = next(kind for kind in ("route", "redirect", "direct_response") if kind in route)
        seen.append((route["name"], kind, route["route"]["cluster"].split("|")[2] if kind == "route" else None))
        assert route["metadata"]["filter_metadata"]["istio"]["config"].endswith("/default/virtual-service/httpbin")
    assert seen == [
        ("jason-to-v2", "route", "v2"),
        ("status-codes", "route", "v1"),
        ("old-page", "redirect", None),
        ("numbered-anything", "route", "v1"),
        ("teapot", "direct_response", None),
        ("api-rewrite", "route", "v1"),
        ("everything-else", "route", "v1"),
    ]
    on_port_80 = [{**route, "decorator": None} for route in SLEEP.routes("80", host)]
    assert on_port_80 == [{**route, "decorator": None} for route in SLEEP.routes("8000", host)]


def test_helloworld_is_shared_ninety_to_ten() -> None:
    (route,) = SLEEP.routes("80", "helloworld")
    shares = {part["name"].split("|")[2]: part["weight"] for part in route["route"]["weighted_clusters"]["clusters"]}
    assert shares == {"v1": 90, "v2": 10}
    assert "name" not in route


@pytest.mark.parametrize("captured", [CAPTURES[pod] for pod in SIDECARS], ids=SIDECARS)
def test_overlay_is_the_base_with_another_policy_and_nothing_else(captured: Captured) -> None:
    def closed(listener: Any) -> Any:
        chains = [chain for chain in listener["filter_chains"] if chain.get("name") == "virtualOutbound-catchall-tcp"]
        default = listener.get("default_filter_chain", {})
        if default.get("name") == "PassthroughFilterChain":
            chains.append(default)
        for chain in chains:
            proxy = chain["filters"][-1]["typed_config"]
            assert (proxy["cluster"], proxy["stat_prefix"]) == ("PassthroughCluster", "PassthroughCluster")
            proxy["cluster"] = proxy["stat_prefix"] = "BlackHoleCluster"
        return listener

    def blocked(table: Any) -> Any:
        for host in table["virtual_hosts"]:
            if host["name"] == "allow_any":
                host["name"] = "block_all"
                route = {"match": {"prefix": "/"}, "direct_response": {"status": 502}, "name": "block_all"}
                host["routes"] = [route]
        return table

    kinds: list[tuple[Callable[[dict[str, Any]], dict[str, Any]], Callable[[Any], Any]]]
    kinds = [(listeners, closed), (tables, blocked)]
    for read, change in kinds:
        before, after = read(captured.base), read(captured.policy)
        expected = {name: change(json.loads(json.dumps(one))) for name, one in before.items()}
        assert after == {name: one for name, one in expected.items() if one != before[name]}
        assert after


@pytest.mark.parametrize("captured", [CAPTURES[pod] for pod in SIDECARS], ids=SIDECARS)
def test_overlay_names_no_passthrough_cluster(captured: Captured) -> None:
    assert places_naming_a_cluster(captured.base)["PassthroughCluster"] == (9 if captured is SLEEP else 4)
    assert places_naming_a_cluster(captured.policy)["PassthroughCluster"] == 0
    assert "virtualInbound" not in listeners(captured.policy)
