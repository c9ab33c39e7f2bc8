"""`meshsim lint` as a command: what is told, in which form, and what may be left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from meshsim.cli.main import entry_point

ROUTES = [{"match": {"prefix": "/"}, "route": {"cluster": "a"}}, {"match": {"prefix": "/b"}, "route": {"cluster": "b"}}]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = Path("routes.json")
    hosts = [{"name": "v", "domains": ["*"], "routes": ROUTES}]
    file.write_text(json.dumps({"name": "80", "virtual_hosts": hosts}, indent=1))
    return file


def _run(capsys: pytest.CaptureFixture[str], *flags: Any) -> tuple[int, str]:
    code = entry_point(["lint", *map(str, flags)])
    return code, capsys.readouterr().out


def test_a_finding_is_a_line_with_its_place(table: Path, capsys: Any) -> None:
    code, said = _run(capsys, table)
    assert code == 1
    assert said.splitlines() == [
        "routes.json:18:5: MS101 no request can reach route 80/v/#1: route #0 above it takes all that it would [pod]",
        "1 finding",
    ]


@pytest.mark.parametrize(
    "flags",
    [
        ("--ignore", "MS101"),
        ("--ignore", "MS1"),
        ("--ignore", "shadowed-route"),
        ("--ignore", "MS101=80/v/#1"),
        ("--ignore", "MS101=route:80/*"),
        ("--ignore", "MS101:80/v/#1"),
        ("--select", "MS104,MS102"),
        ("--select", "ALL", "--ignore", "MS102,MS101=route:80/v/#1"),
    ],
)
def test_what_is_not_wanted_is_not_told(table: Path, capsys: Any, flags: tuple[str, ...]) -> None:
    assert _run(capsys, table, *flags) == (0, "nothing found\n")


@pytest.mark.parametrize(
    "flags",
    [
        ("--ignore", "MS101=80/v/#2"),
        ("--ignore", "MS101=cluster:80/*"),
        ("--ignore", "MS102"),
        ("--select", "MS10"),
        ("--select", "shadowed-route"),
        ("--select", "MS104", "--extend-select", "MS101"),
    ],
)
def test_what_is_wanted_is_told(table: Path, capsys: Any, flags: tuple[str, ...]) -> None:
    assert _run(capsys, table, *flags)[0] == 1


def test_exit_zero(table: Path, capsys: Any) -> None:
    code, said = _run(capsys, table, "--exit-zero")
    assert (code, said.splitlines()[-1]) == (0, "1 finding")


def test_statistics(table: Path, capsys: Any) -> None:
    assert _run(capsys, table, "--statistics") == (1, "1  MS101  shadowed-route\n")


def test_json(table: Path, capsys: Any) -> None:
    code, said = _run(capsys, table, "--json")
    document = json.loads(said)
    assert (code, document["version"]) == (1, 1)
    assert document["counts"] == {"error": 0, "warning": 1, "info": 0}
    (finding,) = document["findings"]
    assert finding["place"] == {"file": "routes.json", "line": 18, "column": 5, "pointer": "#/virtual_hosts/0/routes/1"}
    assert [place["line"] for place in finding["related"]] == [10]
    assert (finding["kind"], finding["resource"], finding["facts"]) == ("route", "80/v/#1", {"by": "#0"})
    assert _run(capsys, table, "-o", "json")[1] == said


def test_reports(table: Path, tmp_path: Path, capsys: Any) -> None:
    junit, sarif = tmp_path / "lint.xml", tmp_path / "lint.sarif"
    _code, said = _run(capsys, table, "--junit", junit, "--sarif", sarif, "--github")
    assert "::warning file=routes.json,line=18,col=5,title=MS101 shadowed-route::no request can reach" in said
    (suite,) = ElementTree.fromstring(junit.read_text())
    assert (suite.get("name"), suite.get("failures")) == ("routes.json", "1")
    run = json.loads(sarif.read_text())["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["MS101"]
    (result,) = run["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 18, "startColumn": 5}
    assert result["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "route:80/v/#1"}]


def test_reports_of_nothing(table: Path, tmp_path: Path, capsys: Any) -> None:
    junit, sarif = tmp_path / "lint.xml", tmp_path / "lint.sarif"
    assert _run(capsys, table, "--ignore", "MS101", "--junit", junit, "--sarif", sarif)[0] == 0
    assert ElementTree.fromstring(junit.read_text())[0].get("tests") == "1"
    assert json.loads(sarif.read_text())["runs"][0]["results"] == []


def test_the_demo_has_one_cluster_without_endpoints(capsys: Any) -> None:
    code, said = _run(capsys, "--select", "MS104")
    assert code == 1
    assert "ghost.default.svc.cluster.local has no endpoints [sleep]" in said


def test_a_code_is_explained(capsys: Any) -> None:
    assert _run(capsys, "--explain", "MS101")[1] == _run(capsys, "--explain", "shadowed-route")[1]
    code, said = _run(capsys, "--explain", "MS101")
    assert code == 0
    assert said.startswith("MS101 shadowed-route (warning)\n")
    assert "help" in said
    assert "MS101" in _run(capsys, "--rules")[1]


@pytest.mark.parametrize("flags", [("--explain", "MS01"), ("--select", "MS9"), ("--ignore", "shadow-route=x")])
def test_an_unknown_code_is_named(capsys: Any, flags: tuple[str, ...]) -> None:
    assert entry_point(["lint", *flags]) == 2
    assert "no code" in capsys.readouterr().err


def test_nothing_to_lint(tmp_path: Path, capsys: Any) -> None:
    rules = tmp_path / "rules.v4"
    rules.write_text("*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    assert entry_point(["lint", f"a={rules}"]) == 2
    assert "no proxy's configuration" in capsys.readouterr().err


def test_a_code_that_should_name_a_resource_and_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry_point(["lint", "--ignore", "MS104="]) == 2
    told = capsys.readouterr().err
    assert "'MS104=' names no resource" in told and "MS104=NAME" in told
