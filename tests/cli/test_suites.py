"""`meshsim test`: exit codes, what is printed, reports, selection, --affected-by, --update."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

import meshsim
from meshsim.cli.main import entry_point
from tests.suite_files import written

CAPTURE = Path(meshsim.__file__).parent / "demo" / "capture"
Capture = pytest.CaptureFixture[str]

PASSING = """\
    meshsim: 1
    suite: demo/passing
    defaults: {from: sleep}
    tests:
      canary: {call: http://helloworld/, expect: {client: {service: /^helloworld/}}, tags: [smoke]}
      legacy: {call: http://legacy/, expect: {client: {service: /^legacy/}}}
    """
FAILING = """\
    meshsim: 1
    suite: demo/failing
    defaults: {from: sleep, headers: {authorization: Bearer abcdefghijkl}}
    tests:
      jason:
        why: testers see v2
        call: "curl -H 'x-user: Jason' http://httpbin:8000/get"
        expect: {client: {subset: v2, upstream: {headers: {authorization: other-secret}}}}
      fine: {call: http://helloworld/, expect: {client: {service: /^helloworld/}}}
      gap:
        call: http://helloworld/
        expect: {client: {subset: v2}}
        known_gap: {why: "not yet", until: 2999-01-01}
    """


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_passed(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, PASSING, "suites/deep/passing.yaml")
    written(tmp_path, "kind: HostFacts\n", "suites/other.yaml")
    assert entry_point(["test", "suites"]) == 0
    assert capsys.readouterr().out == "2 passed (3 branches)\n"
    assert not (tmp_path / ".meshsim_cache").exists()


def test_a_failure_says_what_was_expected_what_came_and_where_the_ways_part(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, FAILING)
    assert entry_point(["test", "suite.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "FAILED suite.yaml::jason  (testers see v2)"
    assert "  expected  client.subset: v2  (suite.yaml:8:23)\n  got       v1\n" in out
    assert "route jason-to-v2 lost on header x-user: wanted exact jason, saw Jason (sleep/config_dump.json:" in out
    assert out.splitlines()[-1] == "1 failed, 1 passed, 1 known gap (5 branches)"


def test_secrets_are_not_printed_unless_asked_for(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, FAILING)
    assert entry_point(["test", "suite.yaml", "--junit", "j.xml", "--sarif", "s.json", "--github"]) == 1
    said = capsys.readouterr().out + Path("j.xml").read_text("utf-8") + Path("s.json").read_text("utf-8")
    entry_point(["test", "suite.yaml", "--json"])
    said += capsys.readouterr().out
    assert "abcdefghijkl" not in said and "other-secret" not in said and "[redacted:" in said
    entry_point(["test", "suite.yaml", "--show-secrets"])
    assert "abcdefghijkl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no path"),
        (["nowhere.yaml"], "no such file"),
        (["other.yaml"], "this is no suite"),
        (["empty"], "no suite in empty"),
        (["suite.yaml", "--shard", "9/8"], "no shard"),
        (["suite.yaml", "-k", "and"], "has nothing before it"),
        (["suite.yaml", "--mesh", "prod"], "no mesh is named 'prod'"),
        (["suite.yaml", "--update"], "--update without --because"),
        (["suite.yaml", "--because", "x"], "--because without --update"),
        (["suite.yaml", "--affected-by", "gone.json"], "no such file"),
        (["suite.yaml", "--affected-by", "other.yaml"], "no suite reads this file"),
        (["suite.yaml", "--junit", "gone/j.xml"], "--junit gone/j.xml"),
        (["suite.yaml", "--jobs", "0"], "no number of processes"),
        (["suite.yaml", "--tgas", "x"], "no flag --tgas"),
    ],
)
def test_bad_usage_is_exit_2_with_a_message(tmp_path: Path, capsys: Capture, arguments: list[str], said: str) -> None:
    written(tmp_path, PASSING)
    written(tmp_path, "a: b\n", "other.yaml")
    (tmp_path / "empty").mkdir()
    assert entry_point(["test", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_suite_that_cannot_be_read_is_told_and_the_others_run(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, PASSING, "a/good.yaml")
    written(tmp_path, "meshsim: 1\ntests:\n  t: {cal: x}\n", "a/typo.yaml")
    assert entry_point(["test", "a"]) == 2
    out = capsys.readouterr().out
    assert "a/typo.yaml:3:7: test t has no key 'cal'" in out and "did you mean call?" in out
    assert out.endswith("2 passed, 1 unusable file (3 branches)\n")


def test_nothing_selected_is_no_success_but_an_empty_shard_is(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, PASSING)
    assert entry_point(["test", "suite.yaml", "-k", "nothing-of-the-kind"]) == 1
    assert "no test was selected" in capsys.readouterr().err
    assert entry_point(["test", "suite.yaml", "--shard", "3/8"]) == 0


def test_selection_and_verbose(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, PASSING)
    for arguments in (["-k", "canary"], ["--tags", "smoke"], ["--shard", "1/2"]):
        assert entry_point(["test", "suite.yaml", "-v", *arguments]) == 0
        assert capsys.readouterr().out.startswith("passed suite.yaml::canary\n1 passed, 1 not selected")


def test_last_failed_runs_those_again_until_they_pass(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, FAILING)
    entry_point(["test", "suite.yaml"])
    capsys.readouterr()
    assert entry_point(["test", "suite.yaml", "--last-failed"]) == 1
    assert capsys.readouterr().out.endswith("1 failed, 2 not selected (1 branch)\n")
    written(tmp_path, FAILING.replace("x-user: Jason", "x-user: jason").replace("other-secret", "/Bearer/"))
    assert entry_point(["test", "suite.yaml", "--lf"]) == 0
    capsys.readouterr()
    assert entry_point(["test", "suite.yaml", "--lf"]) == 0
    assert "not selected" not in capsys.readouterr().out


def test_fail_fast(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, FAILING)
    assert entry_point(["test", "suite.yaml", "-x"]) == 1
    assert capsys.readouterr().out.endswith("1 failed (1 branch), stopped at the first failure\n")


def test_reports(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, FAILING)
    arguments = ["test", "suite.yaml", "--junit", "j.xml", "--sarif", "s.json"]
    assert entry_point([*arguments, "--github"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("::error file=suite.yaml,line=8,col=23,title=jason%3A client.subset%3A expected v2")
    suite = ElementTree.parse("j.xml").getroot()[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    told = suite[0][0]
    assert told.tag == "failure" and told.get("message") == "client.subset: expected v2, got v1"
    sarif = json.loads(Path("s.json").read_text("utf-8"))["runs"][0]
    (result,) = sarif["results"]
    assert result["ruleId"] in {rule["id"] for rule in sarif["tool"]["driver"]["rules"]}
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "suite.yaml" and location["region"]["startLine"] == 8
    assert entry_point([*arguments, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["counts"] == {"passed": 1, "failed": 1, "gap": 1, "error": 0}
    failed = document["cases"][0]
    assert failed["call"]["authority"] == "httpbin:8000"
    difference = failed["failures"][0]["differences"][0]
    assert (difference["path"], difference["expected"], difference["got"]) == ("client.subset", "v2", "v1")
    assert difference["place"] == {"file": "suite.yaml", "line": 8, "column": 23}


def test_affected_by_keeps_the_tests_whose_traces_touched_the_file(tmp_path: Path, capsys: Capture) -> None:
    written(
        tmp_path,
        f"""\
        meshsim: 1
        config: [{CAPTURE}]
        tests:
          from-sleep: {{call: {{from: sleep, destination: "203.0.113.9:80"}}, expect: {{client: {{}}}}}}
          to-details: {{call: {{from: productpage, destination: "details:9080"}}, expect: {{server: {{pod: details}}}}}}
        """,
    )

    def chosen(file: Path) -> set[str]:
        assert entry_point(["test", "suite.yaml", "-v", "--affected-by", str(file)]) == 0
        lines = capsys.readouterr().out.splitlines()
        return {line.partition("::")[2].split()[0] for line in lines if line.startswith("passed")}

    assert chosen(CAPTURE / "sleep" / "config_dump.json") == {"from-sleep"}
    assert chosen(CAPTURE / "details" / "config_dump.json") == {"to-details"}
    assert chosen(CAPTURE / "productpage" / "iptables-save.txt") == {"to-details"}
    assert chosen(CAPTURE / "details" / "host.yaml") == {"to-details"}
    assert chosen(CAPTURE / "ratings" / "config_dump.json") == set()
    assert chosen(tmp_path / "suite.yaml") == {"from-sleep", "to-details"}


def test_update_shows_the_diff_and_writes_it_with_the_reason(tmp_path: Path, capsys: Capture) -> None:
    path = written(tmp_path, PASSING.replace("/^legacy/", "old  # was it?\n     "))
    before = path.read_text("utf-8")
    assert entry_point(["test", "suite.yaml", "--update", "--because", "legacy\nmoved"]) == 0
    out = capsys.readouterr().out
    assert "-      legacy: {call: http://legacy/, expect: {client: {service: old" in out.replace("\n-  ", "\n-      ")
    after = path.read_text("utf-8")
    assert after == before.replace(
        "old  # was it?", "legacy.default.svc.cluster.local  # was it?  # because: legacy moved"
    )
    assert entry_point(["test", "suite.yaml"]) == 0


def test_update_stops_at_a_guard(tmp_path: Path, capsys: Capture) -> None:
    path = written(tmp_path, FAILING + "never: [{client: {subset: v2}}]\n")
    before = path.read_text("utf-8")
    assert entry_point(["test", "suite.yaml", "--update", "--because", "x"]) == 1
    assert "breaks a guard: nothing is written" in capsys.readouterr().err
    assert path.read_text("utf-8") == before


@pytest.mark.parametrize("flags", [("--junit", "gone/x.xml"), ("--sarif", "gone/x"), ("--cov-report", "json:gone/c")])
def test_a_report_that_has_nowhere_to_go_is_refused_before_the_run(
    tmp_path: Path, capsys: Capture, flags: tuple[str, str]
) -> None:
    written(tmp_path, PASSING)
    assert entry_point(["test", "suite.yaml", *flags]) == 2
    said = capsys.readouterr()
    assert "no such folder" in said.err
    assert said.out == ""


def test_a_tag_that_no_test_bears_is_named(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, PASSING)
    assert entry_point(["test", "suite.yaml", "--tags", "smok"]) == 1
    assert "no test has the tag smok: did you mean smoke?" in capsys.readouterr().err
