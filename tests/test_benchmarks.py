"""The benchmarks measure what they say: their calls take many ways, and their figures are complete. Never how fast."""

from __future__ import annotations

import json

from benchmarks import domains, first_answer, stages, suites
from benchmarks.__main__ import compared
from benchmarks.figures import BASELINE, document, ratios, read_baseline
from benchmarks.meshes import demo

NOT_ASKED_THERE = {"redirect", "refresh", "client"}
"""No route of the demo follows redirects of its upstream, or names another cluster for a retry; its clients wait."""


def test_the_demo_calls_go_many_ways() -> None:
    measured = demo()
    mesh = measured.load()
    traces = [mesh.trace(call) for call in measured.calls]
    visited = {decision.stage for trace in traces for decision in trace.explain()}
    assert visited == {stage.name for stage in mesh.compiled.stages.values()} - NOT_ASKED_THERE
    assert len({trace.outcome.kind for trace in traces}) > 1


def test_every_stage_that_is_visited_has_its_row() -> None:
    table = stages.measure(demo())
    assert [len(row) for row in table.rows] == [len(table.headers)] * len(table.rows)
    assert abs(sum(row[-1] for row in table.rows) - 1) < 1e-9


def test_a_run_is_kept_as_json_and_compared_by_its_ratios() -> None:
    table = first_answer.measure([demo()])
    kept = json.loads(json.dumps(document([table])))
    assert kept["ratios"] == ratios([table])
    assert kept["tables"]["first answer"][0]["mesh"] == "demo"
    [row] = compared({"x": 3.0}, {"x": 2.0}).rows
    assert row == ("x", 2.0, 3.0, 1.5)
    assert compared({"x": 3.0}, {}).rows == (("x", None, 3.0, None),)


def test_the_baseline_holds_ratios() -> None:
    assert BASELINE.exists()
    assert all(ratio > 0 for ratio in read_baseline().values())


def test_the_suite_that_is_measured_passes() -> None:
    table = suites.measure(5)
    assert [len(row) for row in table.rows] == [len(table.headers)]
    assert set(table.ratios) == {"one test read", "one test run"}


def test_the_index_of_domains_finds_what_comparing_all_finds() -> None:
    table = domains._table(40)
    for host in ("a.s0.test", "b.c.s3.test", "x.s1.test", "a.s2.org", "s4.test", "none"):
        request = domains._request(host)
        assert table.pick(request) is domains.linear(table, request)
