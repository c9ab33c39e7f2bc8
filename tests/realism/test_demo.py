"""The engine's trace of every recorded call equals what the real stack did, field by field."""

import functools
import tempfile
from pathlib import Path

import pytest

import meshsim
from tests.realism import compare, demo_calls, demo_stack, engine, record

DOCUMENT = record.load()
QUESTIONS = [
    pytest.param(name, question, id=f"{name}: {question}")
    for name, calls in demo_calls.CALLS.items()
    for question in calls
]


@functools.cache
def mesh(name: str) -> meshsim.Mesh:
    with tempfile.TemporaryDirectory() as folder:
        return meshsim.load(demo_stack.variants()[name].write_capture(Path(folder)))


@pytest.mark.parametrize(("name", "question"), QUESTIONS)
def test_the_trace_is_what_happened(name: str, question: str) -> None:
    recorded = DOCUMENT[name]
    assert engine.judge(mesh(name), recorded["observations"][question], recorded["not_comparable"]) == []


@pytest.mark.parametrize("question", list(demo_calls.SHARES))
def test_stated_shares_are_what_happened(question: str) -> None:
    call, _ = demo_calls.SHARES[question]
    trace = engine.document(mesh("allow_any"), {"from": "sleep", **call})
    (choice,) = [choice for choice in trace["choices"] if choice["site"] == "0/cluster"]
    shares = {option["option"]: option["share"] for option in choice["of"]}
    assert compare.share_differences(DOCUMENT["allow_any"]["shares"][question], shares) == []
