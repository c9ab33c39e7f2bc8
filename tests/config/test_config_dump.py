"""Sections of a dump as resource states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshsim.config.config_dump import ProxyDocument, read_config_dump, read_config_dumps
from meshsim.config.detect import recognise
from meshsim.config.documents import SourceText
from meshsim.errors import InputError
from meshsim.place import Place

ADMIN = "type.googleapis.com/envoy.admin.v3."


def dump(*sections: dict[str, Any], name: str = "dump.json") -> ProxyDocument:
    return read_config_dump(recognise(SourceText.of(name, json.dumps({"configs": sections}))))


def section(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": ADMIN + kind, **fields}


def listener(name: str, port: int = 80) -> dict[str, Any]:
    named = {"name": name} if name else {}
    return {**named, "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}}}


def test_active_listeners_with_their_version() -> None:
    proxy = dump(
        section(
            "ListenersConfigDump",
            static_listeners=[{"listener": listener("health"), "last_updated": "t0"}],
            dynamic_listeners=[
                {
                    "name": "web",
                    "active_state": {"version_info": "v1", "listener": listener("web"), "last_updated": "t1"},
                }
            ],
        )
    )
    health, web = proxy.listeners["health"], proxy.listeners["web"]
    assert (health.static, health.version, health.last_updated) == (True, "", "t0")
    assert (web.static, web.version, web.last_updated) == (False, "v1", "t1")
    assert web.view is not None
    assert web.view.text("name") == "web"
    assert web.place == Place("dump.json", ("configs", 0, "dynamic_listeners", 0, "active_state", "listener"))
    assert web.error_state is None
    assert proxy.sections == {"listeners"}


def test_camel_case_reads_alike() -> None:
    proxy = dump(
        section(
            "ListenersConfigDump",
            dynamicListeners=[{"name": "web", "activeState": {"versionInfo": "v1", "listener": listener("web")}}],
        ),
        section(
            "EndpointsConfigDump", dynamicEndpointConfigs=[{"endpointConfig": {"clusterName": "c", "endpoints": []}}]
        ),
    )
    assert proxy.listeners["web"].version == "v1"
    assert list(proxy.endpoints) == ["c"]


def test_refused_updates_are_kept_with_reason_and_time() -> None:
    failed = listener("in", 15006)
    proxy = dump(
        section(
            "ListenersConfigDump",
            dynamic_listeners=[
                {
                    "name": "in",
                    "error_state": {
                        "details": "old",
                        "last_update_attempt": "2025-01-01T00:00:00Z",
                        "failed_configuration": failed,
                    },
                },
                {
                    "name": "out",
                    "active_state": {"listener": listener("out")},
                    "error_state": {"details": "no", "last_update_attempt": "x"},
                },
                {"error_state": {"details": "nameless", "failed_configuration": failed}},
                {"error_state": {"details": "lost"}},
            ],
        )
    )
    rejected = proxy.listeners["in"]
    assert rejected.view is None
    assert [error.details for error in rejected.errors] == ["old", "nameless"]
    assert rejected.error_state is not None
    assert rejected.error_state.last_update_attempt == "2025-01-01T00:00:00Z"
    assert rejected.error_state.failed is not None
    assert rejected.error_state.failed.view("address") is not None
    assert rejected.place.path == ("configs", 0, "dynamic_listeners", 0)
    out = proxy.listeners["out"]
    assert out.view is not None
    assert out.error_state is not None
    assert proxy.listeners[""].error_state is not None


def test_warming_and_draining() -> None:
    proxy = dump(
        section(
            "ListenersConfigDump",
            dynamic_listeners=[
                {"name": "new", "warming_state": {"version_info": "v2", "listener": listener("new")}},
                {"name": "old", "draining_state": {"version_info": "v1", "listener": listener("old")}},
                {"name": "web", "active_state": {"version_info": "v2", "listener": listener("web")}},
                {"name": "web", "draining_state": {"version_info": "v1", "listener": listener("web")}},
            ],
        ),
        section(
            "ClustersConfigDump",
            dynamic_active_clusters=[{"version_info": "1", "cluster": {"name": "a"}}],
            dynamic_warming_clusters=[{"version_info": "2", "cluster": {"name": "a"}}, {"cluster": {"name": "b"}}],
        ),
    )
    new, old, web = (proxy.listeners[name] for name in ("new", "old", "web"))
    assert (new.view, new.warming is not None, new.version) == (None, True, "v2")
    assert (old.view, len(old.draining)) == (None, 1)
    assert web.view is not None
    assert (web.version, len(web.draining)) == ("v2", 1)
    a, b = proxy.clusters["a"], proxy.clusters["b"]
    assert a.view is not None
    assert a.version == "1"
    assert a.warming is not None
    assert (b.view, b.warming is not None) == (None, True)


def test_nameless_listeners_are_all_kept_by_address() -> None:
    pipe = {"address": {"pipe": {"path": "/run/x"}}}
    proxy = dump(
        section(
            "ListenersConfigDump",
            static_listeners=[
                {"listener": listener("", 80)},
                {"listener": listener("", 80)},
                {"listener": listener("", 81)},
                {"listener": pipe},
                {"listener": {}},
            ],
        )
    )
    assert list(proxy.listeners) == ["0.0.0.0:80", "0.0.0.0:80#2", "0.0.0.0:81", "/run/x", ""]
    assert all(name == state.name for name, state in proxy.listeners.items())


def test_route_configurations() -> None:
    proxy = dump(
        section(
            "RoutesConfigDump",
            static_route_configs=[
                {"route_config": {"virtual_hosts": []}},
                {"route_config": {"name": "in"}},
                {"route_config": {"name": "in"}},
            ],
            dynamic_route_configs=[{"version_info": "v", "route_config": {"name": "80"}}],
        )
    )
    assert [state.name for state in proxy.static_route_configs] == ["", "in", "in"]
    assert list(proxy.route_configs) == ["80"]
    assert proxy.route_configs["80"].version == "v"


def test_endpoints_secrets_and_filters() -> None:
    proxy = dump(
        section(
            "EndpointsConfigDump",
            static_endpoint_configs=[{"endpoint_config": {"cluster_name": "c", "policy": {"s": 1}}}],
            dynamic_endpoint_configs=[
                {"endpoint_config": {"cluster_name": "c"}},
                {"endpoint_config": {"cluster_name": "d", "endpoints": []}},
            ],
        ),
        section(
            "SecretsConfigDump",
            static_secrets=[{"name": "s"}],
            dynamic_active_secrets=[{"name": "default", "secret": {"name": "default"}}],
        ),
        section("EcdsConfigDump", ecds_filters=[{"version_info": "3", "ecds_filter": {"name": "wasm"}}]),
        section("EcdsConfigDump", ecds_filters=[{"ecds_filter": {"name": "more"}}]),
        section("ScopedRoutesConfigDump", dynamic_scoped_route_configs=[{"name": "scope", "scoped_route_configs": []}]),
    )
    assert list(proxy.endpoints) == ["c", "d"]
    assert not proxy.endpoints["c"].has("policy")
    assert set(proxy.secrets) == {"s", "default"}
    assert set(proxy.ecds_filters) == {"wasm", "more"}
    assert proxy.ecds_filters["wasm"].version == "3"
    assert list(proxy.scoped_routes) == ["scope"]
    assert proxy.sections == {"endpoints", "secrets", "ecds", "scoped_routes"}


BOOTSTRAP = section(
    "BootstrapConfigDump",
    bootstrap={
        "node": {"id": "sidecar~10.0.0.1~a-1.ns~ns.svc.cluster.local", "metadata": {"INTERCEPTION_MODE": "REDIRECT"}},
        "static_resources": {"listeners": [listener("health", 15021)], "clusters": [{"name": "agent"}]},
    },
)


def test_bootstrap_states_what_no_section_says() -> None:
    alone = dump(BOOTSTRAP)
    assert alone.node_id.startswith("sidecar~")
    assert alone.node_metadata is not None
    assert alone.node_metadata.data["INTERCEPTION_MODE"] == "REDIRECT"
    assert (list(alone.listeners), list(alone.clusters)) == (["health"], ["agent"])
    assert alone.listeners["health"].static
    both = dump(BOOTSTRAP, section("ListenersConfigDump"))
    assert (list(both.listeners), list(both.clusters)) == ([], ["agent"])


def test_single_resources_of_a_filtered_dump() -> None:
    proxy = dump(
        {
            "@type": ADMIN + "ListenersConfigDump.DynamicListener",
            "name": "web",
            "active_state": {"listener": listener("web")},
        },
        {"@type": ADMIN + "ClustersConfigDump.StaticCluster", "cluster": {"name": "agent"}},
    )
    assert list(proxy.listeners) == ["web"]
    assert proxy.clusters["agent"].static


def test_other_sections_are_passed_over() -> None:
    proxy = dump(
        {
            "@type": "type.googleapis.com/aeraki.meta_protocol_proxy.admin.v1alpha.RoutesConfigDump",
            "static_route_configs": 5,
        }
    )
    assert proxy.sections == frozenset()


def test_wrapped_dumps() -> None:
    inner = {"configs": [section("ClustersConfigDump", static_clusters=[{"cluster": {"name": "c"}}])]}
    document = recognise(SourceText.of("x", json.dumps({"xds": {"default/one": inner, "default/two": inner}})))
    one, two = read_config_dumps(document)
    assert (one.wrapper, two.wrapper) == ("default/one", "default/two")
    assert one.clusters["c"].place.path[:3] == ("xds", "default/one", "configs")
    assert two.documents == ("x",)


def test_later_documents_replace_by_kind_and_name() -> None:
    first = dump(
        BOOTSTRAP,
        section(
            "RoutesConfigDump",
            static_route_configs=[{"route_config": {"name": "in"}}, {"route_config": {}}],
            dynamic_route_configs=[{"route_config": {"name": "80"}}, {"route_config": {"name": "81"}}],
        ),
        name="a",
    )
    second = dump(
        section(
            "RoutesConfigDump",
            static_route_configs=[{"route_config": {"name": "in"}}],
            dynamic_route_configs=[{"route_config": {"name": "80"}}],
        ),
        section("EndpointsConfigDump", dynamic_endpoint_configs=[{"endpoint_config": {"cluster_name": "c"}}]),
        name="b",
    )
    both = first.overlaid(second)
    assert both.route_configs["80"].place.doc == "b"
    assert both.route_configs["81"].place.doc == "a"
    assert [(state.name, state.place.doc) for state in both.static_route_configs] == [("", "a"), ("in", "b")]
    assert both.node_id == first.node_id
    assert both.sections == {"bootstrap", "routes", "endpoints"}
    assert both.documents == ("a", "b")


@pytest.mark.parametrize(
    ("sections", "pointer"),
    [
        ([section("ListenersConfigDump", dynamic_listeners="x")], "/configs/0/dynamic_listeners"),
        ([section("ListenersConfigDump", dynamic_listeners=[5])], "/configs/0/dynamic_listeners/0"),
        ([section("ListenersConfigDump", dynamic_listeners=[{"name": 5}])], "/configs/0/dynamic_listeners/0/name"),
        ([section("ClustersConfigDump", static_clusters=[{"cluster": "x"}])], "/configs/0/static_clusters/0/cluster"),
        ([section("BootstrapConfigDump", bootstrap=[])], "/configs/0/bootstrap"),
        (
            [section("EndpointsConfigDump", dynamic_endpoint_configs=[{"endpoint_config": {"endpoints": []}}])],
            "/configs/0/dynamic_endpoint_configs/0/endpoint_config",
        ),
    ],
)
def test_malformed_sections_are_told_with_their_pointer(sections: list[dict[str, Any]], pointer: str) -> None:
    with pytest.raises(InputError) as caught:
        dump(*sections)
    assert str(caught.value.place) == "dump.json#" + pointer
    assert caught.value.hint
