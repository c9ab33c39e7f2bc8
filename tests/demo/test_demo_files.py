"""Every demo dump has the shape Envoy's admin interface prints, and its parts name one another and nothing else."""

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.demo.captured import (
    BOOKINFO,
    CAPTURE,
    CAPTURES,
    GATEWAY,
    OVERLAYS,
    PROXIES,
    SIDECARS,
    Captured,
    below,
    places_naming_a_cluster,
    tables,
)

SIZE_LIMIT_BYTES = 400_000
WHOLE_SIZE_LIMIT_BYTES = 2_500_000

SECTIONS = ["Bootstrap", "Clusters", "Endpoints", "Listeners", "ScopedRoutes", "Routes", "Secrets"]
"""In the order Envoy's admin prints them with include_eds."""

OF_THE_PROXY_ITSELF = {"sds-grpc", "xds-grpc", "zipkin"}
BY_SUBSET_ONLY = {
    "outbound|80||helloworld.default.svc.cluster.local",
    "outbound|8000||httpbin.default.svc.cluster.local",
    "outbound|9080||reviews.default.svc.cluster.local",
}
SUBSETS_OF_REVIEWS = {f"outbound|9080|{subset}|reviews.default.svc.cluster.local" for subset in ("v1", "v2", "v3")}
TABLES = {
    "sleep": ["80", "8000", "8080", "9080", "echo.default.svc.cluster.local:9000"],
    **{pod: ["9080"] for pod in BOOKINFO},
    GATEWAY: ["http.8080"],
}

each_proxy = pytest.mark.parametrize("captured", [CAPTURES[pod] for pod in PROXIES], ids=PROXIES)
each_sidecar = pytest.mark.parametrize("captured", [CAPTURES[pod] for pod in SIDECARS], ids=SIDECARS)
each_dump = pytest.mark.parametrize(
    "folder", [CAPTURE / pod for pod in PROXIES] + [OVERLAYS / pod for pod in SIDECARS], ids=str
)


