"""Envoy's own tests of its tool, where they lie beside the project: each passes, each made to fail fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshsim.suite.discover import kind_of_file
from meshsim.suite.router_check.run import CheckSettings, run_checks
from meshsim.suite_results import FAILED, PASSED

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "router-check"
FILES = sorted(path.name for path in DATA.glob("*") if kind_of_file(path) == "router_check")


@pytest.mark.skipif(not FILES, reason="the published tests are not beside the project")
def test_they_are_found() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("name", FILES)
def test_they_do_as_meant(name: str) -> None:
    found = run_checks([str(DATA / name)], CheckSettings())
    assert not found.problems and found.cases
    wanted = FAILED if "Failures" in name else PASSED
    assert {case.id: case.failures for case in found.cases if case.status != wanted} == {}
    assert not any(case.assumptions for case in found.cases)
