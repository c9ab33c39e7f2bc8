"""What `ipset save` prints decides the rules that ask a set; without it they stay unknown."""

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
