"""`--meshsim-cov`: what suites and fixtures exercised under pytest, in one process or in several."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from meshsim.render.coverage_json import read_coverage
from meshsim.suite_coverage import Coverage

Run = Callable[..., pytest.RunResult]

VHOST = "reviews.default.svc.cluster.local:9080"
SUITE = f"""
    meshsim: 1
    defaults: {{from: productpage}}
    tests:
      everyone: {{call: http://reviews:9080/, expect: {{client: {{service: /^reviews/}}}}}}
      jason: {{call: "curl -H 'end-user: jason' http://reviews:9080/", expect: {{client: {{service: /^reviews/}}}}}}
    coverage: {{virtual-host/{VHOST}: {{routes: SHARE}}}}
"""
BY_HAND = """
    import meshsim
    import pytest

    pytestmark = pytest.mark.meshsim

    def test_one(trace):
        trace("curl -H 'end-user: jason' http://reviews:9080/", )

    def test_more(mesh):
        call = meshsim.Call(from_="productpage", authority="ratings:9080")
        list(mesh.traces([call]))
        mesh.branches(call)
"""
JSON = ("--meshsim-cov", "--meshsim-cov-report", "json:c.json")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".yaml", suite=SUITE.replace("SHARE", "60 %"))
    return pytester


def written(project: pytest.Pytester) -> Coverage:
    return read_coverage(json.loads((project.path / "c.json").read_text("utf-8")), "c.json")


def routes(found: Coverage, pod: str = "productpage") -> dict[str, frozenset[str]]:
    return {thing.name: thing.suites for thing in found.of("route") if thing.pod == pod and thing.suites}


def test_suites_count(project: pytest.Pytester, run: Run) -> None:
    run(*JSON).assert_outcomes(passed=2)
    assert routes(written(project)) == {
        "jason-to-v2": frozenset({"suite.yaml"}),
        "canary": frozenset({"suite.yaml"}),
    }


def test_traces_made_by_hand_count(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_hand=BY_HAND)
    run(*JSON).assert_outcomes(passed=2)
    found = written(pytester)
    assert "jason-to-v2" in routes(found, "sleep")
    used = {thing.name for thing in found.of("virtual_host") if thing.pod == "productpage" and thing.suites}
    assert "ratings.default.svc.cluster.local:9080" in used
    assert {file for thing in found.things for file in thing.suites} == {"test_hand.py"}


def test_without_the_option_nothing_is_measured(project: pytest.Pytester, run: Run) -> None:
    run().stdout.no_fnmatch_line("*coverage*")


def test_the_page_is_told_at_the_end(project: pytest.Pytester, run: Run) -> None:
    result = run("--meshsim-cov", "--meshsim-cov-report", "text", "--meshsim-cov-report", "html:c.html")
    result.stdout.fnmatch_lines(["*meshsim coverage*", "*exercised*of*share*", "*routes never exercised*"])
    assert (project.path / "c.html").read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("floor", "code"), [("1", 0), ("99.5", 1)])
def test_fail_under(project: pytest.Pytester, run: Run, floor: str, code: int) -> None:
    result = run("--meshsim-cov-fail-under", floor)
    assert result.ret == code
    result.assert_outcomes(passed=2)
    if code:
        result.stdout.fnmatch_lines(["FAILED coverage * is below --meshsim-cov-fail-under 99.5 %"])


@pytest.mark.parametrize(
    ("option", "said"),
    [("--meshsim-cov-report=pdf", "*'pdf' is none of text, json, html"), ("--meshsim-cov-fail-under=x", "*'x' is no*")],
)
def test_an_option_that_says_nothing_is_refused(project: pytest.Pytester, run: Run, option: str, said: str) -> None:
    result = run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_report_that_cannot_be_written_is_said(project: pytest.Pytester, run: Run) -> None:
    run("--meshsim-cov-report", "json:gone/c.json").stdout.fnmatch_lines(["*json:gone/c.json: cannot write*"])


def test_floors_hold_for_a_suite_that_ran_whole(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makefile(".yaml", suite=SUITE.replace("SHARE", "100 %"))
    result = run("--meshsim-cov")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED suite.yaml:*wanted routes 100 %, exercised 2 of 3 in productpage"])
    assert run("--meshsim-cov", "-k", "jason").ret == 0


def test_workers_of_xdist_add_up(pytester: pytest.Pytester, run: Run) -> None:
    if find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    pytester.makefile(".yaml", suite=SUITE.replace("SHARE", "100 %"))
    pytester.makepyfile(test_hand=BY_HAND)
    run(*JSON)
    alone = written(pytester)
    result = run("-n", "2", *JSON, "--meshsim-cov-report", "text")
    result.assert_outcomes(passed=4)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED suite.yaml:*wanted routes 100 %, exercised 2 of 3 in productpage"])
    together = written(pytester)
    assert {thing.key: thing.suites for thing in together.things} == {thing.key: thing.suites for thing in alone.things}
