"""The mesh harness, live: pods reach each other through their proxies, and what is recorded is what happens again."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.realism import bookinfo_calls, bookinfo_stack, mesh_compare, record, record_bookinfo, test_bookinfo
from tests.realism.mesh_stack import MeshStack

pytestmark = pytest.mark.real

RECORDED = record_bookinfo.load()["allow_any"]
AGAIN = (
    "reviews for jason from productpage",
    "details from productpage",
    "a strict pod by its address",
    "plaintext to a strict pod",
    "plaintext to a permissive pod",
    "an excluded port, without a sidecar",
    "a service entry by sni",
    "the page",
    "the api's home, redirected",
)


@pytest.fixture(scope="module")
def live() -> Iterator[MeshStack]:
    with bookinfo_stack.running(bookinfo_stack.variants()["allow_any"]) as stack:
        yield stack


def test_what_was_recorded_happens_again(live: MeshStack) -> None:
    calls = [bookinfo_calls.ALLOW_ANY[question] for question in AGAIN]
    for question, observation in zip(AGAIN, live.observe(calls), strict=True):
        seen, before = record.stable(observation), RECORDED["observations"][question]
        for part in ("client", "hops", "netfilter"):
            assert _told(seen[part]) == _told(before[part]), question


def test_the_engine_agrees_with_what_happens_now(live: MeshStack) -> None:
    observations = live.observe([bookinfo_calls.ALLOW_ANY[question] for question in AGAIN])
    mesh = test_bookinfo.mesh("allow_any")
    assert [mesh_compare.judge(mesh, record.stable(one), RECORDED) for one in observations] == [[] for _ in AGAIN]


def test_the_canary_takes_its_share(live: MeshStack) -> None:
    call = bookinfo_calls.ALLOW_ANY["reviews from productpage"]
    # A few at a time: where the kernel gives a port out again, two calls of one batch cannot be told apart.
    observations = [one for _ in range(12) for one in live.observe([call] * 5)]
    subsets = [one["hops"][0]["cluster"].split("|")[2] for one in observations]
    assert set(subsets) <= {"v1", "v2"}
    assert 40 <= subsets.count("v1") <= 60
    assert [one["hops"][1]["pod"] for one in observations] == [f"reviews-{subset}" for subset in subsets]


def _told(part: Any) -> Any:
    """Without the ports of clients, which differ from run to run."""
    if isinstance(part, list):
        return [_told(each) for each in part]
    if isinstance(part, dict):
        return {name: _told(value) for name, value in part.items()}
    return part.rpartition(":")[0] if isinstance(part, str) and part.rpartition(":")[2].isdigit() else part
