"""walk() against the real kernel, field by field: recorded answers about every set, live ones about a few."""

import pytest

from tests.netfilter.cases import LIVE_SETS, all_cases, own_cases
from tests.netfilter.differential import compiled, differences
from tests.netfilter.random_sets import Case, case
from tests.netfilter.record import ask, digest, read
from tests.realism import prerequisites

RECORDED = read()
CASES = {one.name: one for one in all_cases()}
MISSING = [name for name in prerequisites.missing() if name not in ("envoy", "openssl")]
LEAST_PROBES = 3000
LEAST_SETS = 150


@pytest.mark.parametrize("name", RECORDED)
def test_walks_equal_what_the_kernel_was_recorded_to_do(name: str) -> None:
    if name not in CASES:
        pytest.skip("the collection of published rules (../shared/data) is not here")
    asked = CASES[name]
    assert RECORDED[name]["asked"] == digest(asked), "the question has changed: `make truth` asks the kernel again"
    assert not problems(asked, RECORDED[name]["truths"])


def test_enough_was_recorded() -> None:
    assert sum(len(answer["truths"]) for answer in RECORDED.values()) >= LEAST_PROBES
    assert sum(name.startswith("random") for name in RECORDED) >= LEAST_SETS


@pytest.mark.real
@pytest.mark.skipif(bool(MISSING), reason="the kernel's own answers need " + ", ".join(MISSING))
def test_walks_equal_what_the_kernel_does_now() -> None:
    live = [*(case(seed) for seed in LIVE_SETS), *(one for one in own_cases() if "captured names" in one.name)]
    assert not [problem for asked, truths in ask(live) for problem in problems(asked, truths)]


def problems(asked: Case, truths: list[dict[str, object]]) -> list[object]:
    netns = compiled(asked)
    return [
        (asked.name, number, probe, found)
        for number, (probe, truth) in enumerate(zip(asked.probes, truths, strict=True))
        if (found := differences(netns, probe, truth))
    ]
