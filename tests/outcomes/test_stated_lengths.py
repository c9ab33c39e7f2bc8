"""A reply that states a longer body than it has, straight to the calling client: in doubt, and said to be."""

from pathlib import Path

import pytest

import meshsim
from tests.truth.families import broken_bodies

CODE = "return.states-more"


@pytest.mark.parametrize(
    ("length", "path", "method", "in_doubt"),
    [
        ("100", "/200", "GET", True),
        ("4", "/404", "POST", True),
        ("3", "/200", "GET", False),
        ("100", "/200", "HEAD", False),
        ("100", "/304", "GET", False),
    ],
)
def test_the_client_waits_for_the_rest(length: str, path: str, method: str, in_doubt: bool, tmp_path: Path) -> None:
    mesh = broken_bodies.closed().mesh(tmp_path)
    port = broken_bodies.FAR + broken_bodies.LENGTHS.index(length)
    trace = mesh.trace(meshsim.Call(destination=f"10.93.0.2:{port}", path=path, method=method, from_="here"))
    assert trace.outcome.kind == "replied"
    assert (CODE in [each.code for each in trace.assumptions]) is in_doubt
