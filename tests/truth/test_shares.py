"""Counts of many equal calls against exact shares: what has no share is never seen."""

from collections import Counter, defaultdict
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.facts.call import read_call
from tests.truth import recording
from tests.truth.families import families
from tests.truth.setting import Setting

SETTINGS = {
    (name, setting.name): setting
    for name, settings in families().items()
    for setting in settings()
    if "shares" in setting.marks
}
LEAST_CHANCE = 1e-9


@pytest.mark.parametrize(("family", "name"), SETTINGS, ids=[f"{family}: {name}" for family, name in SETTINGS])
def test_counts(family: str, name: str, tmp_path: Path) -> None:
    setting: Setting = SETTINGS[family, name]
    mesh = setting.mesh(tmp_path)
    counted: dict[str, Counter[str | None]] = defaultdict(Counter)
    calls: dict[str, dict[str, Any]] = {}
    for seen in recording.load(family)[name]["observations"]:
        key = seen["call"]["destination"]
        calls.setdefault(key, seen["call"])
        counted[key][seen["hops"][0]["endpoint"]] += 1
    for key, call in calls.items():
        shares = shares_of(mesh, call)
        assert sum(shares.values()) == 1, key
        strays = [
            f"{endpoint}: {times} of {counted[key].total()}, share {shares.get(endpoint, 0)}"
            for endpoint, times in (dict.fromkeys(shares, 0) | counted[key]).items()
            if chance(times, counted[key].total(), shares.get(endpoint, Fraction(0))) < LEAST_CHANCE
        ]
        assert strays == [], key


def shares_of(mesh: meshsim.Mesh, call: dict[str, Any]) -> dict[str | None, Fraction]:
    found: dict[str | None, Fraction] = {}
    for branch in mesh.branches(read_call(call), by="endpoint"):
        endpoint = branch.trace.hops[0].endpoint
        found[endpoint] = found.get(endpoint, Fraction(0)) + (branch.share or 0)
    return found


def chance(times: int, calls: int, share: Fraction) -> float:
    """How likely a count so far from the expected one, or farther on that side, is."""
    part = float(share)
    expected = calls * part
    side = range(times + 1) if times < expected else range(times, calls + 1)
    return sum(comb(calls, each) * part**each * (1 - part) ** (calls - each) for each in side)


def test_it_tells_a_wrong_share() -> None:
    assert chance(10, 100, Fraction(1, 10)) > 0.1
    assert chance(50, 100, Fraction(1, 10)) < LEAST_CHANCE
    assert chance(1, 100, Fraction(0)) == 0
    assert chance(100, 100, Fraction(1)) == 1
