"""Files of router_check_tool tests: what is taken, what is refused, which route configuration they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from meshsim.config.documents import Library
from meshsim.errors import InputError
from meshsim.suite.discover import discover, kind_of_file
from meshsim.suite.router_check.pairing import route_config_beside
from meshsim.suite.router_check.read import read_checks
from meshsim.suite.router_check.run import CheckSettings, run_checks
from tests.suite.router_check.files import checks_file, written

GOOD = "- {test_name: t, input: {authority: a, path: /, method: GET}, validate: {cluster_name: c}}"
VHOSTS = "virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: %s}}]}]"

REFUSED = [
    (GOOD.replace("cluster_name", "cluster_nam"), "did you mean cluster_name?"),
    (GOOD.replace("test_name: t, ", ""), "test_name is missing"),
    (GOOD.replace("method: GET", "method: GE"), "method is shorter than 3 characters"),
    (GOOD.replace("authority: a, ", ""), "authority is missing"),
    (GOOD.replace("path: /, ", ""), "path is missing"),
    (GOOD.replace(", validate: {cluster_name: c}", ""), "has no validate"),
    (GOOD.replace("cluster_name: c", "cluster_name: [c]"), "expected a string"),
    (GOOD.replace("method: GET", "method: GET, random_value: -1"), "-1 is no random value"),
    (GOOD.replace("method: GET", "method: GET, ssl: maybe"), "ssl"),
    ("  []", "no tests"),
    ("  {}", "test_name is missing"),  # a list written as its only value, as Envoy reads it
    ("  7", "expected an object, found a number"),
]

NAMES = (
    "ssl",
    "random_value",
    "runtime",
    "dynamic_metadata",
    "additional_request_headers",
    "additionalResponseHeaders",
    "key",
    "value",
    "metadata_namespace",
    "virtual_cluster_name",
    "code_redirect",
    "timeout",
    "request_header_matches",
    "response_header_matches",
    "request_header_fields",
    "name",
    "string_match",
    "exact",
    "safe_regex",
    "regex",
    "range_match",
    "start",
)


@pytest.mark.parametrize(("tests", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_refused_with_the_line(tmp_path: Path, tests: str, message: str) -> None:
    written(tmp_path, VHOSTS % "c", "routes.yaml")
    path = checks_file(tmp_path, tests)
    problem = run_checks([str(path)], CheckSettings()).problems[0]
    assert problem.exit_code == 2
    assert message in f"{problem.place} {problem.message} {problem.hint}"
    assert problem.place is not None and problem.place.line in (1, 2)


def test_both_spellings_and_both_languages_say_the_same(tmp_path: Path) -> None:
    snake = {
        "tests": [
            {
                "test_name": "t",
                "input": {"authority": "a", "path": "/", "method": "GET", "random_value": "7"},
                "validate": {"cluster_name": "c", "code_redirect": 301},
            }
        ]
    }
    text = json.dumps(snake)
    camel = text
    for name in ("test_name", "random_value", "cluster_name", "code_redirect"):
        first, _, second = name.partition("_")
        camel = camel.replace(name, first + second.capitalize())
    trailing = text.replace("}]}", "},]}")
    read = [
        read_checks(written(tmp_path, each, f"{index}.x"), Library()).checks[0]
        for index, each in enumerate((text, camel, trailing))
    ]
    assert [(each.name, each.input, [want[:2] for want in each.wants]) for each in read] == [
        (read[0].name, read[0].input, [("cluster_name", "c"), ("code_redirect", 301)])
    ] * 3


def test_other_forms_of_protobuf_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, 'tests { test_name: "t" }', "routes_test.pb_text")
    with pytest.raises(InputError, match="no suite") as refused:
        discover([str(path)])
    assert "YAML or JSON" in refused.value.hint


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_writes_is_read(tmp_path: Path, encoding: str) -> None:
    written(tmp_path, VHOSTS % "c", "routes.yaml")
    path = tmp_path / "routes_test.yaml"
    path.write_bytes(f"tests:\r\n{GOOD}\r\n---\r\n".encode(encoding))
    assert discover([str(path)]) == {str(path): "router_check"}
    assert [case.status for case in run_checks([str(path)], CheckSettings()).cases] == ["passed"]


NOT_TAKEN = [
    ("input", "additional_request_headers: [{value: y}]", "key is missing"),
    ("input", 'additional_request_headers: [{key: x, value: "a\\nb"}]', "line break"),
    ("input", "random_value: 18446744073709551616", "no random value"),
    ("input", "ssl: 1", "neither true nor false"),
    ("validate", "code_redirect: -1", "no status"),
    ("validate", "code_redirect: 4294967296", "no status"),
    ("validate", "timeout: 15", "no duration"),
    ("validate", "request_header_matches: [{name: x, exct_match: y}]", "did you mean exact_match?"),
    ("validate", "request_header_matches: [{name: x, exact_match: y, prefix_match: z}]", "only one of"),
    ("validate", "request_header_matches: [{name: x, string_match: {}}]", "match_pattern"),
    ("validate", "request_header_matches: [{name: x, string_match: {custom: {name: y}}}]", "not modelled"),
]


@pytest.mark.parametrize(("part", "more", "message"), NOT_TAKEN, ids=[row[1] for row in NOT_TAKEN])
def test_what_protobuf_or_the_tool_refuses(tmp_path: Path, part: str, more: str, message: str) -> None:
    written(tmp_path, VHOSTS % "c", "routes.yaml")
    test = GOOD.replace("method: GET}", f"method: GET, {more}}}") if part == "input" else GOOD
    test = test.replace("cluster_name: c}", f"cluster_name: c, {more}}}") if part == "validate" else test
    (problem,) = run_checks([str(checks_file(tmp_path, test))], CheckSettings()).problems
    assert message in f"{problem.message} {problem.hint}"
    assert problem.exit_code == 2 and problem.place is not None and problem.place.line == 2 and problem.hint


def test_names_need_not_be_unique(tmp_path: Path) -> None:
    path = checks_file(tmp_path, f"{GOOD}\n{GOOD}")
    assert [check.id for check in read_checks(path, Library()).checks] == ["t", "t#2"]


def test_the_longest_stem_that_is_a_route_configuration(tmp_path: Path) -> None:
    for name, cluster in (("Red.yaml", "short"), ("Redirect.yaml", "long"), ("Other.yaml", "other")):
        written(tmp_path, VHOSTS % cluster, name)
    written(tmp_path, "static_resources: {}", "Redirect.golden.yaml")
    path = checks_file(tmp_path, GOOD, "Redirect.golden.proto.yaml")
    assert route_config_beside(path, Library()).place.doc == str(tmp_path / "Redirect.yaml")


def test_two_of_one_stem_are_told(tmp_path: Path) -> None:
    written(tmp_path, VHOSTS % "c", "routes.yaml")
    written(tmp_path, VHOSTS % "c", "routes.json")
    with pytest.raises(InputError, match="both fit") as refused:
        route_config_beside(checks_file(tmp_path, GOOD), Library())
    assert "--route-config" in refused.value.hint


def test_none_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "clusters: []", "routes.yaml")
    with pytest.raises(InputError, match="no route configuration"):
        route_config_beside(checks_file(tmp_path, GOOD), Library())


def test_a_stated_one_must_be_one(tmp_path: Path) -> None:
    other = written(tmp_path, "name: listener\nfilter_chains: []\n", "listener.yaml")
    path = checks_file(tmp_path, GOOD)
    problem = run_checks([str(path)], CheckSettings(route_config=str(other))).problems[0]
    assert "no RouteConfiguration" in problem.message


def test_what_envoy_refuses_to_load_is_an_error_with_its_place(tmp_path: Path) -> None:
    text = "virtual_hosts: [{name: a, domains: [x]}, {name: b, domains: [x]}]"
    written(tmp_path, text, "routes.yaml")
    problem = run_checks([str(checks_file(tmp_path, GOOD))], CheckSettings()).problems[0]
    assert "domain 'x'" in problem.message and problem.exit_code == 2


def test_depth_is_bounded(tmp_path: Path) -> None:
    deep = '{"tests": [{"test_name": "t", "x": ' + "[" * 100_000 + "]" * 100_000 + "}]}"
    written(tmp_path, VHOSTS % "c", "routes.yaml")
    path = written(tmp_path, deep, "routes_test.json")
    assert run_checks([str(path)], CheckSettings()).problems[0].exit_code == 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"# of the shop\n---\ntests:\n{GOOD}\n", "router_check"),
        ('{"tests": [{"testName": "t"}]}', "router_check"),
        ('{"runtime": {}, "tests": [{"test_name": "t"}]}', "router_check"),
        ("meshsim: 1\ntests: {}\n", "suite"),
        ("tests:\n- name: of something else\n", None),
        ("testCases:\n- description: test_name\n", None),
        ("virtual_hosts: []\n", None),
    ],
)
def test_kinds_are_told_by_content(tmp_path: Path, text: str, kind: str | None) -> None:
    assert kind_of_file(written(tmp_path, text, "some.file")) == kind


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-3, 1 << 65) | some.text(max_size=5) | some.just("1.5s"),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80)
@given(part=some.sampled_from(["input", "validate"]), extra=some.dictionaries(some.sampled_from(NAMES), VALUES))
def test_whatever_stands_there_is_judged_or_refused(
    part: str, extra: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    written(folder, VHOSTS % "c", "routes.yaml")
    test = {
        "test_name": "t",
        "input": {"authority": "a", "path": "/", "method": "GET"},
        "validate": {"cluster_name": "c"},
    }
    test[part] = {**test[part], **extra}  # type: ignore[dict-item]
    path = written(folder, json.dumps({"tests": [test]}), "routes_test.json")
    found = run_checks([str(path)], CheckSettings())
    assert len(found.cases) + len(found.problems) == 1
    assert all(problem.exit_code == 2 for problem in found.problems)
