"""The engine against the real stack on dumps of real meshes, with calls drawn from their own listeners and routes."""

from pathlib import Path

import pytest

import meshsim
from tests.realism import engine, real_dumps

SIDECARS = (
    "deathstarbench-geo-sidecar.json",
    "unlicensed/openshift-app-sidecar.json",
    "unlicensed/multiparty-app1-sidecar.json",
    "unlicensed/scout-productpage-sidecar.json",
)


@pytest.mark.real
@pytest.mark.parametrize("name", SIDECARS)
def test_calls_of_a_real_mesh(name: str, tmp_path: Path) -> None:
    path = real_dumps.DUMPS / name
    if not path.exists():
        pytest.skip("the shared data of real meshes is not here")
    real = real_dumps.read(path)
    calls = real_dumps.calls(real)
    with real_dumps.running(real, calls) as live:
        observations = live.observe(calls)
        not_comparable = live.not_comparable
    mesh = meshsim.load(real.variant().write_capture(tmp_path))
    found = {
        f"{seen['call']['destination']} {seen['call'].get('authority')} {seen['call'].get('path')}": wrong
        for seen in observations
        if (wrong := engine.judge(mesh, seen, not_comparable))
    }
    assert found == {}
