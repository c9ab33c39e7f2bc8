"""Whatever is asked of a mesh: its branches are whole, and each of them is the trace that its call pins."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings

import meshsim
from meshsim.facts.call import Call
from meshsim.render.branches_text import branches_text
from meshsim.render.json import document
from meshsim.render.options import Options
from tests import strategies
from tests.schema_check import check_trace

MESH = meshsim.load_demo()


@given(call=strategies.calls())
@settings(max_examples=100, deadline=None)
def test_branches_of_any_call(call: Call) -> None:
    found = MESH.branches(call, by="endpoint")
    assert found.remainder is None
    for branch in found:
        told, again = branch.report(), MESH.trace(branch.call)
        check_trace(document(told))
        assert (again.outcome, again.assumptions) == (branch.outcome, branch.assumptions)
        assert document(again.report())["hops"] == document(told)["hops"]
    assert branches_text([branch.report() for branch in found], None, Options()).startswith(f"{len(found)} branch")
    usual = MESH.trace(call)
    assert usual.outcome in [branch.outcome for branch in found]


@given(call=strategies.calls())
@settings(max_examples=100, deadline=None)
def test_known_shares_sum_to_one(call: Call) -> None:
    found = MESH.branches(evolve(call, random_value=None))
    shares = [branch.share for branch in found]
    known = [share for share in shares if share is not None]
    assert sum(known) == 1 if len(known) == len(shares) else sum(known) <= 1
