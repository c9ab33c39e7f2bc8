"""What rules refer to by name: sets as `ipset save` prints them, owners as /etc/passwd and /etc/group name them."""

from __future__ import annotations

from pathlib import Path

import pytest

import meshsim

RULES = "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m set --match-set blocked dst -j DROP\nCOMMIT\n"
SETS = "create blocked hash:ip family inet\nadd blocked 10.0.0.5\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.write_text(RULES, encoding="utf-8")
    return path


@pytest.mark.parametrize(("destination", "kind"), [("10.0.0.5:80", "dropped"), ("10.0.0.6:80", "forwarded")])
def test_a_saved_set_decides(tmp_path: Path, rules: Path, destination: str, kind: str) -> None:
    sets = tmp_path / "sets"
    sets.write_text(SETS, encoding="utf-8")
    trace = meshsim.load(sets, rules).trace(meshsim.Call(destination=destination))
    assert (trace.outcome.kind, trace.assumptions) == (kind, ())


def test_without_the_set_the_match_is_unknown_and_said_so(rules: Path) -> None:
    trace = meshsim.load(rules).trace(meshsim.Call(destination="10.0.0.5:80"))
    assert [assumption.code for assumption in trace.assumptions] == ["netfilter.unmodelled-match"]


def test_a_broken_set_names_its_line(tmp_path: Path, rules: Path) -> None:
    sets = tmp_path / "sets"
    sets.write_text("create blocked hash:ip family inet\nadd other 10.0.0.5\n", encoding="utf-8")
    with pytest.raises(meshsim.InputError) as caught:
        meshsim.load(sets, rules)
    assert caught.value.place is not None
    assert caught.value.place.line == 2


NAMED = "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m owner --{what}-owner istio-proxy -j DROP\nCOMMIT\n"
FILES = {
    "uid": "root:x:0:0:root:/root:/bin/sh\nistio-proxy:x:1337:1337::/home/istio-proxy:/bin/sh\n",
    "gid": "root:x:0:\nistio-proxy:x:1337:\n",
}


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize(("number", "kind"), [(1337, "dropped"), (1000, "forwarded")])
def test_owner_names_are_looked_up_in_the_pods_own_files(tmp_path: Path, what: str, number: int, kind: str) -> None:
    (tmp_path / "rules").write_text(NAMED.format(what=what), encoding="utf-8")
    (tmp_path / "ids").write_text(FILES[what], encoding="utf-8")
    mesh = meshsim.load(tmp_path / "ids", tmp_path / "rules")
    trace = mesh.trace(meshsim.Call(destination="10.0.0.5:80", uid=number, gid=number))
    assert (trace.outcome.kind, trace.assumptions) == (kind, ())
