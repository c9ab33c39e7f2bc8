"""The bookinfo pods are what they are said to be: STRICT and PERMISSIVE, canary and header routes, the gateway."""

from typing import Any

import pytest

from tests.demo.captured import ADDRESSES, BOOKINFO, CAPTURES, GATEWAY, SIDECARS, Captured, listeners, tables

ISTIO_HTTP = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
ISTIO_TCP = ("istio-peer-exchange", "istio")
BLACKHOLE = ("virtualInbound-blackhole", 15006, None, (), False)
STRICT = [
    BLACKHOLE,
    ("virtualInbound-catchall-http", None, "tls", ISTIO_HTTP, True),
    ("virtualInbound", None, "tls", (), True),
    ("0.0.0.0_9080", 9080, "tls", (), True),
]
PERMISSIVE = [
    BLACKHOLE,
    ("virtualInbound-catchall-http", None, "tls", ISTIO_HTTP, True),
    ("virtualInbound-catchall-http", None, "raw_buffer", ("http/1.1", "h2c"), False),
    ("virtualInbound", None, "tls", ISTIO_TCP, True),
    ("virtualInbound", None, "raw_buffer", (), False),
    ("virtualInbound", None, "tls", (), False),
    ("0.0.0.0_9080", 9080, "tls", ("istio", "istio-peer-exchange", *ISTIO_HTTP), True),
    ("0.0.0.0_9080", 9080, "raw_buffer", (), False),
]
"""Name, destination port, transport protocol, application protocols, mTLS."""

WORKLOADS = {"details": ["details"], "productpage": ["productpage"], "ratings": ["ratings"]}
REVIEWS = ["reviews-v1", "reviews-v2", "reviews-v3"]

each_pod = pytest.mark.parametrize("captured", [CAPTURES[pod] for pod in BOOKINFO], ids=BOOKINFO)
each_sidecar = pytest.mark.parametrize("captured", [CAPTURES[pod] for pod in SIDECARS], ids=SIDECARS)


@each_pod
def test_virtual_inbound_has_the_chains_of_the_pods_mutual_tls_mode(captured: Captured) -> None:
    seen = []
    for chain in listeners(captured.base)["virtualInbound"]["filter_chains"]:
        match = chain["filter_chain_match"]
        mutual = chain.get("transport_socket", {}).get("typed_config", {}).get("require_client_certificate", False)
        protocols = tuple(match.get("application_protocols", ()))
        seen.append((chain["name"], match.get("destination_port"), match.get("transport_protocol"), protocols, mutual))
    assert seen == (STRICT if captured.pod == "details" else PERMISSIVE)


@each_pod
def test_only_chains_that_ask_for_http_are_served_by_the_http_inspector(captured: Captured) -> None:
    filters = listeners(captured.base)["virtualInbound"]["listener_filters"]
    names = [entry["name"].rpartition(".")[2] for entry in filters]
    inspectors = ["original_dst", "tls_inspector", "http_inspector"]
    assert names == (inspectors[:2] if captured.pod == "details" else inspectors)


@each_pod
def test_listeners_of_a_bookinfo_pod(captured: Captured) -> None:
    found = listeners(captured.base)
    assert list(found) == ["0.0.0.0_443", "0.0.0.0_9080", "virtualOutbound", "virtualInbound"]
    (chain,) = found["0.0.0.0_443"]["filter_chains"]
    assert chain["filter_chain_match"] == {"server_names": ["books.example.com"]}
    assert chain["filters"][-1]["typed_config"]["cluster"] == "outbound|443||books.example.com"


@each_sidecar
def test_endpoints_speak_mutual_tls(captured: Captured) -> None:
    for service, pods in {**WORKLOADS, "reviews": REVIEWS}.items():
        expected = [(f"{ADDRESSES[pod]}:9080", "HEALTHY", "istio") for pod in pods]
        assert captured.hosts(f"outbound|9080||{service}.default.svc.cluster.local") == expected
    for subset, pod in zip(("v1", "v2", "v3"), REVIEWS, strict=True):
        expected = [(f"{ADDRESSES[pod]}:9080", "HEALTHY", "istio")]
        assert captured.hosts(f"outbound|9080|{subset}|reviews.default.svc.cluster.local") == expected


