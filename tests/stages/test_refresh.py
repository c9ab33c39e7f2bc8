"""A retry that may go to another cluster: what is drawn, by which value, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.facts.call import read_call
from meshsim.render import json
from tests.truth.families.retried_clusters import settings

THREE_WEIGHTS, MATCHER = "10.93.0.2:9002", "10.93.0.2:9000"
"""Weights 2, 3 and 5 of three clusters that are busy, two retries; a matcher that asks what the route writes."""


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, meshsim.Mesh]:
    return {made.name: made.mesh(Path(tmp_path_factory.mktemp("refresh"))) for made in settings()}


def traced(mesh: meshsim.Mesh, destination: str, **call: Any) -> meshsim.Trace:
    return mesh.trace(read_call({"from": "outside", "destination": destination, "authority": "a.test", **call}))


@pytest.mark.parametrize(
    ("value", "clusters"),
    [
        ("0", ["also busy", "third"]),
        ("4", ["third", "busy"]),
        ("9", ["also busy", "busy"]),
        ("12345678901", ["third", "also busy"]),
    ],
)
def test_the_same_value_draws_among_those_that_are_left(
    meshes: Mapping[str, meshsim.Mesh], value: str, clusters: list[str]
) -> None:
    trace = traced(meshes["another cluster"], THREE_WEIGHTS, headers={"x-value": value})
    decisions = trace.explain("refresh")
    assert [decision.reason.code for decision in decisions] == ["refresh.another"] * 2
    chosen = [decision.chosen.label for decision in decisions if decision.chosen is not None]
    assert chosen == clusters
    assert trace.hops[0].cluster == clusters[-1]


def test_one_random_value_makes_every_course(meshes: Mapping[str, meshsim.Mesh]) -> None:
    """R % 10 first, then the same R over the weights that are left: shares hang together and sum to one."""
    call = read_call({"from": "outside", "destination": THREE_WEIGHTS, "authority": "a.test"})
    branches = list(meshes["another cluster"].branches(call))
    assert sum(branch.share or 0 for branch in branches) == 1
    courses = {
        tuple(decision.chosen.label for decision in branch.trace.explain("refresh") if decision.chosen is not None): (
            branch.share
        )
        for branch in branches
    }
    # Weights 2, 3, 5: first the third one, then 2 of the 5 that are left.
    assert courses["busy", "also busy"] == Fraction(1, 2) * Fraction(2, 5)


@pytest.mark.parametrize("value", range(40))
def test_a_pinned_random_value_is_taken_each_time(meshes: Mapping[str, meshsim.Mesh], value: int) -> None:
    mesh = meshes["another cluster"]
    pinned = traced(mesh, THREE_WEIGHTS, random_value=value)
    stated = traced(mesh, THREE_WEIGHTS, headers={"x-value": str(value)})
    labels = [[decision.chosen for decision in trace.explain("refresh")] for trace in (pinned, stated)]
    assert [each and each.label for each in labels[0]] == [each and each.label for each in labels[1]]


def test_losers_say_whether_they_were_tried_or_not_drawn(meshes: Mapping[str, meshsim.Mesh]) -> None:
    first, _second = traced(meshes["another cluster"], THREE_WEIGHTS, headers={"x-value": "0"}).explain("refresh")
    assert {each.label: each.lost_at for each in first.candidates} == {
        "busy": "attempts",
        "also busy": "",
        "third": "weight",
    }


def test_replies_carry_the_headers_of_the_cluster_in_force(meshes: Mapping[str, meshsim.Mesh]) -> None:
    """Of a cluster that is not there too: a retry finds no host in it."""
    trace = traced(meshes["another cluster"], "10.93.0.2:9009", headers={"x-value": "0"})
    assert trace.outcome.response_headers["x-entry"] == ("missing", "route")
    assert (trace.outcome.status, trace.outcome.response_code_details) == (503, "no_healthy_upstream")
    assert trace.hops[0].cluster is None


def test_the_matcher_sees_what_the_route_wrote(meshes: Mapping[str, meshsim.Mesh]) -> None:
    [decision] = traced(meshes["another cluster by matcher"], MATCHER, headers={"x-a": "one"}).explain("refresh")
    assert decision.reason.code == "refresh.by-specifier"
    assert dict(decision.reason.facts)["cluster"] == "fine"


def test_a_refused_upgrade_names_the_weighted_cluster(meshes: Mapping[str, meshsim.Mesh]) -> None:
    headers = {"x-value": "1", "connection": "upgrade", "upgrade": "other"}
    trace = traced(meshes["replies of weighted routes"], "10.93.0.2:9001", headers=headers)
    hop = json.document(trace.report(), show_secrets=True)["hops"][0]
    assert (hop["status"], hop["cluster"], trace.outcome.response_headers["x-entry"]) == (
        403,
        "fine",
        ("fine", "route"),
    )
