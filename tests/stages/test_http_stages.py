"""vhost, route and router: what each picks, what comes next, and what the hop says."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.explanation import Fate
from meshsim.facts.conversation import Conversation
from meshsim.stages import vhost
from meshsim.states import AtFilters, AtRoute, AtVhost
from tests.builders_http import (
    MESH,
    connection,
    dump,
    one_route,
    pod,
    request,
    table_fields,
    virtual_host,
    walk,
)
from tests.builders_http import manager as hcm

GRPC = {"content-type": ("application/grpc",)}


def test_from_request_to_cluster() -> None:
    table = table_fields(
        virtual_host(one_route(name="default"), name="reviews", domains=["reviews", "reviews:9080"]),
        virtual_host(one_route(name="allow_any"), name="allow_any"),
    )
    walked = walk(hcm(table=table), request(host="reviews:9080"))
    assert walked.cluster == "c"
    hop = walked.hop
    assert (hop.route_config, hop.virtual_host, hop.route) == ("table", "reviews", "default")
    assert hop.upstream is not None
    assert hop.upstream.authority == "reviews:9080"
    assert list(walked.decisions) == ["http", "vhost", "route", "filters", "router"]
    assert not any(decision.deciding for decision in walked.decisions.values())
    assert isinstance(walked.picked["vhost"].name, str)


def test_the_states_on_the_way() -> None:
    manager = hcm(one_route())
    asked = request(headers={"x-forwarded-proto": ("http",)})
    at = AtVhost(pod(), manager, connection(), asked, 3, None)
    picked, after = vhost.decide(MESH, at, walk(manager).chooser)
    assert isinstance(after, AtRoute)
    assert (after.vhost, after.hop) == (picked, 3)
    nowhere = hcm(table=table_fields(virtual_host(one_route(), domains=["b.com"])))
    _, after = vhost.decide(MESH, AtVhost(pod(), nowhere, connection(), asked, 3, None), walk(manager).chooser)
    assert isinstance(after, AtFilters)
    assert after.route is None


def test_falling_to_the_rest_because_of_the_port_is_the_cause() -> None:
    table = table_fields(
        virtual_host(one_route(), name="reviews", domains=["reviews:9080"]),
        virtual_host(one_route(name="block_all", direct_response={"status": 502}), name="block_all"),
    )
    walked = walk(hcm(table=table), request(host="reviews:80"))
    assert walked.ending.status == 502
    decision = walked.decisions["vhost"]
    assert decision.deciding
    assert decision.reason.code == "vhost.only-another-port"
    assert decision.reason.fact("domain") == "reviews:9080"
    assert decision.candidates[1].label == "reviews"


@pytest.mark.parametrize(("headers", "status", "grpc_status"), [({}, 404, None), (GRPC, 200, 12)])
def test_no_virtual_host_and_no_route_are_404(headers: Any, status: int, grpc_status: int | None) -> None:
    for table in (
        table_fields(virtual_host(one_route(), domains=["b.com"])),
        table_fields(virtual_host(one_route({"path": "/x"}))),
        table_fields(),
    ):
        ending = walk(hcm(table=table), request("/y", headers=headers)).ending
        assert (ending.status, ending.grpc_status) == (status, grpc_status)
        assert (ending.response_flags, ending.response_code_details) == (("NR",), "route_not_found")
        assert ending.answered_by == 0


def test_why_no_route_matched() -> None:
    walked = walk(hcm(one_route({"path": "/x"}, name="x"), one_route({"prefix": "/z"}, name="z")), request("/y"))
    decision = walked.decisions["route"]
    assert decision.deciding
    assert [candidate.fate for candidate in decision.candidates] == [Fate.FAILED, Fate.FAILED]
    assert [candidate.lost_at for candidate in decision.candidates] == ["path", "prefix"]
    assert all(candidate.near_miss for candidate in decision.candidates)
    assert str(decision.candidates[1].checks[0].place).endswith("/routes/1/match/prefix")


LUA = {
    "extension": {
        "name": "l",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig",
            "source_code": {"inline_string": "x"},
        },
    }
}
RDS = {"rds": {"route_config_name": "80"}}


def test_a_table_of_the_dump() -> None:
    owner = pod(dump(table_fields(virtual_host(one_route(name="r"))) | {"name": "80"}))
    walked = walk(hcm(**RDS), owner=owner)
    assert (walked.hop.route_config, walked.hop.route) == ("80", "r")


def test_a_table_that_envoy_has_not_got_is_a_404() -> None:
    walked = walk(hcm(**RDS), owner=pod(dump()))
    assert walked.ending.status == 404
    assert walked.decisions["vhost"].reason.code == "vhost.table-missing"
    assert walked.decisions["vhost"].deciding
    assert walked.hop.route_config == "80"


def test_a_dump_without_routes_leaves_it_unknown() -> None:
    walked = walk(hcm(**RDS), owner=pod(dump(sections=("clusters",))))
    assert walked.ending.kind == "unknown"
    assert [reason.code for reason in walked.chooser.assumptions] == ["vhost.table-not-in-dump"]


SCOPES = {
    "name": "s",
    "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": "x", "index": 0}}]},
    "scoped_rds": {"scoped_rds_config_source": {"ads": {}}},
}


@pytest.mark.parametrize(
    ("manager", "code"),
    [
        (hcm(scoped_routes=SCOPES), "vhost.scopes-not-in-dump"),
        (hcm(table=table_fields(vhds={"config_source": {"ads": {}}})), "vhost.on-demand"),
        (hcm({"match": {"prefix": "/"}, "later_action": {}}), "router.action-not-modelled"),
        (hcm(one_route(route={"inline_cluster_specifier_plugin": LUA})), "router.specifier-not-modelled"),
    ],
)
def test_what_is_not_modelled_ends_unknown_and_says_so(manager: Any, code: str) -> None:
    walked = walk(manager)
    assert walked.ending.kind == "unknown"
    assert code in [reason.code for reason in walked.chooser.assumptions]
    assert code in [decision.reason.code for decision in walked.decisions.values() if decision.deciding]


def test_direct_responses() -> None:
    walked = walk(hcm(one_route(name="b", direct_response={"status": 502, "body": {"inline_string": "no"}})))
    ending = walked.ending
    assert (ending.status, ending.body, ending.response_code_details) == (502, "no", "direct_response")
    assert ending.response_headers["content-type"] == ("text/plain",)
    assert walked.hop.status == 502
    assert walked.hop.cluster is None
    assert walked.decisions["router"].deciding
    grpc = walk(hcm(one_route(direct_response={"status": 502, "body": {"inline_string": "a%"}})), request(headers=GRPC))
    assert (grpc.ending.status, grpc.ending.grpc_status, grpc.ending.body) == (200, 14, "")
    assert grpc.ending.response_headers["grpc-message"] == ("a%25",)
    from_file = walk(hcm(one_route(direct_response={"status": 200, "body": {"filename": "/x"}}))).ending
    assert from_file.body is None


def test_non_forwarding_routes_reach_no_cluster() -> None:
    ending = walk(hcm(one_route(non_forwarding_action={}))).ending
    assert (ending.status, ending.response_flags, ending.response_code_details) == (503, ("NC",), "cluster_not_found")


WEIGHTED = {
    "weighted_clusters": {
        "clusters": [
            {"name": "a", "weight": 20, "host_rewrite_literal": "a.host"},
            {"name": "never", "weight": 0},
            {"name": "b", "weight": 80, "metadata_match": {"filter_metadata": {"envoy.lb": {"v": "2"}}}},
        ]
    },
    "metadata_match": {"filter_metadata": {"envoy.lb": {"v": "1", "w": "1"}}},
}


def test_weighted_clusters() -> None:
    manager = hcm(one_route(name="r", route=WEIGHTED))
    walked = walk(manager)
    assert walked.cluster == "b"
    assert [float(taken.share or 0) for taken in walked.chooser.taken] == [0.8]
    assert walked.end.via.metadata_match == {"v": "2", "w": "1"}  # type: ignore[union-attr]
    assert walk(manager, random_value=119).cluster == "a"
    assert walk(manager, random_value=120).cluster == "b"
    pinned = walk(manager, pins={"0/cluster": "a"})
    assert pinned.sent.authority == "a.host"
    assert "x-envoy-original-host" not in pinned.sent.headers
    fates = {candidate.label: candidate.fate for candidate in pinned.decisions["router"].candidates}
    assert fates == {"a": Fate.CHOSEN, "never": Fate.FAILED, "b": Fate.FAILED}
    assert pinned.decisions["router"].reason.fact("total") == 100


def test_one_cluster_with_all_the_weight_is_no_choice() -> None:
    only = {"weighted_clusters": {"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 0}]}}
    walked = walk(hcm(one_route(route=only)))
    assert walked.cluster == "a"
    assert not walked.chooser.taken


@pytest.mark.parametrize(("values", "cluster"), [(("x", "y"), "x"), ((), "")])
def test_the_cluster_of_a_header(values: tuple[str, ...], cluster: str) -> None:
    manager = hcm(one_route(route={"cluster_header": "X-Cluster", "cluster_not_found_response_code": "NOT_FOUND"}))
    walked = walk(manager, request(headers={"x-cluster": values} if values else {}))
    assert walked.cluster == cluster
    assert walked.end.via.cluster_not_found_status == 404  # type: ignore[union-attr]
    assert walked.decisions["router"].deciding is not bool(values)


def test_what_a_virtual_host_adds() -> None:
    policy = {"retry_on": "5xx", "num_retries": 3}
    table = table_fields(virtual_host(one_route(), include_request_attempt_count=True, retry_policy=policy))
    walked = walk(hcm(table=table))
    assert walked.sent.headers["x-envoy-attempt-count"] == ("1",)
    retry = walked.end.via.retry_policy  # type: ignore[union-attr]
    assert (retry.name, retry.num_retries) == ("5xx", 3)


def test_the_router_may_suppress_envoys_headers() -> None:
    router = _router(suppress_envoy_headers=True)
    sent = walk(hcm(one_route(route={"cluster": "c", "prefix_rewrite": "/x"}), http_filters=[router])).sent
    assert not [name for name in sent.headers if name.startswith("x-envoy-")]


def test_the_number_of_the_attempt_is_no_header_that_the_router_suppresses() -> None:
    table = table_fields(virtual_host(one_route(), include_request_attempt_count=True))
    sent = walk(hcm(table=table, http_filters=[_router(suppress_envoy_headers=True)])).sent
    assert [name for name in sent.headers if name.startswith("x-envoy-")] == ["x-envoy-attempt-count"]


def test_where_a_route_came_from_and_its_mirrors() -> None:
    config = "/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews"
    route = one_route(
        name="r",
        metadata={"filter_metadata": {"istio": {"config": config}}},
        route={"cluster": "c", "request_mirror_policies": [{"cluster": "m"}]},
    )
    hop = walk(hcm(route)).hop
    assert hop.origin == {"route": "VirtualService default/reviews"}
    assert hop.mirrors == ("m",)


def test_fields_that_are_not_modelled_are_assumptions() -> None:
    walked = walk(hcm(one_route(name="r", novelty=1, route={"cluster": "c", "new_action": {}})))
    assert [(reason.fact("field"), reason.fact("resource")) for reason in walked.chooser.assumptions] == [
        ("novelty", "r"),
        ("new_action", "r"),
    ]


def test_what_goes_on_is_a_conversation_of_its_own() -> None:
    walked = walk(hcm(one_route()), request(version="http2"))
    assert walked.end.conversation == Conversation("http2", request=walked.sent)  # type: ignore[union-attr]
    assert walked.end.alpn_override == ()  # type: ignore[union-attr]


def test_a_header_that_only_run_time_knows_travels_on() -> None:
    addition = {"header": {"key": "content-type", "value": "%START_TIME%"}}
    manager = hcm(one_route(request_headers_to_add=[addition]))
    first = walk(manager).sent
    assert first.headers["content-type"] == ()
    assert walk(manager, first).sent.headers["x-request-id"] == ()


def _router(**options: Any) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    return {"name": "envoy.filters.http.router", "typed_config": {"@type": kind, **options}}
