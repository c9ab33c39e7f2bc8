"""What of a small configuration is counted, what a call exercises of it, and what is said to be left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshsim.render.coverage_json import coverage_document, read_coverage
from meshsim.render.coverage_text import coverage_text
from meshsim.render.options import Options
from meshsim.suite import load, run
from meshsim.suite.coverage import coverage
from meshsim.suite.run import Meshes, Settings
from meshsim.suite_coverage import Coverage
from tests.suite_files import TODAY, written

TYPE = "type.googleapis.com/"
HEADER = {"name": "header", "typed_config": {"@type": TYPE + "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"}}


def route(name: str, cluster: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "match": {"prefix": "/"}, "route": {"cluster": cluster, **more}}


def leads_to(kind: str, **config: Any) -> dict[str, Any]:
    return {"action": {"name": "a", "typed_config": {"@type": f"{TYPE}envoy.config.route.v3.{kind}", **config}}}


def keyed(header: str, ways: dict[str, Any]) -> dict[str, Any]:
    asked = {**HEADER, "typed_config": {**HEADER["typed_config"], "header_name": header}}  # type: ignore[dict-item]
    return {"matcher_tree": {"input": asked, "exact_match_map": {"map": ways}}}


MATCHER = {
    **keyed(
        "x-tier",
        {
            "gold": leads_to("Route", **route("gold", "inside", request_mirror_policies=[{"cluster": "copies"}])),
            "silver": {"matcher": keyed("x-side", {"b": leads_to("RouteList", routes=[route("silver-b", "one")])})},
        },
    ),
    "on_no_match": leads_to("RouteList", routes=[route("rest", "one"), route("never-reached", "one")]),
}


def hcm(vhosts: list[dict[str, Any]]) -> dict[str, Any]:
    kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = {"name": "router", "typed_config": {"@type": TYPE + "envoy.extensions.filters.http.router.v3.Router"}}
    config = {"stat_prefix": "x", "route_config": {"name": "r", "virtual_hosts": vhosts}, "http_filters": [router]}
    return {"filters": [{"name": "hcm", "typed_config": {"@type": TYPE + kind, **config}}]}


def cluster(name: str, address: dict[str, Any]) -> dict[str, Any]:
    hosts = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": hosts}}


def at(port: int, **more: Any) -> dict[str, Any]:
    return {"socket_address": {"address": "10.1.0.1", "port_value": port, **more}}


CONFIG = {
    "static_resources": {
        "listeners": [
            {
                "name": "front",
                "address": at(80),
                "filter_chains": [
                    {
                        "name": "web",
                        **hcm(
                            [
                                {"name": "tiers", "domains": ["*"], "matcher": MATCHER},
                                {
                                    "name": "broken",
                                    "domains": ["broken"],
                                    "routes": [{"match": {"safe_regex": {"regex": "("}}, "route": {"cluster": "one"}}],
                                },
                            ]
                        ),
                    }
                ],
            },
            {
                "name": "inside",
                "internal_listener": {},
                "filter_chains": [
                    {
                        "name": "within",
                        **hcm([{"name": "inner", "domains": ["*"], "routes": [route("onward", "one")]}]),
                    }
                ],
            },
            {"name": "names", "address": at(53, protocol="UDP"), "udp_listener_config": {}},
        ],
        "clusters": [
            cluster("one", at(9080)),
            cluster("copies", at(9081)),
            cluster("inside", {"envoy_internal_address": {"server_listener_name": "inside"}}),
        ],
    }
}
SUITE = """\
    meshsim: 1
    config: [proxy.json]
    defaults: {destination: "10.1.0.1:80", from: outside, direction: inbound, pod: pod}
    tests:
      gold: {call: {headers: {x-tier: gold}}, expect: {assumptions: {not: x}}}
      silver: {call: {headers: {x-tier: silver, x-side: b}}, expect: {assumptions: {not: x}}}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Coverage:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "proxy.json").write_text(json.dumps(CONFIG, indent=1), encoding="utf-8")
    suites = [load(written(folder, SUITE), "suite.yaml")]
    meshes = Meshes()
    return coverage(suites, run(suites, Settings(TODAY, collect=True), meshes=meshes), meshes)


def shares(found: Coverage, kind: str) -> dict[str, bool]:
    return {thing.name: bool(thing.suites) for thing in found.of(kind)}


def test_routes_below_a_matcher_are_counted(found: Coverage) -> None:
    wanted = {"gold": True, "silver-b": True, "rest": False, "never-reached": False, "onward": True}
    assert shares(found, "route") == wanted
    rest = next(thing for thing in found.never if thing.name == "rest")
    assert rest.owners == (("route_config", "r"), ("virtual_host", "tiers"))
    assert rest.place.line is not None


def test_internal_listeners_are_counted_and_exercised(found: Coverage) -> None:
    assert shares(found, "listener") == {"front": True, "inside": True}
    assert shares(found, "filter_chain") == {"web": True, "within": True}


def test_a_cluster_that_only_gets_copies_is_exercised(found: Coverage) -> None:
    assert shares(found, "cluster") == {"one": True, "copies": True, "inside": True}


def test_what_is_not_counted_is_said(found: Coverage) -> None:
    assert [(each.kind, each.name, each.why) for each in found.uncounted] == [
        ("virtual_host", "broken", "unreadable"),
        ("listener", "names", "no-tcp"),
    ]
    text = coverage_text(found, Options())
    assert "not counted" in text
    assert "listener names: no TCP connection comes to it" in text
    again = read_coverage(json.loads(json.dumps(coverage_document(found))), "x")
    assert again.uncounted == found.uncounted
