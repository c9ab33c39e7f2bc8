"""An upstream's redirect in the walk: followed as a hop of its own, or left to the client, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import meshsim
from meshsim.facts.call import read_call
from meshsim.render import json
from tests.truth.families.internal_redirects import settings


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> meshsim.Mesh:
    [policies] = [setting for setting in settings() if setting.name == "policies"]
    return policies.mesh(Path(tmp_path_factory.mktemp("redirects")))


def traced(mesh: meshsim.Mesh, go: str, **call: Any) -> meshsim.Trace:
    asked = {"destination": "10.93.0.2:22000", "path": "/p/x", "authority": "a.test", "headers": {"x-go": go}, **call}
    return mesh.trace(read_call(asked))


def document(mesh: meshsim.Mesh, go: str) -> Mapping[str, Any]:
    return json.document(traced(mesh, go).report(), show_secrets=True)


def test_a_redirect_that_is_followed_is_a_hop_of_its_own(mesh: meshsim.Mesh) -> None:
    made = document(mesh, "dest")
    first, far, again = made["hops"]
    assert (first["route"], first["response_code_details"], first["status"]) == ("p", "internal_redirect", 302)
    assert first["internal_redirect"] == {
        "location": "http://new.test/dest?q=1",
        "followed": True,
        "target": {"virtual_host": "everything", "route": "dest", "cluster": "app"},
    }
    assert (far["listener"], far["from_hop"], far["cause"]) == ("far", 0, "connect")
    assert (again["listener"], again["from_hop"], again["cause"]) == (first["listener"], 0, "internal_redirect")
    assert again["upstream"]["headers"]["x-envoy-original-url"] == "http://a.test/p/x"
    assert again["route"] == "dest"


@pytest.mark.parametrize(
    ("go", "code"),
    [
        ("dest", "redirect.followed"),
        ("https", "redirect.cross-scheme"),
        ("relative", "redirect.not-absolute"),
        ("none", "redirect.no-location"),
        ("nowhere", "redirect.no-route"),
    ],
)
def test_each_decision_has_its_reason(mesh: meshsim.Mesh, go: str, code: str) -> None:
    [decision] = traced(mesh, go).explain("redirect")
    assert decision.reason.code == code
    assert (decision.chosen is None) is (code != "redirect.followed")


def test_what_is_refused_before_any_route_is_looked_up_has_no_target(mesh: meshsim.Mesh) -> None:
    assert document(mesh, "https")["hops"][0]["internal_redirect"]["target"] is None
    nowhere = document(mesh, "nowhere")["hops"][0]["internal_redirect"]
    assert (nowhere["followed"], nowhere["target"]["route"]) == (False, None)


def test_an_answer_that_no_policy_asks_about_is_no_redirect(mesh: meshsim.Mesh) -> None:
    trace = traced(mesh, "301")
    assert trace.explain("redirect") == ()
    assert trace.hops[0].internal_redirect is None


def test_an_application_that_redirects_nobody_knows_where(tmp_path: Path) -> None:
    [policies] = [setting for setting in settings() if setting.name == "policies"]
    stated = {"listen": "0.0.0.0:23900", "protocol": "tcp", "speaks": "http", "status": 302}
    far = next(each for each in policies.dump["configs"] if each["@type"].endswith("ListenersConfigDump"))
    kept = [each for each in far["dynamic_listeners"] if each["name"] != "far"]
    dump = {
        "configs": [{**each, "dynamic_listeners": kept} if each is far else each for each in policies.dump["configs"]]
    }
    trace = traced(evolve(policies, dump=dump, sockets=[stated]).mesh(tmp_path), "dest")
    assert trace.outcome.status == 302
    assert [reason.code for reason in trace.assumptions] == ["redirect.location-unknown"]
    assert trace.hops[0].internal_redirect is not None
    assert not trace.hops[0].internal_redirect.followed