@each_sidecar
def test_reviews_routes_in_the_order_of_its_virtual_service(captured: Captured) -> None:
    jason, testers, canary = captured.routes("9080", "reviews")
    assert (jason["name"], _header(jason), _subset(jason)) == ("jason-to-v2", ("end-user", {"exact": "jason"}), "v2")
    assert (testers["name"], _header(testers), _subset(testers)) == (
        "testers-to-v3",
        ("end-user", {"prefix": "test-"}),
        "v3",
    )
    assert _shares(canary) == {"v1": 90, "v2": 10}


@each_sidecar
def test_ratings_has_a_fault_on_request_and_a_time_limit(captured: Captured) -> None:
    drill, steady = captured.routes("9080", "ratings")
    assert _header(drill) == ("x-drill", {"exact": "outage"})
    abort = drill["typed_per_filter_config"]["envoy.filters.http.fault"]["abort"]
    assert abort == {"http_status": 503, "percentage": {"numerator": 1000000, "denominator": "MILLION"}}
    assert (steady["route"]["timeout"], "typed_per_filter_config" in steady) == ("2s", False)


def test_every_sidecar_was_sent_the_same_routes() -> None:
    first = tables(CAPTURES["sleep"].base)["9080"]
    assert all(tables(CAPTURES[pod].base)["9080"] == first for pod in BOOKINFO)


def test_hosts_of_a_virtual_service_are_extra_hosts_on_port_80() -> None:
    for service in ("ratings", "reviews"):
        host = f"{service}.default.svc.cluster.local"
        (extra,) = [v for v in tables(CAPTURES["sleep"].base)["80"]["virtual_hosts"] if v["name"] == f"{host}:80"]
        assert extra["domains"] == [host]
        own = CAPTURES["sleep"].routes("9080", service)
        assert [{**r, "decorator": None} for r in extra["routes"]] == [{**r, "decorator": None} for r in own]


def test_the_gateway_binds_its_port_and_routes_two_hosts() -> None:
    gateway = CAPTURES[GATEWAY]
    (listener,) = listeners(gateway.base).values()
    assert listener["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": 8080}
    assert "bind_to_port" not in listener
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert (manager["use_remote_address"], manager["forward_client_cert_details"]) == (True, "SANITIZE_SET")
    hosts = tables(gateway.base)["http.8080"]["virtual_hosts"]
    assert {host["name"]: host["domains"] for host in hosts} == {
        "api.bookinfo.example:80": ["api.bookinfo.example"],
        "bookinfo.example:80": ["bookinfo.example"],
    }
    site = {next(iter(r["match"].values())): r["route"]["cluster"] for r in gateway.routes("http.8080", "bookinfo")}
    assert list(site) == ["/productpage", "/static", "/login", "/logout", "/api/v1/products"]
    assert set(site.values()) == {"outbound|9080||productpage.default.svc.cluster.local"}
    api = {r["name"]: r for r in gateway.routes("http.8080", "api")}
    assert _shares(api["reviews-api"]) == {"v1": 90, "v2": 10}
    assert api["books-api"]["route"]["prefix_rewrite"] == "/details/"
    assert api["home"]["redirect"] == {"host_redirect": "bookinfo.example", "path_redirect": "/productpage"}


def _header(route: dict[str, Any]) -> tuple[str, dict[str, str]]:
    (matcher,) = route["match"]["headers"]
    return matcher["name"], matcher["string_match"]


def _subset(route: dict[str, Any]) -> str:
    return str(route["route"]["cluster"].split("|")[2])


def _shares(route: dict[str, Any]) -> dict[str, int]:
    return {share["name"].split("|")[2]: share["weight"] for share in route["route"]["weighted_clusters"]["clusters"]}
