"""`meshsim test` on tests of router_check_tool: flags, messages, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshsim.cli.main import entry_point
from tests.suite.router_check.files import ROUTES, checks_file, written

GOOD = "- {test_name: good, input: {authority: shop.example, path: /, method: GET}, validate: {cluster_name: rest}}\n"
BAD = "- {test_name: bad, input: {authority: shop.example, path: /, method: GET}, validate: {cluster_name: x}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, ROUTES, "routes.yaml")
    checks_file(tmp_path, GOOD)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = entry_point(["test", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.usefixtures("folder")
def test_passing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "routes_test.yaml")
    assert (code, err) == (0, "")
    assert out.splitlines() == ["Current route coverage: 7.14286%", "1 passed (1 branch)"]
    assert "passed routes_test.yaml::good" in run(capsys, ".", "-d")[1]
    assert "passed" not in run(capsys, ".", "-d", "--only-show-failures")[1].splitlines()[0]


def test_failing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks_file(folder, GOOD + BAD)
    code, out, _err = run(capsys, "routes_test.yaml")
    assert code == 1
    assert "expected: [x], actual: [rest], test type: cluster_name" in out.splitlines()
    assert "coverage" not in out
    assert run(capsys, "routes_test.yaml", "-k", "good")[0] == 0
    assert "not selected" in run(capsys, "routes_test.yaml", "--last-failed")[1]


@pytest.mark.usefixtures("folder")
def test_coverage_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "routes_test.yaml", "--fail-under", "7")[0] == 0
    code, _out, err = run(capsys, "routes_test.yaml", "-f", "9.5")
    assert (code, err) == (1, "Failed to meet coverage requirement: 9.5%\n")
    out = run(capsys, "routes_test.yaml", "--detailed-coverage")[1]
    assert "Missing test for host: shop, route name: canary-0" in out.splitlines()
    out = run(capsys, "routes_test.yaml", "--covall")[1]
    assert "Current route coverage: 1.42857%" in out.splitlines()
    assert 'Missing test for host: shop, route: prefix: "/old"' in out.splitlines()


@pytest.mark.usefixtures("folder")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(run(capsys, "routes_test.yaml", "--json", "--detailed-coverage")[1])
    (coverage,) = document["route_coverage"]
    assert coverage["file"] == "routes_test.yaml" and len(coverage["missing"]) == 12


def test_another_route_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = written(folder, ROUTES.replace("cluster: rest", "cluster: x"), "elsewhere.yaml")
    assert run(capsys, "routes_test.yaml", "--route-config", str(other))[0] == 1


@pytest.mark.parametrize("flags", ["-c {} -t routes_test.yaml", "--config-path={} --test-path routes_test.yaml"])
def test_called_as_the_tool_is(folder: Path, capsys: pytest.CaptureFixture[str], flags: str) -> None:
    other = written(folder, ROUTES.replace("cluster: rest", "cluster: x"), "elsewhere.yaml")
    code, out, _err = run(capsys, *flags.format(other).split(), "-d", "--disable-deprecation-check")
    assert code == 1 and "expected: [rest], actual: [x], test type: cluster_name" in out.splitlines()
    written(folder, "meshsim: 1\ntests: {}\n", "suite.yaml")
    code, _out, err = run(capsys, "-c", str(other), "suite.yaml")
    assert code == 2 and "--route-config is for tests of router_check_tool" in err


@pytest.mark.usefixtures("folder")
def test_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--fail-under", "x"], ["--fail-under", "101"], ["--tags", "a"], ["--route-config", "no.yaml"]):
        code, out, err = run(capsys, "routes_test.yaml", *arguments)
        assert code == 2, arguments
        assert out + err


def test_suites_and_router_checks_in_one_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = """
        meshsim: 1
        tests:
          t: {call: http://reviews:9080/, expect: {outcome: [delivered, forwarded]}}
    """
    written(folder, suite, "suite.yaml")
    code, out, _err = run(capsys, ".")
    assert code == 0 and "2 passed" in out
