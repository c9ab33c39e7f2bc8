"""Suites under plain pytest: what is collected, how it is chosen, how it is told."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from textwrap import dedent
from xml.etree import ElementTree

import pytest

Run = Callable[..., pytest.RunResult]

SUITE = """
    # a comment may stand before the first key
    meshsim: 1
    suite: demo/sleep
    tests:
      listener-port:
        tags: [smoke]
        call: {destination: "10.0.0.5:80"}
        expect: {outcome: [delivered, forwarded]}
      wrong:
        why: the demo's default host has another route
        call: {destination: "10.0.0.5:80"}
        expect: {client: {cluster: nowhere}}
      known:
        call: {destination: "10.0.0.5:80"}
        expect: {client: {cluster: nowhere}}
        known_gap: {why: "a gap, of course", until: 2099-01-31}
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".yaml", suite=SUITE, values="image:\n  meshsim: 1\n", list="- meshsim: 1\n")
    return pytester


def test_only_suites_are_collected(project: pytest.Pytester, run: Run) -> None:
    run().assert_outcomes(passed=1, failed=1, xfailed=1)


def test_a_case_is_chosen_by_its_node_id(project: pytest.Pytester, run: Run) -> None:
    result = run("-v", "suite.yaml::listener-port")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["suite.yaml::listener-port PASSED*"])


@pytest.mark.parametrize(("keyword", "passed"), [("listener", 1), ("smoke", 1), ("not wrong and not known", 1)])
def test_cases_are_chosen_by_keyword(project: pytest.Pytester, run: Run, keyword: str, passed: int) -> None:
    run("-k", keyword).assert_outcomes(passed=passed, deselected=2)


def test_a_failure_tells_what_was_expected_and_what_came(project: pytest.Pytester, run: Run) -> None:
    result = run("-k", "wrong")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["*FAILED suite.yaml::wrong*", "*expected*client.cluster: nowhere*", "*got*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.fnmatch_lines(["FAILED suite.yaml::wrong - client.cluster: expected nowhere, got *"])


def test_a_failure_is_told_from_another_process_too(project: pytest.Pytester, run: Run) -> None:
    if find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    result = run("-n", "1")
    result.assert_outcomes(passed=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(
        ["*expected*client.cluster: nowhere*", "FAILED suite.yaml::wrong - client.cluster: expected nowhere, got *"]
    )


def test_a_junit_report_has_one_line_and_the_page(project: pytest.Pytester, run: Run) -> None:
    run("--junitxml", "report.xml")
    cases = ElementTree.parse(project.path / "report.xml").iter("testcase")
    failures = {case.attrib["name"]: case.find("failure") for case in cases}
    assert failures["listener-port"] is None
    wrong = failures["wrong"]
    assert wrong is not None
    assert wrong.attrib["message"].startswith("client.cluster: expected nowhere, got ")
    assert "parted" in (wrong.text or "")


def test_last_failed_and_the_first_failure(project: pytest.Pytester, run: Run) -> None:
    (project.path / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["."]\n', encoding="utf-8")
    run("-p", "cacheprovider").assert_outcomes(passed=1, failed=1, xfailed=1)
    run("-p", "cacheprovider", "--lf").assert_outcomes(failed=1)
    run("-x").assert_outcomes(passed=1, failed=1)


def test_folders_of_suites_are_searched_as_testpaths(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\ntestpaths = ["scenarios"]\npython_files = ["check_*.py"]\n')
    pytester.mkdir("scenarios").joinpath("mine.yml").write_text(dedent(SUITE), encoding="utf-8")
    pytester.makefile(".yaml", elsewhere=SUITE)
    run("-k", "listener").assert_outcomes(passed=1, deselected=2)


def test_a_known_gap_is_an_expected_failure(project: pytest.Pytester, run: Run) -> None:
    run("-rx", "-k", "known").stdout.fnmatch_lines(["*XFAIL*suite.yaml::known*a gap, of course*"])


def test_a_gap_that_closed_fails(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makefile(".yaml", suite=SUITE.replace("cluster: nowhere", "filter_chain: {not: nowhere}"))
    result = run("-k", "known")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["*the known gap is closed*"])


def test_a_suite_that_cannot_be_read_names_the_place(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makefile(".yaml", suite="meshsim: 1\nsuite: x\ntest:\n  a: {call: 'http://a/'}\n")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*suite.yaml:3*", "*help:*tests*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_mesh_that_cannot_be_loaded_fails_its_cases(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makefile(
        ".yaml",
        suite="meshsim: 1\nsuite: x\nconfig: [dump.json]\n"
        "tests:\n  a: {call: 'http://a/', expect: {outcome: unknown}}\n",
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["suite.yaml:3:10: no such file*", "help:*"])
    pytester.makefile(".json", dump='{"configs": [')
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*dump.json*", "help:*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_it_is_found_without_being_named(project: pytest.Pytester, installed: bool) -> None:
    if not installed:
        pytest.skip("meshsim runs from its source here, it is not installed")
    project.runpytest_subprocess("suite.yaml::listener-port").assert_outcomes(passed=1)


def test_a_project_without_suites_pays_nothing(pytester: pytest.Pytester, installed: bool) -> None:
    if not installed:
        pytest.skip("meshsim runs from its source here, it is not installed")
    pytester.makefile(".yaml", values="a: 1")
    pytester.makepyfile(
        """
        import sys

        def test_a():
            ours = sorted(name for name in sys.modules if name.startswith("meshsim"))
            assert ours == ["meshsim", "meshsim.pytest_plugin", "meshsim.version"]
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
