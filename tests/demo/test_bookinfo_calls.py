"""What a user sees who walks the demo's bookinfo mesh: from application to application, and where it refuses."""

from typing import Any

import pytest

import meshsim
from meshsim.facts.call import Call

MESH = meshsim.load_demo()
DELIVERED: dict[str, tuple[Call, str, list[str]]] = {
    "sleep -> reviews": (Call(authority="reviews:9080", path="/reviews/1"), "reviews-v1", ["sleep", "reviews-v1"]),
    "sleep -> reviews, as jason": (
        Call(authority="reviews:9080", headers={"end-user": "jason"}),
        "reviews-v2",
        ["sleep", "reviews-v2"],
    ),
    "productpage -> details": (
        Call(from_="productpage", authority="details:9080"),
        "details",
        ["productpage", "details"],
    ),
    "outside -> gateway -> productpage": (
        Call(from_="outside", destination="10.80.3.160:8080", authority="bookinfo.example", path="/productpage"),
        "productpage",
        ["istio-ingressgateway", "productpage"],
    ),
    "legacy -> reviews": (Call(from_="legacy", destination="10.80.3.153:9080"), "reviews-v1", ["reviews-v1"]),
    "legacy -> ratings, excluded port": (Call(from_="legacy", destination="10.80.3.152:9081"), "ratings", []),
    "sleep -> legacy": (Call(authority="legacy"), "legacy", ["sleep"]),
}


@pytest.mark.parametrize("question", DELIVERED)
def test_a_call_that_arrives(question: str) -> None:
    call, pod, way = DELIVERED[question]
    trace = MESH.trace(call)
    assert (trace.outcome.kind, trace.outcome.status, trace.outcome.pod) == ("delivered", 200, pod)
    assert [hop.pod for hop in trace.hops] == way


def test_a_strict_pod_closes_plaintext() -> None:
    trace = MESH.trace(Call(from_="legacy", authority="details-pods:9080"))
    assert (trace.outcome.kind, trace.outcome.response_flags) == ("closed", ("NR",))
    assert trace.outcome.response_code_details == "filter_chain_not_found"


def test_mutual_tls_carries_the_pods_own_name() -> None:
    _, far = MESH.trace(Call(from_="productpage", authority="details:9080")).hops
    assert far.downstream.tls.peer.uri_sans == ("spiffe://cluster.local/ns/default/sa/bookinfo-productpage",)


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/productpage", None)])
def test_the_gateway_knows_its_paths(path: str, status: int | None) -> None:
    outcome = MESH.trace(
        Call(from_="outside", destination="10.80.3.160:8080", authority="bookinfo.example", path=path)
    ).outcome
    assert (outcome.status if outcome.kind == "replied" else None) == status


def test_every_sidecar_has_both_policies() -> None:
    unknown: dict[str, Any] = {"destination": "10.9.9.9:9080"}
    closed = meshsim.load_demo("REGISTRY_ONLY")
    for pod in ("sleep", "productpage", "details", "ratings", "reviews-v1", "reviews-v2", "reviews-v3"):
        assert MESH.trace(Call(from_=pod, **unknown)).outcome.kind == "forwarded"
        refused = closed.trace(Call(from_=pod, **unknown)).outcome
        assert (refused.kind, refused.status) == ("replied", 502)