@each_dump
def test_dump_is_json_as_the_admin_interface_prints_it(folder: Path) -> None:
    text = (folder / "config_dump.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    assert len(text) < SIZE_LIMIT_BYTES


def test_the_whole_mesh_is_small() -> None:
    files = [path for folder in (CAPTURE, OVERLAYS) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < WHOLE_SIZE_LIMIT_BYTES


@each_proxy
def test_all_sections_are_there_in_the_order_of_the_admin_interface(captured: Captured) -> None:
    assert list(captured.base) == SECTIONS
    assert list(captured.base["ScopedRoutes"]) == ["@type"]


@each_sidecar
def test_an_overlay_has_what_a_policy_changes(captured: Captured) -> None:
    assert list(captured.policy) == ["Listeners", "Routes"]


@each_proxy
def test_every_dynamic_resource_says_when_and_in_which_version_it_came(captured: Captured) -> None:
    parts = captured.base
    dynamic = parts["Clusters"]["dynamic_active_clusters"] + parts["Routes"]["dynamic_route_configs"]
    dynamic += [entry["active_state"] for entry in parts["Listeners"]["dynamic_listeners"]]
    assert all(re.fullmatch(r"\S+Z/\d+", entry["version_info"]) for entry in dynamic)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", entry["last_updated"]) for entry in dynamic)


@each_proxy
def test_node_is_the_pod(captured: Captured) -> None:
    node = captured.base["Bootstrap"]["bootstrap"]["node"]
    kind, address, name, domain = node["id"].split("~")
    namespace = "istio-system" if captured.pod == GATEWAY else "default"
    assert kind == ("router" if captured.pod == GATEWAY else "sidecar")
    assert (address, domain) == (captured.address, f"{namespace}.svc.cluster.local")
    assert name == f"{node['metadata']['NAME']}.{node['metadata']['NAMESPACE']}"
    assert name.startswith(f"{captured.pod}-") and name.endswith(f".{namespace}")
    assert node["metadata"].get("INTERCEPTION_MODE") == (None if kind == "router" else "REDIRECT")


def test_no_two_pods_are_one() -> None:
    nodes = [captured.base["Bootstrap"]["bootstrap"]["node"] for captured in CAPTURES.values()]
    assert len({node["id"] for node in nodes}) == len(nodes)
    chains = [captured.base["Secrets"]["dynamic_active_secrets"][0] for captured in CAPTURES.values()]
    assert len({json.dumps(secret["secret"]["tls_certificate"]) for secret in chains}) == len(chains)


@each_proxy
def test_static_resources_are_those_of_the_bootstrap(captured: Captured) -> None:
    static = captured.base["Bootstrap"]["bootstrap"]["static_resources"]

    def bare(entries: list[Any], key: str) -> list[Any]:
        return [{name: value for name, value in entry[key].items() if name != "@type"} for entry in entries]

    assert bare(captured.base["Clusters"]["static_clusters"], "cluster") == static["clusters"]
    assert bare(captured.base["Listeners"]["static_listeners"], "listener") == static["listeners"]


@each_proxy
def test_every_cluster_that_is_named_exists(captured: Captured) -> None:
    for parts in (captured.base, captured.policy) if captured.pod != GATEWAY else (captured.base,):
        named = places_naming_a_cluster([parts["Listeners"], parts["Routes"]])
        assert named
        assert set(named) <= set(captured.clusters)


@each_proxy
def test_every_service_cluster_can_be_reached_by_some_route_or_chain(captured: Captured) -> None:
    named = places_naming_a_cluster([captured.base["Listeners"], captured.base["Routes"]])
    left = set(captured.clusters) - set(named) - OF_THE_PROXY_ITSELF - BY_SUBSET_ONLY
    if captured.pod == GATEWAY:
        assert left == {"BlackHoleCluster", "outbound|9080|v3|reviews.default.svc.cluster.local"}
    else:
        assert not left
        assert set(named) >= SUBSETS_OF_REVIEWS


@each_proxy
def test_every_route_table_asked_for_is_there_and_none_besides(captured: Captured) -> None:
    asked = [part["rds"]["route_config_name"] for part in below(captured.base["Listeners"]) if "rds" in part]
    assert sorted(asked) == sorted(tables(captured.base)) == TABLES[captured.pod]


@each_proxy
def test_inline_route_tables_are_listed_once_for_every_connection_manager(captured: Captured) -> None:
    inline = [part["route_config"] for part in below(captured.base["Listeners"]) if "route_config" in part]
    listed = [dict(entry["route_config"]) for entry in captured.base["Routes"]["static_route_configs"]]
    for table in listed:
        table.pop("@type")
    assert Counter(map(json.dumps, inline)) == Counter(map(json.dumps, listed))


@each_proxy
def test_every_cluster_has_an_assignment(captured: Captured) -> None:
    dynamic = {entry["cluster"]["name"] for entry in captured.base["Clusters"]["dynamic_active_clusters"]}
    assert set(captured.assignments()) == dynamic
    assert set(captured.assignments("static")) == set(captured.clusters) - dynamic


@each_proxy
def test_eds_clusters_ask_for_the_assignment_of_their_own_name(captured: Captured) -> None:
    eds = {name: cluster for name, cluster in captured.clusters.items() if cluster["type"] == "EDS"}
    assert {cluster["eds_cluster_config"]["service_name"] for cluster in eds.values()} == set(eds)
    assert len(eds) == {"sleep": 20, GATEWAY: 6}.get(captured.pod, 7)


@each_proxy
def test_mutual_tls_is_offered_with_the_name_of_the_cluster(captured: Captured) -> None:
    for name, cluster in captured.clusters.items():
        if cluster["type"] != "EDS":
            assert "transport_socket_matches" not in cluster
            continue
        _, port, subset, host = name.split("|")
        mutual, plain = cluster["transport_socket_matches"]
        assert (mutual["name"], mutual["match"]) == ("tlsMode-istio", {"tlsMode": "istio"})
        assert (plain["name"], plain["match"]) == ("tlsMode-disabled", {})
        context = mutual["transport_socket"]["typed_config"]
        assert context["sni"] == f"outbound_.{port}_.{subset}_.{host}"
        assert context["common_tls_context"]["alpn_protocols"] == ["istio-peer-exchange", "istio"]


@each_proxy
def test_domains_stand_for_one_virtual_host_each(captured: Captured) -> None:
    for table in tables(captured.base).values():
        domains = [domain.lower() for host in table["virtual_hosts"] for domain in host["domains"]]
        assert len(domains) == len(set(domains))
        names = [host["name"] for host in table["virtual_hosts"] if host["name"] != "allow_any"]
        assert names == sorted(names)


@each_proxy
def test_private_keys_are_redacted(captured: Captured) -> None:
    keys = [part["private_key"] for part in below(captured.base) if "private_key" in part]
    assert keys == [{"inline_bytes": base64.b64encode(b"[redacted]").decode()}]
    secrets = {entry["name"] for entry in captured.base["Secrets"]["dynamic_active_secrets"]}
    asked = {part["name"] for part in below(captured.base) if "sds_config" in part}
    assert secrets == asked == {"default", "ROOTCA"}
    assert "PRIVATE KEY" not in "".join(
        base64.b64decode(part["inline_bytes"]).decode() for part in below(captured.base) if "inline_bytes" in part
    )
