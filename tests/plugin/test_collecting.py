"""Suites under plain pytest: what is collected, how it is chosen, how it is told."""

from __future__ import annotations

from collections.abc import Callable

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
