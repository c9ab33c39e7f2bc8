"""A sample of the settings, asked again of the Envoy that is installed here; MESHSIM_TRUTH_SEED draws another one."""

import os
import random
from pathlib import Path

import pytest
from attrs import evolve

from tests.realism import prerequisites
from tests.truth.families import families
from tests.truth.judging import judge
from tests.truth.running import observe

SETTINGS, CALLS = 1, 60
SEED = os.environ.get("MESHSIM_TRUTH_SEED", "1")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(prerequisites.missing()), reason=prerequisites.reason() or "all is there"),
]


@pytest.mark.parametrize("family", families())
def test_a_sample_is_still_so(family: str, tmp_path: Path) -> None:
    dice = random.Random(f"{SEED} {family}")
    for index, setting in enumerate(dice.sample(list(families()[family]()), SETTINGS)):
        start = dice.randrange(max(1, len(setting.calls) - CALLS + 1))
        sample = evolve(setting, calls=setting.calls[start : start + CALLS])
        observations, not_comparable = observe(sample)
        mesh = sample.mesh(tmp_path / str(index))
        found = [(seen["call"], wrong) for seen in observations if (wrong := judge(mesh, seen, not_comparable))]
        assert found == []
