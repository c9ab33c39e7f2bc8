"""`meshsim lint` on scenario suites: each code is found where it should be, and only there."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meshsim.cli.main import entry_point
from meshsim.findings import Finding
from meshsim.lint.selection import selection
from meshsim.lint.suites import lint_suites
from tests.suite_files import TODAY, written

CALL = "call: http://reviews:9080/"
GOOD = f"""\
    meshsim: 1
    expect: {{fine: {{outcome: delivered}}, denied: {{outcome: replied, status: 403}}}}
    calls: {{reviews: http://reviews:9080/}}
    tests:
      a: {{call: reviews, expect: fine, tags: [plain]}}
      b: {{{CALL}, expect: {{outcome: delivered, client: {{subset: v1}}}}}}
    access:
      {CALL}
      rows: {{from: [sleep, ratings]}}
      columns: {{path: [/, /admin]}}
      expect: [[fine, denied], [fine, denied]]
    never: [{{outcome: loop, except_tags: [plain]}}]
    """
HASH = "reviews-v1-7f99cc4496-gdxfn"
DUMP: dict[str, Any] = {
    "configs": [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "dynamic_active_clusters": [
                {
                    "version_info": "1",
                    "last_updated": "2026-01-01T00:00:00Z",
                    "cluster": {
                        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                        "name": "c",
                        "type": "EDS",
                        "eds_cluster_config": {"eds_config": {"ads": {}}},
                    },
                }
            ],
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump",
            "dynamic_endpoint_configs": [
                {
                    "endpoint_config": {
                        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
                        "cluster_name": "c",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {
                                        "endpoint": {
                                            "address": {"socket_address": {"address": "10.9.1.2", "port_value": 8080}}
                                        }
                                    }
                                ]
                            }
                        ],
                    }
                }
            ],
        },
    ]
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def linted(text: str, *, today: date = TODAY, select: tuple[str, ...] = ("ALL",)) -> list[Finding]:
    written(Path(), text)
    return list(lint_suites(["suite.yaml"], selection(select, (), ("MS211",)), today))


def test_of_a_good_suite_nothing_is_told() -> None:
    assert linted(GOOD) == []


def of(test: str, more: str = "") -> str:
    return f"    meshsim: 1\n    tests:\n      a: {{{CALL}, {test}}}\n{more}"


EXPECT = "expect: {outcome: delivered}"
UUID = "0f0e0d0c-1111-2222-3333-444455556666"


@pytest.mark.parametrize(
    ("code", "resource", "text"),
    [
        ("MS201", "suite.yaml", of("expct: {}")),
        ("MS201", "suite.yaml", of(EXPECT, "    config: [gone.json]\n")),
        ("MS202", "spare", of(EXPECT, "    calls: {spare: http://x/}\n")),
        ("MS202", "spare", of(EXPECT, "    expect: {spare: {outcome: replied}}\n")),
        ("MS204", "a", of(f"expect: {{pod: {HASH}}}")),
        ("MS204", "a", of(f"expect: {{client: {{upstream: {{headers: {{x-request-id: {UUID}}}}}}}}}")),
        (
            "MS204",
            "a",
            f"    meshsim: 1\n    tests: {{a: {{call: {{from: {HASH}, destination: '1.2.3.4:5'}}, {EXPECT}}}}}\n",
        ),
        ("MS205", "a", of('expect: {client: {config_version: "2025-02-17T14:49:37Z/296"}}')),
        ("MS206", "a", of('expect: {client: {endpoint: "10.9.1.2:8080"}}', "    config: [dump.json]\n")),
        ("MS206", "a", of('shares: {client.endpoint: {"10.9.1.2:8080": 100 %}}', "    config: [dump.json]\n")),
        ("MS207", "a", of('expect: {server: {downstream: {remote: "10.80.3.109:51234"}}}')),
        ("MS208", "a", of("expect: {outcome: {not: /^nothing$/}}")),
        ("MS208", "a", of("expect: {outcome: /./}")),
        ("MS209", "a", of(f"{EXPECT}, known_gap: {{why: x, until: 2026-11-22}}")),
        ("MS210", "a", of(f"{EXPECT}, known_gap: {{why: x, until: 2999-01-01}}")),
        ("MS212", "y", of(EXPECT, "    calls: {x: http://x/, y: http://x:80/}\n").replace(CALL, "call: x")),
        ("MS213", "b", of(EXPECT, f"      b: {{{CALL}, {EXPECT}}}\n")),
        ("MS214", "{outcome: loop}", of(f"{EXPECT}, tags: [t]", "    never: [{outcome: loop, except_tags: [t]}]\n")),
        ("MS215", "{outcome: loop}", of(EXPECT, "    never: [{outcome: loop, except_tags: [t]}]\n")),
        ("MS216", "access", GOOD.replace("[[fine, denied], [fine, denied]]", "[[fine, fine], [fine, fine]]")),
        ("MS216", "access", GOOD.replace("[[fine, denied], [fine, denied]]", "[[denied, denied], [denied, denied]]")),
        ("MS217", "b", of(EXPECT, "    lint: {MS213: {b: they are alike}}\n")),
    ],
)
def test_what_is_wrong_is_told(code: str, resource: str, text: str) -> None:
    Path("dump.json").write_text(json.dumps(DUMP), encoding="utf-8")
    found = [finding for finding in linted(text) if finding.code == code]
    assert [finding.resource for finding in found] == [resource]
    assert found[0].place.line is not None


@pytest.mark.parametrize(
    "text",
    [
        of("expect: {pod: reviews-v1-0}"),
        of("expect: {pod: reviews-canary-shard-first}"),
        of(f"expect: {{pod: /^{HASH[:10]}/}}"),
        of('expect: {client: {endpoint: "10.80.3.153:9080"}}'),
        of('expect: {client: {endpoint: "10.9.9.9:8080"}}', "    config: [dump.json]\n"),
        of('expect: {server: {downstream: {remote: "10.80.3.109:40000"}}}'),
        of("expect: {outcome: {not: unknown}}"),
        of("expect: {client: {direction: /./}}"),
        of(f"{EXPECT}, known_gap: {{why: x, until: 2026-11-23}}"),
        of(EXPECT, "    calls: {one-x: http://x/}\n").replace(CALL, 'for: {n: [one]}, call: "${n}-x"'),
        of(EXPECT, f"      b: {{{CALL}, expect: {{outcome: replied}}}}\n"),
        of(EXPECT, "    calls: {x: http://x/, y: x}\n").replace(CALL, "call: y"),
    ],
)
def test_what_is_fine_is_not(text: str) -> None:
    Path("dump.json").write_text(json.dumps(DUMP), encoding="utf-8")
    assert linted(text) == []


def test_a_finding_can_be_accepted_with_a_reason() -> None:
    twice = of(EXPECT, f"      b: {{{CALL}, {EXPECT}}}\n      c: {{{CALL}, {EXPECT}}}\n")
    assert [finding.resource for finding in linted(twice)] == ["b", "c"]
    assert [finding.resource for finding in linted(twice + "    lint: {MS213: {b: alike}}\n")] == ["c"]
    assert linted(twice + "    lint: {MS213: they are alike}\n") == []


def test_an_accepted_code_that_does_not_exist_is_refused() -> None:
    (found,) = linted(of(EXPECT, "    lint: {MS213x: why}\n"))
    assert found.code == "MS201"
    assert dict(found.facts)["help"] == "did you mean MS213?"


def test_a_shared_name_that_no_suite_uses() -> None:
    written(Path(), "calls: {x: http://x/, y: http://y/, z: http://z/}\n", "shared.yaml")
    one = f"meshsim: 1\nuse: [shared.yaml]\ntests: {{a: {{call: x, {EXPECT}}}}}\n"
    written(Path(), one, "one.yaml")
    written(Path(), one.replace("call: x", "call: y"), "two.yaml")
    found = list(lint_suites(["one.yaml", "two.yaml"], selection((), (), ()), TODAY))
    assert [(finding.code, finding.resource) for finding in found] == [("MS203", "z")]


def test_a_test_without_why_is_told_when_asked() -> None:
    written(Path(), of(EXPECT))
    assert entry_point(["lint", "suite.yaml"]) == 0
    found = list(lint_suites(["suite.yaml"], selection((), ("MS211",), ()), TODAY))
    assert [finding.code for finding in found] == ["MS211"]


def test_suites_are_told_from_configuration_by_their_content(capsys: pytest.CaptureFixture[str]) -> None:
    written(Path(), of(EXPECT, "    never: [{outcome: loop, except_tags: [t]}]\n"), "suites/one.yaml")
    hosts = [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}}, {"match": {"prefix": "/b"}}]}]
    Path("suites/routes.json").write_text(json.dumps({"name": "80", "virtual_hosts": hosts}), encoding="utf-8")
    assert entry_point(["lint", "suites", "--statistics"]) == 1
    assert capsys.readouterr().out == "1  MS215  unknown-except-tag\n"
    entry_point(["lint", "suites", "suites/routes.json"])
    said = capsys.readouterr().out
    assert "suites/one.yaml:4:9: MS215 no test bears the tag t" in said
    assert "suites/routes.json:" in said


def test_tests_of_router_check_tool_are_said_not_to_be_linted(capsys: pytest.CaptureFixture[str]) -> None:
    checks = "tests:\n- test_name: a\n  input: {authority: a, path: /}\n  validate: {cluster_name: a}\n"
    written(Path(), checks, "checks.yaml")
    assert entry_point(["lint", "checks.yaml"]) == 2
    assert "tests of router_check_tool, which are not linted" in capsys.readouterr().err


def test_our_own_scenarios_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    scenarios = Path(__file__).parents[2] / "scenarios"
    assert entry_point(["lint", str(scenarios)]) == 0
    assert capsys.readouterr().out == "nothing found\n"
