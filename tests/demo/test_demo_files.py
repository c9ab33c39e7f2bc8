"""The demo dump has the shape Envoy's admin interface prints, and its parts name one another and nothing else."""

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.demo.captured import (
    BASE,
    OVERLAY,
    POD_ADDRESS,
    POLICY,
    SLEEP,
    assignments,
    below,
    clusters,
    places_naming_a_cluster,
    tables,
)

SIZE_LIMIT_BYTES = 400_000

SECTIONS = ["Bootstrap", "Clusters", "Endpoints", "Listeners", "ScopedRoutes", "Routes", "Secrets"]
"""In the order Envoy's admin prints them with include_eds."""


@pytest.mark.parametrize("folder", [SLEEP, OVERLAY], ids=["base", "overlay"])
def test_dump_is_json_as_the_admin_interface_prints_it(folder: Path) -> None:
    text = (folder / "config_dump.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    assert len(text) < SIZE_LIMIT_BYTES


def test_all_sections_are_there_in_the_order_of_the_admin_interface() -> None:
    assert list(BASE) == SECTIONS
    assert list(BASE["ScopedRoutes"]) == ["@type"]
    assert list(POLICY) == ["Listeners", "Routes"]


def test_every_dynamic_resource_says_when_and_in_which_version_it_came() -> None:
    dynamic = BASE["Clusters"]["dynamic_active_clusters"] + BASE["Routes"]["dynamic_route_configs"]
    dynamic += [entry["active_state"] for entry in BASE["Listeners"]["dynamic_listeners"]]
    assert all(re.fullmatch(r"\S+Z/\d+", entry["version_info"]) for entry in dynamic)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", entry["last_updated"]) for entry in dynamic)


def test_node_is_the_sleep_pod() -> None:
    node = BASE["Bootstrap"]["bootstrap"]["node"]
    kind, address, name, domain = node["id"].split("~")
    assert (kind, address, domain) == ("sidecar", POD_ADDRESS, "default.svc.cluster.local")
    assert name == "sleep-7c8d9f6b5-x2x4q.default" == f"{node['metadata']['NAME']}.{node['metadata']['NAMESPACE']}"
    assert node["metadata"]["INTERCEPTION_MODE"] == "REDIRECT"


def test_static_resources_are_those_of_the_bootstrap() -> None:
    static = BASE["Bootstrap"]["bootstrap"]["static_resources"]

    def bare(entries: list[Any], key: str) -> list[Any]:
        return [{name: value for name, value in entry[key].items() if name != "@type"} for entry in entries]

    assert bare(BASE["Clusters"]["static_clusters"], "cluster") == static["clusters"]
    assert bare(BASE["Listeners"]["static_listeners"], "listener") == static["listeners"]


@pytest.mark.parametrize("parts", [BASE, POLICY], ids=["base", "overlay"])
def test_every_cluster_that_is_named_exists(parts: dict[str, Any]) -> None:
    named = places_naming_a_cluster([parts["Listeners"], parts["Routes"]])
    assert named
    assert set(named) <= set(clusters())


def test_every_service_cluster_can_be_reached_by_some_route_or_chain() -> None:
    named = places_naming_a_cluster([BASE["Listeners"], BASE["Routes"]])
    by_subset_only = {
        "outbound|80||helloworld.default.svc.cluster.local",
        "outbound|8000||httpbin.default.svc.cluster.local",
    }
    of_the_proxy_itself = {"sds-grpc", "xds-grpc", "zipkin"}
    assert set(clusters()) - set(named) == by_subset_only | of_the_proxy_itself


def test_every_route_table_asked_for_is_there_and_none_besides() -> None:
    asked = [part["rds"]["route_config_name"] for part in below(BASE["Listeners"]) if "rds" in part]
    assert sorted(asked) == sorted(tables(BASE)) == ["80", "8000", "8080", "echo.default.svc.cluster.local:9000"]


def test_inline_route_tables_are_listed_once_for_every_connection_manager() -> None:
    inline = [part["route_config"] for part in below(BASE["Listeners"]) if "route_config" in part]
    listed = [dict(entry["route_config"]) for entry in BASE["Routes"]["static_route_configs"]]
    for table in listed:
        table.pop("@type")
    assert Counter(map(json.dumps, inline)) == Counter(map(json.dumps, listed))


def test_every_cluster_has_an_assignment() -> None:
    dynamic = {entry["cluster"]["name"] for entry in BASE["Clusters"]["dynamic_active_clusters"]}
    assert set(assignments()) == dynamic
    assert set(assignments("static")) == set(clusters()) - dynamic


def test_eds_clusters_ask_for_the_assignment_of_their_own_name() -> None:
    eds = {name: cluster for name, cluster in clusters().items() if cluster["type"] == "EDS"}
    assert {cluster["eds_cluster_config"]["service_name"] for cluster in eds.values()} == set(eds)
    assert len(eds) == 13


def test_private_keys_are_redacted() -> None:
    keys = [part["private_key"] for part in below(BASE) if "private_key" in part]
    assert keys == [{"inline_bytes": base64.b64encode(b"[redacted]").decode()}]
    secrets = {entry["name"] for entry in BASE["Secrets"]["dynamic_active_secrets"]}
    asked = {part["name"] for part in below(BASE) if "sds_config" in part}
    assert secrets == asked == {"default", "ROOTCA"}
    assert "PRIVATE KEY" not in "".join(
        base64.b64decode(part["inline_bytes"]).decode() for part in below(BASE) if "inline_bytes" in part
    )
