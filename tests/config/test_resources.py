"""Bare resources, lists, collections, by type and by name; bootstraps; what each of them states and leaves open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.config.bootstrap import read_bootstrap
from meshsim.config.documents import Kind
from meshsim.config.resources import find_resources, read_resources, section_of
from meshsim.errors import MeshsimError, Unsupported
from tests.config.texts import document, of

LISTENER = {"name": "l", "filterChains": []}
CLUSTER = {"name": "c", "type": "EDS"}
ROUTES = {"name": "r", "virtualHosts": []}
ENDPOINTS = {"clusterName": "c", "endpoints": []}
SECRET = {"name": "s", "validationContext": {}}
TYPES = "type.googleapis.com/envoy.config."


@pytest.mark.parametrize(
    ("resource", "section"),
    [
        (LISTENER, "listeners"),
        (CLUSTER, "clusters"),
        ({"name": "c", "load_assignment": {"cluster_name": "c", "endpoints": []}}, "clusters"),
        (ROUTES, "routes"),
        ({"virtual_hosts": []}, "routes"),
        (ENDPOINTS, "endpoints"),
        (SECRET, "secrets"),
        ({"@type": TYPES + "route.v3.RouteConfiguration"}, "routes"),
        ({"@type": "other.domain/envoy.config.cluster.v3.Cluster"}, "clusters"),
        ({"@type": TYPES + "route.v3.RetryPolicy", "virtual_hosts": []}, None),
        ({"name": "x", "typedConfig": {}}, "ecds"),
        ({"name": "x"}, None),
        ([], None),
    ],
)
def test_a_resource_is_told_by_its_type_or_its_own_fields(resource: Any, section: str | None) -> None:
    assert section_of(resource) == section


def test_a_bare_resource_states_one_name_and_no_section() -> None:
    proxy = read_resources(of(CLUSTER))
    assert list(proxy.clusters) == ["c"]
    assert proxy.sections == frozenset()
    assert str(proxy.clusters["c"].place) == "f"


def test_a_list_states_its_section() -> None:
    proxy = read_resources(of([LISTENER, {**LISTENER, "name": "m"}, CLUSTER]))
    assert list(proxy.listeners) == ["l", "m"]
    assert proxy.sections == {"listeners", "clusters"}
    assert str(proxy.listeners["m"].place) == "f#/1"


@pytest.mark.parametrize("key", ["routes", "route_configs", "routeConfigs"])
def test_a_collection_states_the_sections_it_has_keys_for(key: str) -> None:
    proxy = read_resources(of({"listeners": [LISTENER], key: [ROUTES, {"virtual_hosts": []}], "endpoints": []}))
    assert list(proxy.route_configs) == ["r"]
    assert [state.name for state in proxy.static_route_configs] == [""]
    assert proxy.sections == {"listeners", "routes", "endpoints"}
    assert str(proxy.route_configs["r"].place) == f"f#/{key}/0"


def test_by_type_url_with_the_names_as_kuma_writes_them() -> None:
    by_type = {
        TYPES + "listener.v3.Listener": {"l": LISTENER},
        TYPES + "cluster.v3.Cluster": {"c": CLUSTER},
        TYPES + "endpoint.v3.ClusterLoadAssignment": {"c": ENDPOINTS},
        TYPES + "something.v3.New": {"x": {}},
    }
    proxy = read_resources(of({"diff": [], "xds": by_type}))
    assert (list(proxy.listeners), list(proxy.clusters), list(proxy.endpoints)) == (["l"], ["c"], ["c"])
    assert {"listeners", "clusters", "routes"} <= proxy.sections
    assert proxy.listeners["l"].place.path == ("xds", TYPES + "listener.v3.Listener", "l")


def test_resources_under_their_own_names() -> None:
    proxy = read_resources(of({"l": LISTENER, "c": ENDPOINTS}))
    assert (list(proxy.listeners), list(proxy.endpoints)) == (["l"], ["c"])
    assert find_resources({"elsewhere": LISTENER}) is None


def test_gos_own_json_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="Go prints"):
        of({"c": {"name": "c", "type": 3, "LbConfig": None}})


def test_a_later_resource_replaces_the_earlier_one_of_its_name() -> None:
    first = read_resources(of([CLUSTER, {**CLUSTER, "name": "d"}], "first"))
    both = first.overlaid(read_resources(of({**CLUSTER, "type": "STATIC"}, "later")))
    assert {name: state.place.doc for name, state in both.clusters.items()} == {"c": "later", "d": "first"}
    assert both.sections == {"clusters"}


STATIC = {
    "listeners": [{"address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}}}],
    "clusters": [CLUSTER],
}


@pytest.mark.parametrize(
    ("dynamic", "sections"),
    [
        ({}, {"bootstrap", "listeners", "clusters"}),
        ({"cds_config": {"ads": {}}}, {"bootstrap", "listeners"}),
        ({"lds_config": {"ads": {}}, "cds_config": {"ads": {}}}, {"bootstrap"}),
    ],
)
def test_a_bootstrap_states_what_it_asks_nobody_for(dynamic: Any, sections: set[str]) -> None:
    proxy = read_bootstrap(of({"node": {"id": "n"}, "static_resources": STATIC, "dynamic_resources": dynamic}))
    assert proxy.node_id == "n"
    assert proxy.sections == sections
    assert list(proxy.listeners) == ["0.0.0.0:80"]
    assert proxy.clusters["c"].static
    assert str(proxy.clusters["c"].place) == "f#/static_resources/clusters/0"


def test_the_bootstrap_of_istioctl_and_in_yaml() -> None:
    proxy = read_bootstrap(of({"bootstrap": {"node": {"id": "n"}, "staticResources": {"clusters": [CLUSTER]}}}))
    assert proxy.node_id == "n"
    assert str(proxy.clusters["c"].place) == "f#/bootstrap/staticResources/clusters/0"
    made = document("node: {id: n}\nstatic_resources:\n  clusters:\n  - {name: c, type: EDS}\n")
    assert made.kind is Kind.BOOTSTRAP
    assert list(read_bootstrap(made).clusters) == ["c"]


KEYS = st.sampled_from(
    (
        *("name", "filterChains", "filters", "virtual_hosts", "endpoints", "clusterName", "type", "xds", "listeners"),
        *("@type", "clusters", "typedConfig", TYPES + "listener.v3.Listener", "static_resources", "host_statuses"),
        *("dst", "priority", "ifname", "addr_info"),
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(VALUES)
def test_no_value_raises_anything_but_our_own_errors(value: Any) -> None:
    try:
        made = of(value)
        if made.kind is Kind.RESOURCES:
            read_resources(made)
        elif made.kind is Kind.BOOTSTRAP:
            read_bootstrap(made)
    except MeshsimError as error:
        assert error.hint
