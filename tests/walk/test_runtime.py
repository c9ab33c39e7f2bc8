"""Runtime values end to end: the bootstrap's layers, and what a call states on top of them."""

from __future__ import annotations

from typing import Any

import meshsim
from meshsim.facts.call import read_call
from meshsim.mesh import Mesh
from tests.outcomes import worlds

FRACTION = {"default_value": {"numerator": 0}, "runtime_key": "canary.share"}
WEIGHTED = {"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}], "runtime_key_prefix": "w"}
ROUTES = [
    {"match": {"prefix": "/", "runtime_fraction": FRACTION}, "direct_response": {"status": 201}},
    {"match": {"prefix": "/"}, "route": {"weighted_clusters": WEIGHTED}},
]


def mesh() -> Mesh:
    table = {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": ROUTES}]}
    clusters = [worlds.cluster(name="a"), worlds.cluster(name="b")]
    return worlds.world(worlds.gate(worlds.hcm(route_config=table), clusters=clusters))


def test_a_call_states_runtime_values() -> None:
    held = mesh()
    assert worlds.ask(held, runtime={"canary": {"share": 100}}).outcome.status == 201
    assert worlds.ask(held, runtime={"w.a": 0}).hops[0].cluster == "b"
    assert worlds.ask(held, runtime={"w": {"b": 0}}).hops[0].cluster == "a"
    assert not worlds.ask(held, runtime={"w": {"b": 0}}).assumptions


def test_branches_know_them_too() -> None:
    call: dict[str, Any] = {"from": "outside", "destination": f"{worlds.GATE}:8080", "runtime": {"w.a": 3, "w.b": 1}}
    found = meshsim.api.Mesh(mesh()).branches(read_call(call), by="cluster")
    assert [(each.hops[0].cluster, each.probability) for each in found] == [("a", 0.75), ("b", 0.25)]


def test_a_value_of_no_known_kind_is_refused_not_ignored() -> None:
    try:
        worlds.ask(mesh(), runtime={"w.a": [1]})
    except meshsim.Rejected as error:
        assert "w.a" in str(error)
    else:
        raise AssertionError("a list is no runtime value")
