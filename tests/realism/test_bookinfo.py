"""The engine's trace of every recorded call over the bookinfo mesh equals what the real pods did, hop by hop."""

import functools
import tempfile
from pathlib import Path

import pytest

import meshsim
from tests.realism import bookinfo_calls, bookinfo_stack, mesh_compare, record_bookinfo

DOCUMENT = record_bookinfo.load()
QUESTIONS = [
    pytest.param(name, question, id=f"{name}: {question}")
    for name, calls in bookinfo_calls.CALLS.items()
    for question in calls
]


@functools.cache
def mesh(name: str) -> meshsim.Mesh:
    with tempfile.TemporaryDirectory() as folder:
        return meshsim.load(bookinfo_stack.variants()[name].write_capture(Path(folder)))


@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_the_trace_is_what_happened(name: str, question: str) -> None:
    recorded = DOCUMENT[name]
    assert mesh_compare.judge(mesh(name), recorded["observations"][question], recorded) == []


@pytest.mark.parametrize("name", list(bookinfo_calls.CALLS))
def test_the_recording_is_of_todays_inputs(name: str) -> None:
    assert DOCUMENT[name]["inputs"] == bookinfo_stack.variants()[name].digest(), (
        "run `make truth` (root) and look at the difference"
    )
    assert list(DOCUMENT[name]["observations"]) == list(bookinfo_calls.CALLS[name])
