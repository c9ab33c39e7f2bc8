"""The suites' own calls through the real Envoy: it must do what the traces say that the suites hold to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
AT_A_TIME = 3

Answers = dict[Path, "Future[list[live.Said]]"]


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> Iterator[Answers]:
    """Of the suites that were selected, several at a time: most of each is waiting for a log to fall silent."""
    chosen = [item.callspec.params["file"] for item in request.session.items if item.parent is request.node]  # type: ignore[attr-defined]
    pool = ThreadPoolExecutor(AT_A_TIME)
    yield {file: pool.submit(_differences, file) for file in chosen}
    pool.shutdown(cancel_futures=True)


def _differences(file: Path) -> list[live.Said]:
    around = live.surroundings(file.parts[0])
    if "nowhere" in around:
        return []
    asked = suite(file)
    ask = live_mesh if live_mesh.has_pods(asked) else live
    return ask.differences(asked, around)


@pytest.mark.parametrize("file", OWN, ids=str)
def test_the_real_envoy_does_the_same(file: Path, answers: Answers) -> None:
    around = live.surroundings(file.parts[0])
    if "nowhere" in around:
        pytest.skip(around["nowhere"])
    answer = answers.pop(file, None)
    # A further chance asks again, alone.
    found = _differences(file) if answer is None else answer.result()
    assert [said for said in found if said.differences] == []
