"""The cluster stage: found, missing for whatever reason, or beyond what the inputs can say."""

from typing import Any

import pytest

from meshsim.stages import cluster as stage
from meshsim.states import AtEndpoint, AtReturn
from tests.builders_upstream import (
    at_cluster,
    decided,
    described,
    dump,
    http_via,
    locality,
    pod,
    said,
    static_cluster,
    tcp_via,
)

REVIEWS = "outbound|9080|v1|reviews.default.svc.cluster.local"


def test_a_cluster_that_is_there() -> None:
    metadata = {
        "filter_metadata": {
            "istio": {"config": "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews"}
        }
    }
    at = at_cluster(REVIEWS, pod(dump({**static_cluster(), "name": REVIEWS, "metadata": metadata})))
    picked, after, chooser = decided(stage.STAGE, at)
    assert isinstance(after, AtEndpoint) and after.cluster is picked and picked.name == REVIEWS
    assert chooser.assumptions == [] and chooser.taken == []
    hop = described(stage.STAGE, at, picked)
    assert (hop.cluster, hop.service, hop.port, hop.subset) == (
        REVIEWS,
        "reviews.default.svc.cluster.local",
        9080,
        "v1",
    )
    assert hop.origin == {"cluster": "DestinationRule default/reviews"}
    assert hop.upstream.protocol == "http/1.1" and hop.upstream.authority == "example.com"


def test_the_cluster_says_which_version_leaves() -> None:
    made = {**static_cluster(), "http2_protocol_options": {}}
    at = at_cluster("a", pod(dump(made)))
    assert described(stage.STAGE, at, decided(stage.STAGE, at)[0]).upstream.protocol == "http2"
    tcp = at_cluster("a", pod(dump(made)), via=tcp_via())
    assert described(stage.STAGE, tcp, decided(stage.STAGE, tcp)[0]).upstream.protocol == "tcp"


@pytest.mark.parametrize(
    ("via", "status"),
    [
        (http_via(), 503),
        (http_via(cluster_not_found_response_code="NOT_FOUND"), 404),
        (http_via(cluster_not_found_response_code="INTERNAL_SERVER_ERROR"), 500),
    ],
)
def test_http_to_a_missing_cluster_is_answered(via: Any, status: int) -> None:
    at = at_cluster("gone", pod(), via=via)
    picked, after, _ = decided(stage.STAGE, at)
    assert picked is None and isinstance(after, AtReturn)
    ending = after.ending
    assert (ending.kind, ending.status, ending.body, ending.answered_by) == ("replied", status, "", 0)
    assert (ending.response_flags, ending.response_code_details) == (("NC",), "cluster_not_found")
    hop = described(stage.STAGE, at, None)
    assert (hop.status, hop.response_flags, hop.response_code_details) == (status, ("NC",), "cluster_not_found")
    assert hop.cluster == "gone" and hop.upstream is None


def test_grpc_to_a_missing_cluster() -> None:
    at = at_cluster("gone", pod(), conversation=said(headers={"content-type": ("application/grpc",)}))
    ending = decided(stage.STAGE, at)[1].ending
    assert (ending.status, ending.grpc_status) == (200, 14)


def test_tcp_to_a_missing_cluster_is_closed() -> None:
    at = at_cluster("gone", pod(), via=tcp_via())
    ending = decided(stage.STAGE, at)[1].ending
    assert (ending.kind, ending.response_flags, ending.response_code_details) == ("closed", ("NC",), None)
    hop = described(stage.STAGE, at, None)
    assert hop.downstream_local_close_reason == "tcp_initializion_failure:3" and hop.status is None


def test_a_dump_without_clusters_cannot_say() -> None:
    at = at_cluster("a", pod(dump(sections=(), endpoints=())))
    _, after, chooser = decided(stage.STAGE, at)
    assert after.ending.kind == "unknown"
    assert [each.code for each in chooser.assumptions] == ["upstream.clusters-not-in-dump"]
    assert described(stage.STAGE, at, None).response_flags == ()


def test_warming_and_rejected_clusters_are_named() -> None:
    warming = at_cluster("a", pod(dump(warming=[static_cluster()])))
    decision = stage.explain(None, warming, None)  # type: ignore[arg-type]
    assert decision.reason.code == "cluster.not-found-warming" and decision.deciding
    error = {
        "failed_configuration": static_cluster(),
        "details": "bad lb_policy",
        "last_update_attempt": "2025-02-17T14:49:37Z",
    }
    rejected = at_cluster("a", pod(dump(rejected={"error_state": error})))
    reason = stage.explain(None, rejected, None).reason  # type: ignore[arg-type]
    assert (reason.code, reason.fact("error"), reason.fact("time")) == (
        "cluster.not-found-rejected",
        "bad lb_policy",
        "2025-02-17T14:49:37Z",
    )
    assert reason.place is not None and "error_state" in str(reason.place)


def test_types_that_are_not_modelled_end_unknown() -> None:
    redis = {"name": "a", "cluster_type": {"name": "envoy.clusters.redis"}}
    at = at_cluster("a", pod(dump(redis)))
    picked, after, chooser = decided(stage.STAGE, at)
    assert picked.name == "a" and after.ending.kind == "unknown"
    assert [each.code for each in chooser.assumptions] == ["upstream.cluster-type-not-modelled"]


CLEVER = {
    "policies": [
        {"typed_extension_config": {"name": "mine", "typed_config": {"@type": "type.googleapis.com/mine.v1.Clever"}}}
    ]
}


def test_doubts_are_assumed_and_notes_are_not() -> None:
    made = static_cluster(locality("10.0.0.1:80"), load_balancing_policy=CLEVER, outlier_detection={})
    at = at_cluster("a", pod(dump(made)))
    picked, _, chooser = decided(stage.STAGE, at)
    assert [each.fact("field") for each in chooser.assumptions] == ["load_balancing_policy Clever"]
    decision = stage.explain(None, at, picked)  # type: ignore[arg-type]
    assert [each.fact("field") for each in decision.notes] == ["outlier_detection"]
    assert decision.trivial and not decision.deciding


def test_a_limit_of_zero_is_noted() -> None:
    made = static_cluster(circuit_breakers={"thresholds": [{"max_requests": 0}]})
    at = at_cluster("a", pod(dump(made)))
    decision = stage.explain(None, at, decided(stage.STAGE, at)[0])  # type: ignore[arg-type]
    assert [(each.code, each.fact("limit")) for each in decision.notes] == [("cluster.limit-is-zero", "max_requests")]
