"""Whatever is asked: an answer, the same one in bulk, an explanation that agrees, a document of the schema."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

import meshsim
from meshsim.facts.call import Call, read_call
from meshsim.render.json import document
from meshsim.render.options import Options
from meshsim.render.text import text
from tests import strategies
from tests.schema_check import check_trace

MESHES = {policy: meshsim.load_demo(policy) for policy in ("ALLOW_ANY", "REGISTRY_ONLY")}


@pytest.mark.parametrize("policy", MESHES)
@given(call=strategies.calls())
@settings(max_examples=150, deadline=None)
def test_every_call_gets_an_answer_that_explains_itself(policy: str, call: Call) -> None:
    trace = MESHES[policy].trace(call)
    made = trace.report(decisions=True)
    made_document = document(made, depth=2)
    check_trace(made_document)
    json.dumps(made_document, allow_nan=False)
    assert text(made, Options(depth=2)).startswith(trace.outcome.kind)


@given(call=strategies.calls())
@settings(max_examples=100, deadline=None)
def test_bulk_traces_equal_single_ones(call: Call) -> None:
    mesh = MESHES["ALLOW_ANY"]
    single = mesh.trace(call)
    [bulk] = mesh.traces([call])
    assert (bulk.outcome, bulk.probability, bulk.assumptions) == (
        single.outcome,
        single.probability,
        single.assumptions,
    )


@given(call=strategies.calls())
@settings(max_examples=100, deadline=None)
def test_an_echoed_call_reads_back_and_ends_the_same(call: Call) -> None:
    mesh = MESHES["ALLOW_ANY"]
    first = mesh.trace(call)
    echoed = document(first.report(), show_secrets=True)["call"]
    again = mesh.trace(read_call(json.loads(json.dumps(echoed))))
    assert (again.outcome.kind, again.outcome.status) == (first.outcome.kind, first.outcome.status)
