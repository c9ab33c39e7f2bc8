"""The suites' own calls through the real Envoy: it must do what the traces say that the suites hold to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realism import prerequisites
from tests.scenarios import live, live_mesh
from tests.scenarios.library import FILES, suite

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(prerequisites.missing()), reason=prerequisites.reason() or "all is there"),
]
OWN = [file for file in FILES if len(file.parts) > 1]


@pytest.mark.parametrize("file", OWN, ids=str)
def test_the_real_envoy_does_the_same(file: Path) -> None:
    around = live.surroundings(file.parts[0])
    if "nowhere" in around:
        pytest.skip(around["nowhere"])
    asked = suite(file)
    ask = live_mesh if live_mesh.has_pods(asked) else live
    assert [said for said in ask.differences(asked, around) if said.differences] == []
