"""Cases judged on the demo mesh: every branch, some branch, shares, roles, guards, known gaps, and where ways part."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from meshsim.explanation import Fate
from meshsim.suite import run
from meshsim.suite.run import Settings
from meshsim.suite_results import CaseResult, Failure
from tests.builders_http import http_filter
from tests.suite_files import TODAY, demo_meshes, judged, loaded, only
from tests.truth.families._filter_dump import FIRST_PORT, HOST, dump, manager
from tests.truth.setting import Setting


def one(folder: Path, said: str, head: str = "defaults: {from: sleep}") -> CaseResult:
    return only(judged(folder, f"meshsim: 1\n{head}\ntests:\n  t: {{{said}}}\n"))


def failure(case: CaseResult) -> Failure:
    assert case.status == "failed"
    (told,) = case.failures
    return told


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("expect: {outcome: forwarded}", "passed"),
        ("expect: {outcome: [delivered, forwarded]}", "passed"),
        ("expect: {outcome: {not: replied}}", "passed"),
        ("expect: {outcome: {not: [replied, forwarded]}}", "failed"),
        ("expect: {outcome: /^forw/}", "passed"),
        ("expect: {status: null, response_flags: []}", "passed"),
        ("expect: {status: {not: null}}", "failed"),
        ("expect: {client: {subset: v1}}", "failed"),
        ("expect: {client: {subset: [v1, v2]}}", "passed"),
        ("expect: {client: {port: 80, service: /^helloworld/}}", "passed"),
        ("expect: {client: {port: 81}}", "failed"),
        ("expect: {client: {}}", "passed"),
        ("expect: {client: bypassed}", "failed"),
        ("expect: {server: null}", "passed"),
        ("expect: {server: {}}", "failed"),
        ("expect: {gateway: {route: x}}", "failed"),
        ("expect: {any_hop: {direction: outbound, tls: {mode: mtls}}}", "passed"),
        ("expect: {any_hop: {direction: inbound}}", "failed"),
        ("expect: {every_hop: {direction: outbound}}", "passed"),
        ("expect: {client: {tls: {alpn_offered: istio}}}", "passed"),
        ("expect: {client: {tls: {alpn_offered: [istio, istio-http/1.1, http/1.1]}}}", "passed"),
        ("expect: {client: {tls: {alpn_offered: [istio]}}}", "failed"),
        ("expect: {client: {tls: {alpn_offered: {not: h2}}}}", "passed"),
        ("expect: {client: {attempts: {result: connected}}}", "passed"),
        ("expect: {client: {upstream: {headers: {X-Forwarded-Proto: http, x-none: null}}}}", "passed"),
        ("expect: {client: {upstream: {headers: {x-none: {not: null}}}}}", "failed"),
        ("expect: {any_packet: {rules: nat/ISTIO_REDIRECT/1}}", "passed"),
        ("expect: {every_packet: {rules: nat/ISTIO_REDIRECT/1}}", "failed"),
        ("expect: {resolution: {by: host-facts}}", "passed"),
        ("expect: {resolution: {by: service}}", "failed"),
        ("expect: {assumptions: []}", "passed"),
        ("some: {client: {subset: v2}}", "passed"),
        ("some: [{client: {subset: v2}}, {client: {subset: v1}}]", "passed"),
        ("some: {client: {subset: v3}}", "failed"),
        ("expect: {some: {client: {subset: v2, endpoint: '10.80.3.111:5000'}}}", "failed"),
        ("shares: {client.subset: {v1: 90 %, v2: 10 %}}", "passed"),
        ("shares: {client.subset: {v1: 9/10}}", "passed"),
        ("shares: {client.subset: {v1: 89 %}}", "failed"),
        ("shares: {client.subset: {v1: 88 % ± 2 %}}", "passed"),
        ("shares: {client.subset: {v1: 88 % +- 1.9 %}}", "failed"),
        ("shares: {client.subset: {v3: 0 %}, outcome: {forwarded: 100 %}}", "passed"),
        ("shares: {client.subset: {v3: 1 %}}", "failed"),
    ],
)
def test_an_expectation_on_a_canary_of_90_and_10_percent(tmp_path: Path, said: str, status: str) -> None:
    assert one(tmp_path, f"call: http://helloworld/hello, {said}").status == status


def test_a_failure_tells_the_branch_its_share_and_what_stands_on_all_of_them(tmp_path: Path) -> None:
    told = failure(one(tmp_path, "call: http://helloworld/hello, expect: {client: {subset: v1}}"))
    assert (told.kind, told.failing, told.branches, told.share) == ("expectation", 1, 2, Fraction(1, 10))
    assert told.picks == (("0/cluster", "outbound|80|v2|helloworld.default.svc.cluster.local"),)
    (difference,) = told.differences
    assert (difference.path, difference.wanted, difference.got) == ("client.subset", "v1", "v2")
    assert difference.values == ("v1", "v2")
    assert difference.place is not None and difference.place.line == 4


@pytest.mark.parametrize(
    ("call", "expected", "stage", "label", "check"),
    [
        (
            "\"curl -H 'x-user: Jason' http://httpbin:8000/get\"",
            "{client: {route: jason-to-v2}}",
            "route",
            "jason-to-v2",
            "header x-user",
        ),
        # the cluster is the route's choice: the route that leads there is the one that lost
        ("http://httpbin:8000/get", "{client: {subset: v2}}", "route", "jason-to-v2", "header x-user"),
        ("http://foo.example/", "{client: {virtual_host: example.com:80}}", "vhost", "example.com:80", "exact domains"),
        (
            "http://helloworld/",
            "{client: {subset: v1}}",
            "router",
            "outbound|80|v1|helloworld.default.svc.cluster.local",
            "weight",
        ),
        (
            "http://helloworld/",
            "{client: {filter_chain: PassthroughFilterChain}}",
            "chain",
            "PassthroughFilterChain",
            None,
        ),
        (
            "http://helloworld/",
            "{client: {endpoint: '10.80.3.113:5000'}}",
            "endpoint",
            "10.80.3.113:5000",
            "health_status",
        ),
    ],
)
def test_the_decision_is_named_where_the_ways_part(
    tmp_path: Path, call: str, expected: str, stage: str, label: str, check: str | None
) -> None:
    parting = failure(one(tmp_path, f"call: {call}, expect: {expected}")).parting
    assert parting is not None and parting.expected is not None
    assert (parting.decision.stage, parting.expected.label) == (stage, label)
    assert parting.expected.fate is not Fate.CHOSEN
    failed = [each.what for each in parting.expected.checks if each.ok is False]
    assert failed[:1] == ([check] if check else [])
    place = parting.expected.place
    assert place is not None and parting.lines[place].line is not None


def test_a_wrong_outcome_is_explained_by_its_cause(tmp_path: Path) -> None:
    told = failure(one(tmp_path, "call: http://ghost:8080/, expect: {outcome: forwarded}"))
    assert told.outcome is not None and told.outcome.kind == "replied"
    assert told.parting is not None and told.parting.decision.deciding


@pytest.mark.parametrize(
    ("call", "details", "stage"),
    [
        ("http://helloworld/", "rbac_access_denied_matched_policy[admins]", "filters"),
        ("http://helloworld/", "route_not_found", "route"),
        ("http://helloworld/", "no_healthy_upstream", "endpoint"),
        ("http://helloworld/", "cluster_not_found", "cluster"),
        ("{destination: '203.0.113.9:5432', protocol: tcp}", "filter_chain_not_found", "chain"),
    ],
)
def test_details_that_did_not_come_are_explained_by_the_stage_that_would_have_set_them(
    tmp_path: Path, call: str, details: str, stage: str
) -> None:
    told = failure(one(tmp_path, f"call: {call}, expect: {{outcome: replied, response_code_details: '{details}'}}"))
    assert told.parting is not None and told.parting.decision.stage == stage


GUARDED = """\
    meshsim: 1
    defaults: {from: sleep}
    tests:
      one: {call: http://helloworld/, expect: {client: {}}}
      two: {call: http://legacy/, expect: {client: {}}, tags: [%s]}
    never:
      - {client: {subset: v2}, except_tags: [old], why: v2 is not ready}
    """


def test_a_guard_holds_on_every_branch_of_every_call_that_is_not_excepted(tmp_path: Path) -> None:
    one_, two = judged(tmp_path, GUARDED % "x").cases
    told = failure(one_)
    assert (told.kind, told.failing, told.branches, told.share) == ("guard", 1, 2, Fraction(1, 10))
    assert (told.name, told.message) == ("{client: {subset: v2}}", "v2 is not ready")
    assert told.parting is not None and told.parting.decision.stage == "router"
    assert two.status == "passed"
    excepted = (GUARDED % "x").replace("expect: {client: {}}}", "expect: {client: {}}, tags: [old]}", 1)
    assert [case.status for case in judged(tmp_path, excepted).cases] == ["passed", "passed"]


def test_a_known_gap_is_checked_and_fails_when_it_closes_or_its_day_has_come(tmp_path: Path) -> None:
    def gap(expected: str, until: str, today: date = TODAY, guard: str = "") -> CaseResult:
        suite = loaded(
            tmp_path,
            "meshsim: 1\ndefaults: {from: sleep}\ntests:\n  t:\n    call: http://helloworld/\n"
            f"    expect: {expected}\n    known_gap: {{why: later, until: {until}}}\n{guard}",
        )
        return only(run([suite], Settings(today), meshes=demo_meshes()))

    wrong, right = "{client: {subset: v1}}", "{client: {service: /helloworld/}}"
    assert gap(wrong, "2026-12-31").status == "gap"
    assert gap(wrong, "2026-11-23").status == "gap"
    over = gap(wrong, "2026-11-22")
    assert (over.status, over.failures[0].kind) == ("failed", "gap-over")
    closed = gap(right, "2026-12-31")
    assert (closed.status, closed.failures[0].kind) == ("failed", "gap-closed")
    guarded = gap(wrong, "2026-12-31", guard="never: [{client: {subset: v2}}]\n")
    assert (guarded.status, guarded.failures[0].kind) == ("failed", "guard")


def test_strict_makes_an_assumption_an_unknown_outcome(tmp_path: Path) -> None:
    said = "call: http://nobody.example/, expect: {outcome: forwarded}"
    assert one(tmp_path, said).status == "passed"
    told = failure(one(tmp_path, said, head="strict: true\ndefaults: {from: sleep}"))
    assert told.outcome is not None and told.outcome.kind == "unknown"
    assert [reason.code for reason in told.assumptions] == ["name.assumed"]


def test_a_call_that_cannot_be_asked_is_an_error_of_its_case(tmp_path: Path) -> None:
    results = judged(
        tmp_path,
        """\
        meshsim: 1
        tests:
          bad: {call: {from: slep, destination: "helloworld:80"}, expect: {client: {}}}
          good: {call: {from: sleep, destination: "helloworld:80"}, expect: {client: {}}}
        """,
    )
    assert [case.status for case in results.cases] == ["error", "passed"]
    assert "did you mean 'sleep'" in results.cases[0].failures[0].hint


def test_a_mesh_that_cannot_be_loaded_is_told_once_and_the_rest_runs(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    broken = loaded(tmp_path, "meshsim: 1\nconfig: broken.json\ntests: {t: {call: http://a/, expect: {status: 1}}}\n")
    whole = loaded(tmp_path, "meshsim: 1\ntests: {t: {call: http://helloworld/, expect: {client: {}}}}\n")
    results = run([broken, whole], Settings(TODAY), meshes=demo_meshes())
    assert [case.status for case in results.cases] == ["passed"]
    (problem,) = results.problems
    assert problem.exit_code == 2 and problem.place is not None and "broken.json" in str(problem.place)


def test_what_a_case_touched_is_collected_when_asked_for(tmp_path: Path) -> None:
    text = "meshsim: 1\ndefaults: {from: sleep}\ntests: {t: {call: http://helloworld/, expect: {client: {}}}}\n"
    assert only(judged(tmp_path, text)).touched == frozenset()
    touched = only(judged(tmp_path, text, collect=True)).touched
    names = {(each.kind, each.name) for each in touched}
    assert ("listener", "0.0.0.0_80") in names
    assert ("virtual_host", "helloworld.default.svc.cluster.local:80") in names
    assert ("route_config", "80") in names
    # every branch, not the likeliest alone
    clusters = {name for kind, name in names if kind == "cluster"}
    assert {"v1", "v2"} == {name.split("|")[2] for name in clusters}
    assert any(kind == "rule" and name.endswith("nat/ISTIO_REDIRECT/1") for kind, name in names)
    assert all(each.place.doc for each in touched)


def test_a_pin_at_a_site_the_call_never_comes_to_is_an_error_but_as_a_default_it_is_not(tmp_path: Path) -> None:
    cluster = "outbound|80|v2|helloworld.default.svc.cluster.local"
    pin = f'choices: {{0/cluster: "{cluster}"}}'
    call = '{destination: "helloworld:80", %s}'
    assert one(tmp_path, f"call: {call % pin}, expect: {{client: {{subset: v2}}}}").status == "passed"
    lost = one(tmp_path, f"call: {call % pin.replace('0/', '7/')}, expect: {{client: {{}}}}")
    assert lost.status == "error" and "sites: 0/cluster" in lost.failures[0].hint
    head = f"defaults: {{from: sleep, {pin.replace('0/', '7/')}}}"
    assert one(tmp_path, "call: http://helloworld/, expect: {client: {}}", head).status == "passed"


def test_an_answer_at_a_site_the_call_never_comes_to_is_an_error_too(tmp_path: Path) -> None:
    call = '{destination: "helloworld:80", answers: {0/filter/x: {status: 401}}}'
    lost = one(tmp_path, f"call: {call}, expect: {{client: {{}}}}")
    assert lost.status == "error" and "answers: this call has no site 0/filter/x" in lost.failures[0].message


def test_an_answer_of_a_service_is_part_of_a_call(tmp_path: Path) -> None:
    service = {"server_uri": {"uri": "http://c", "cluster": "c", "timeout": "1s"}}
    cases = [(manager(http_filter("authz", "ext_authz.v3.ExtAuthz", http_service=service)), ())]
    Setting(name="x", dump=dump(cases), calls=()).mesh(tmp_path / "capture")
    case = only(
        judged(
            tmp_path,
            f"""\
            meshsim: 1
            config: [capture]
            defaults: {{answers: {{0/filter/authz: {{status: 401, body: denied}}}}}}
            tests:
              a: {{call: {{destination: "{HOST}:{FIRST_PORT}"}}, expect: {{status: 401, body: denied}}}}
            """,
        )
    )
    assert case.status == "passed", case.failures


def test_a_call_takes_its_runtime_values(tmp_path: Path) -> None:
    """As a trace of the same call does."""
    case = only(
        judged(
            tmp_path,
            """\
            meshsim: 1
            tests:
              a: {call: {destination: "10.96.80.83:9080", runtime: {some.key: 1}}, expect: {assumptions: []}}
            """,
        )
    )
    assert case.status == "passed", case.failures


def test_near_misses_of_a_failure_have_their_lines(tmp_path: Path) -> None:
    case = one(tmp_path, "call: {from: ratings, destination: 'reviews:9080'}, expect: {outcome: replied}")
    parting = failure(case).parting
    assert parting is not None
    near = [each.place for each in parting.decision.candidates if each.near_miss and each.place is not None]
    assert near and all(parting.lines[place].line is not None for place in near)
