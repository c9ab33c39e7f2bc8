"""Checks of route configurations and clusters: a dump in, findings out; near misses stay silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshsim.findings import Finding
from tests.lint.dumps import (
    assignment,
    chain,
    cluster,
    codes,
    dump,
    facts,
    found,
    hcm,
    host,
    listener,
    route,
    table,
    tcp,
    typed,
)

RDS = listener("l", chain(hcm(rds={"route_config_name": "80", "config_source": {"ads": {}}})))


def _routes(*routes: Any, name: str = "80") -> dict[str, Any]:
    return table(name, host("v", *routes))


def test_nothing_is_wrong_with_a_whole_and_sound_dump(tmp_path: Path) -> None:
    assert found(tmp_path, dump(listeners=[RDS], clusters=[cluster()], routes=[_routes(route())])) == []


@pytest.mark.parametrize(
    ("match", "field"),
    [
        ({"path": "a"}, "path"),
        ({"prefix": "a/"}, "prefix"),
        ({"prefix": "/a?b=1"}, "prefix"),
        ({"safe_regex": {"regex": "a.*"}}, "safe_regex"),
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}}}, "runtime_fraction"),
    ],
)
def test_a_route_that_nothing_meets(tmp_path: Path, match: Any, field: str) -> None:
    (finding,) = found(tmp_path, _routes({"match": match, "route": {"cluster": "a"}}), "MS106")
    assert (finding.resource, facts(finding)["field"]) == ("80/v/#0", field)
    assert finding.place.path[-2:] == ("match", field)


@pytest.mark.parametrize(
    "match",
    [
        {"path": "/a"},
        {"prefix": ""},
        {"safe_regex": {"regex": ".*"}},
        {"safe_regex": {"regex": "(a|/b)"}},
        {"safe_regex": {"regex": "a?/b"}},
        {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}, "runtime_key": "k"}},
        {"connect_matcher": {}},
    ],
)
def test_a_route_that_something_may_meet(tmp_path: Path, match: Any) -> None:
    assert found(tmp_path, _routes({"match": match, "route": {"cluster": "a"}}), "MS106") == []


def test_routes_below_a_matcher_shadow_each_other(tmp_path: Path) -> None:
    listed = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteList", "routes": [route(), route()]}
    header = {"@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "x"}
    tree = {
        "input": {"name": "header", "typed_config": header},
        "exact_match_map": {"map": {"1": {"action": {"name": "routes", "typed_config": listed}}}},
    }
    made = table("80", {"name": "v", "domains": ["*"], "matcher": {"matcher_tree": tree}})
    assert codes(found(tmp_path, made, "MS101")) == [("MS101", "80/v/#1")]


def _missing(tmp_path: Path, **parts: Any) -> list[Finding]:
    return found(tmp_path, dump(**{"clusters": [cluster()], **parts}), "MS102")


def test_missing_clusters_wherever_they_are_named(tmp_path: Path) -> None:
    mirrored = route(cluster="a", request_mirror_policies=[{"cluster": "copy"}])
    mirrored["route"]["cluster"] = "a"
    weighted = route(weighted_clusters={"clusters": [{"name": "a", "weight": 1}, {"name": "split", "weight": 1}]})
    authz = typed(
        "extensions.filters.http.ext_authz.v3.ExtAuthz", grpc_service={"envoy_grpc": {"cluster_name": "authz"}}
    )
    jwks = {"remote_jwks": {"http_uri": {"uri": "https://keys.example", "cluster": "keys", "timeout": "1s"}}}
    jwt = typed("extensions.filters.http.jwt_authn.v3.JwtAuthentication", providers={"p": {"issuer": "i", **jwks}})
    router = typed("extensions.filters.http.router.v3.Router")
    inline = table(
        "in", host("v", mirrored), host("w", weighted, domains=["w"]), host("n", route("none"), domains=["n"])
    )
    members = {
        "name": "both",
        "cluster_type": typed("extensions.clusters.aggregate.v3.ClusterConfig", clusters=["a", "member"])
        | {"name": "envoy.clusters.aggregate"},
    }
    findings = _missing(
        tmp_path,
        listeners=[
            listener("h", chain(hcm(route_config=inline, http_filters=[authz, jwt, router]))),
            listener("t", chain(tcp("bytes"), name="c"), port=81),
        ],
        clusters=[cluster(), members],
    )
    assert {facts(each)["cluster"]: (each.kind, facts(each)["field"]) for each in findings} == {
        "copy": ("route", "request_mirror_policies"),
        "split": ("route", "weighted_clusters"),
        "none": ("route", "cluster"),
        "bytes": ("filter_chain", "cluster"),
        "authz": ("listener", "grpc_service"),
        "keys": ("listener", "http_uri"),
        "member": ("cluster", "clusters"),
    }


@pytest.mark.parametrize(
    "parts",
    [
        {"routes": [_routes(route())]},
        {"routes": [_routes(route("none"))], "leave_out": ["Clusters"]},
        {"routes": [_routes(route("none"))], "leave_out": ["Bootstrap"]},
        {"routes": [_routes(route(cluster_header="x-to"))]},
        {
            "routes": [
                _routes(route(weighted_clusters={"clusters": [{"name": "a", "weight": 1}, {"name": "z", "weight": 0}]}))
            ]
        },
        {"routes": [_routes(route("warm"))], "warming_clusters": [{"cluster": cluster("warm")}]},
        {
            "routes": [_routes(route("none"))],
            "listeners": [
                listener(
                    "l",
                    chain(
                        hcm(
                            rds={"route_config_name": "80"},
                            http_filters=[
                                typed("extensions.filters.http.on_demand.v3.OnDemand"),
                                typed("extensions.filters.http.router.v3.Router"),
                            ],
                        )
                    ),
                )
            ],
        },
    ],
)
def test_clusters_that_may_be_there(tmp_path: Path, parts: Any) -> None:
    assert _missing(tmp_path, **parts) == []


def test_route_configurations_without_a_listener_and_the_reverse(tmp_path: Path) -> None:
    findings = found(tmp_path, dump(listeners=[RDS], routes=[_routes(route(), name="81")], clusters=[cluster()]))
    assert codes(findings) == [("MS103", "81"), ("MS112", "l/filter_chains[0]")]
    assert facts(findings[1]) == {"table": "80"}
    for section in ("Listeners", "Bootstrap"):
        made = dump(listeners=[RDS], routes=[_routes(route(), name="81")], leave_out=[section])
        assert found(tmp_path, made, "MS103", "MS112") == []


EDS = {"name": "a", "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}}, "service_name": "s"}}
NO_PANIC = {"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}


@pytest.mark.parametrize(
    ("made", "endpoints", "expected"),
    [
        (EDS, [assignment("s")], ["MS104"]),
        (EDS, [{"cluster_name": "s"}], ["MS104"]),
        (EDS, [], []),
        (EDS, [assignment("a")], []),
        (EDS, [assignment("s", "10.1.1.1")], []),
        (EDS, [assignment("s", "10.1.1.1", health_status="UNHEALTHY")], []),
        ({**EDS, **NO_PANIC}, [assignment("s", "10.1.1.1", health_status="UNHEALTHY")], ["MS105"]),
        ({**EDS, **NO_PANIC}, [assignment("s", "10.1.1.1", health_status="HEALTHY")], []),
        ({"name": "a", "type": "STATIC", "load_assignment": {"cluster_name": "a"}}, [], ["MS104"]),
        ({"name": "BlackHoleCluster", "type": "STATIC"}, [], []),
        ({"name": "p", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}, [], []),
    ],
)
def test_clusters_without_anybody(tmp_path: Path, made: Any, endpoints: Any, expected: list[str]) -> None:
    findings = found(tmp_path, dump(clusters=[made], endpoints=endpoints), "MS100", "MS104", "MS105")
    assert [finding.code for finding in findings] == expected


@pytest.mark.parametrize(
    ("domains", "ignore", "lost"),
    [
        (["a.example:8080"], True, ["a.example:8080"]),
        (["a.example:8080"], False, []),
        (["a.example:8080", "a.example"], True, []),
        (["a.example"], True, []),
        (["*"], True, []),
    ],
)
def test_domains_whose_port_is_taken_away(tmp_path: Path, domains: list[str], ignore: bool, lost: list[str]) -> None:
    made = table("80", host("v", route(), domains=domains), ignore_port_in_host_matching=ignore)
    assert [facts(each)["domain"] for each in found(tmp_path, made, "MS107")] == lost


def test_what_envoy_refuses_is_told_once_and_at_its_place(tmp_path: Path) -> None:
    twice = table("80", host("v", route()), host("w", route()))
    bad = table("81", host("v", {"match": {"safe_regex": {"regex": "("}}, "route": {"cluster": "a"}}))
    empty = listener("none")
    findings = found(tmp_path, dump(routes=[twice, bad], listeners=[empty]), "MS100")
    assert [(each.kind, each.resource) for each in findings] == [
        ("listener", "none"),
        ("route_config", "80"),
        ("virtual_host", "81/v"),
    ]
    assert "domain '*'" in facts(findings[1])["why"]
    assert findings[2].place.path[-1] == "regex" or "match" in findings[2].place.path


def test_addresses_taken_out_of_a_dump_are_no_refusal(tmp_path: Path) -> None:
    assert found(tmp_path, dump(clusters=[cluster("a", "IP_REDACTED")]), "MS100") == []
    assert len(found(tmp_path, dump(clusters=[cluster("a", "shop.example")]), "MS100")) == 1


def test_updates_that_are_not_in_force(tmp_path: Path) -> None:
    error = {"details": "no such filter", "last_update_attempt": "2026-01-02T03:04:05Z"}
    refused = {"name": "l", "error_state": error, "active_state": {"listener": RDS}}
    made = dump(more_listeners=[refused], warming_clusters=[{"cluster": cluster("warm")}])
    findings = found(tmp_path, made, "MS113", "MS114")
    assert codes(findings) == [("MS113", "l"), ("MS114", "warm")]
    assert facts(findings[0]) == {"error": "no such filter", "time": "2026-01-02T03:04:05Z", "in_force": True}


def test_unused_clusters_and_zero_weights_are_told_when_asked_for(tmp_path: Path) -> None:
    split = route(weighted_clusters={"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 0}]})
    made = dump(listeners=[RDS], routes=[_routes(split)], clusters=[cluster(each) for each in "abc"])
    assert codes(found(tmp_path, made)) == [("MS119", "c"), ("MS120", "80/v/#0")]
    by_header = dump(listeners=[RDS], routes=[_routes(route(cluster_header="x"))], clusters=[cluster()])
    assert found(tmp_path, by_header, "MS119") == []
