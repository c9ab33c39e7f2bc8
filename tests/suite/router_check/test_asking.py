"""Every field of `input` and `validate`, asked of the engine's own route stages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as some

from meshsim.config.documents import Library
from meshsim.config.view import View
from meshsim.place import Place
from meshsim.render.redact import Redactor
from meshsim.render.router_check_text import mismatch_line
from meshsim.suite.router_check.ask import ask
from meshsim.suite.router_check.read import read_checks
from meshsim.suite.router_check.table import compile_table
from meshsim.suite_results import ERROR, FAILED, PASSED
from tests.suite.router_check.files import checks_file, result, results

HOLDS = [
    ("path: /any", "cluster_name: rest, virtual_host_name: shop, path_redirect: '', code_redirect: 0"),
    ("path: /any, authority: nobody.example", "cluster_name: '', virtual_host_name: '', path_rewrite: ''"),
    ("path: /v1/x?y=1", "path_rewrite: '/x?y=1', host_rewrite: inner.example, timeout: 2.5s"),
    ("path: /any", "path_rewrite: /any, host_rewrite: shop.example, timeout: 15s"),
    # a fraction: only under its own key, and only below the numerator
    ("path: /canary, runtime: canary, random_value: 29", "cluster_name: canary"),
    ("path: /canary, runtime: canary, random_value: 30", "cluster_name: rest"),
    ("path: /canary, runtime: canary, random_value: 129", "cluster_name: canary"),
    ("path: /canary, runtime: other, random_value: 0", "cluster_name: rest"),
    ("path: /canary", "cluster_name: rest"),
    # a numerator of 0 is raised to 1
    ("path: /rare, runtime: rare, random_value: 0", "cluster_name: rare"),
    ("path: /rare, runtime: rare, random_value: 1", "cluster_name: rest"),
    ("path: /keyless", "cluster_name: rest"),
    ("path: /internal, internal: true", "cluster_name: internal"),
    ("path: /internal", "cluster_name: rest"),
    ("path: /split, random_value: 89", "cluster_name: v1"),
    ("path: /split, random_value: 90", "cluster_name: v2"),
    ("path: /split, random_value: 190", "cluster_name: v2"),
    # 32 bits with a sign: -1 becomes 2^64-1
    ("path: /split, random_value: 4294967295", "cluster_name: v1"),
    ("path: /split, random_value: 4294967386", "cluster_name: v2"),
    # redirects and direct responses forward nowhere
    ("path: /old/a?b", "path_redirect: 'http://new.example/new/a?b', code_redirect: 302, cluster_name: ''"),
    ("path: /old/a, ssl: true", "path_redirect: 'https://new.example/new/a', virtual_host_name: '', host_rewrite: ''"),
    ("path: /say/x", "path_redirect: 'http://shop.example/say/x', code_redirect: 418, path_rewrite: ''"),
    ("path: /a?b, authority: secure.example", "path_redirect: 'https://secure.example/a?b', code_redirect: 301"),
    ("path: /a, authority: secure.example, ssl: true", "cluster_name: secure, virtual_cluster_name: ''"),
    ("path: /none", "cluster_name: '', virtual_host_name: shop, code_redirect: 0"),
    ("path: /rides, method: POST", "virtual_cluster_name: rides"),
    ("path: /rides", "virtual_cluster_name: other"),
    ("path: /say", "virtual_cluster_name: ''"),
    # what changes nothing is said of the whole address, from its slash on
    ("path: say, authority: bare.example", "path_redirect: 'http://bare.example/say', code_redirect: 200"),
    # a redirect's rewrite changes the request before it is answered, and its Location is path_redirect's to tell
    (
        "path: /old/a?b",
        "request_header_matches: [{name: ':path', string_match: {exact: '/new/a?b'}},"
        " {name: x-envoy-original-path, string_match: {exact: '/old/a?b'}}], path_rewrite: '',"
        " response_header_matches: [{name: ':status', string_match: {exact: '302'}},"
        " {name: location, present_match: true, invert_match: true}]",
    ),
    ("path: /twice/x", "path_redirect: 'http://shop.example/twice/twice/x'"),
    # one value is kept of a header that Envoy knows, each line of any other
    (
        "path: /any, additional_request_headers: [{key: X-Forwarded-Proto, value: b}, {key: ':path', value: /c},"
        " {key: Host, value: d}]",
        "request_header_fields: [{key: x-forwarded-proto, value: 'http,b'}, {key: ':path', value: '/any,/c'},"
        " {key: ':authority', value: 'shop.example,d'}]",
    ),
    (
        "path: /say, additional_response_headers: [{key: Content-Type, value: a}, {key: x-two, value: a},"
        " {key: x-two, value: b}]",
        "response_header_fields: [{key: content-type, value: 'a,text/plain'}, {key: x-two, value: a}],"
        " response_header_matches: [{name: x-two, string_match: {exact: b}}]",
    ),
    # header matchers see finalised headers
    ("path: /split, random_value: 95", "request_header_matches: [{name: x-version, string_match: {exact: two}}]"),
    ("path: /split", "request_header_matches: [{name: x-version, present_match: true, invert_match: true}]"),
    (
        "path: /v1/x, additional_request_headers: [{key: X-User, value: jo}, {key: x-secret, value: s}]",
        "request_header_matches: [{name: x-added, string_match: {prefix: j}},"
        " {name: ':path', string_match: {exact: /x}},"
        " {name: x-secret, present_match: true, invert_match: true},"
        " {name: x-envoy-original-path, string_match: {exact: /v1/x}}],"
        " request_header_fields: [{key: x-user, value: jo}, {key: x-secret, value: ''}]",
    ),
    # what the router filter would write or take away is not there
    (
        "path: /any, additional_request_headers: [{key: x-envoy-max-retries, value: '3'}]",
        "request_header_matches: [{name: x-envoy-expected-rq-timeout-ms, present_match: true, invert_match: true},"
        " {name: x-envoy-max-retries, string_match: {exact: '3'}}]",
    ),
    (
        "path: /any, additional_response_headers: [{key: x-up, value: '1'}]",
        "response_header_matches: [{name: x-up, range_match: {start: 1, end: 2}}, {name: x-said}]",
    ),
    (
        "path: /say",
        "response_header_matches: [{name: ':status', string_match: {exact: '418'}},"
        " {name: content-length, string_match: {exact: '15'}}, {name: content-type, string_match: {suffix: plain}},"
        " {name: server, present_match: true, invert_match: true}],"
        " response_header_fields: [{key: x-said, value: 'yes'}]",
    ),
]


@pytest.mark.parametrize(("given", "validate"), HOLDS, ids=[given for given, _validate in HOLDS])
def test_what_holds(tmp_path: Path, given: str, validate: str) -> None:
    case = result(tmp_path, given, validate)
    assert [mismatch for failure in case.failures for mismatch in failure.mismatches] == []
    assert case.status == PASSED


MESSAGES = [
    ("path: /any", "cluster_name: x", "expected: [x], actual: [rest], test type: cluster_name"),
    ("path: /old", "code_redirect: 301", "expected: [301], actual: [302], test type: code_redirect"),
    ("path: /any", "timeout: 3s", "expected: [3s], actual: [15s], test type: timeout"),
    (
        "path: /any",
        "response_header_matches: [{name: x-said, string_match: {exact: rest}, invert_match: true}]",
        "expected: [x-said: rest], actual: NOT [x-said: rest], test type: response_header_matches.string_match.exact",
    ),
    (
        "path: /any",
        "request_header_matches: [{name: x-no, string_match: {exact: a}}]",
        "expected: [x-no: a], actual: [x-no: NULL], test type: request_header_matches.string_match.exact",
    ),
    (
        "path: /any",
        "request_header_matches: [{name: x-no}]",
        "expected: [has(x-no):true], actual: [has(x-no):false], test type: request_header_matches.present_match",
    ),
    (
        "path: /any",
        "request_header_matches: [{name: ':path', present_match: true, invert_match: true}]",
        "expected: [has(:path):false], actual: [has(:path):true], test type: request_header_matches.present_match",
    ),
    (
        "path: /say",
        "response_header_matches: [{name: ':status', range_match: {start: 1, end: 9}}]",
        "actual: [:status: 418], test type: response_header_matches.range_match",
    ),
    (
        "path: /any",
        "response_header_matches: [{name: x-said, string_match: {safe_regex: {regex: zz}}}]",
        "actual: [x-said: rest], test type: response_header_matches.string_match.safe_regex",
    ),
    (
        "path: /any, additional_request_headers: [{key: x-two, value: a}, {key: x-two, value: b}]",
        "request_header_matches: [{name: x-two, string_match: {exact: c}}]",
        "expected: [x-two: c], actual: [x-two: a], test type: request_header_matches.string_match.exact",
    ),
    (
        "path: /any",
        "request_header_matches: [{name: ':path', present_match: false}]",
        "expected: [has(:path):true], actual: [has(:path):false], test type: request_header_matches.present_match",
    ),
    (
        "path: /any",
        "request_header_fields: [{key: x-no, value: a}]",
        "expected: [a], actual: [], test type: request_header_fields",
    ),
]


@pytest.mark.parametrize(("given", "validate", "message"), MESSAGES, ids=[row[2] for row in MESSAGES])
def test_messages(tmp_path: Path, given: str, validate: str, message: str) -> None:
    case = result(tmp_path, given, validate)
    (failure,) = case.failures
    assert [mismatch_line(mismatch, Redactor(active=False)) for mismatch in failure.mismatches] == [message]


def test_secrets_stay_secret(tmp_path: Path) -> None:
    secret = "Bearer abcdefghijkl"
    sent = f"path: /any, additional_request_headers: [{{key: authorization, value: {secret}}}]"
    wanted = (
        "request_header_matches: [{name: authorization, string_match: {exact: x}}],"
        " request_header_fields: [{key: authorization, value: x}]"
    )
    for mismatch in result(tmp_path, sent, wanted).failures[0].mismatches:
        assert secret in mismatch_line(mismatch, Redactor(active=False))
        assert "abcdefghijkl" not in mismatch_line(mismatch, Redactor(active=True))


def test_every_failure_is_told_in_the_order_of_the_tool(tmp_path: Path) -> None:
    case = result(tmp_path, "path: /any", "path_rewrite: a, cluster_name: b, virtual_host_name: c, path_redirect: d")
    told = [mismatch.test_type for mismatch in case.failures[0].mismatches]
    assert told == ["cluster_name", "virtual_host_name", "path_rewrite", "path_redirect"]


def test_runtime_of_the_file_holds_for_every_test(tmp_path: Path) -> None:
    routes = """
        virtual_hosts:
        - name: all
          domains: ["*"]
          routes:
          - match: {prefix: /}
            route:
              weighted_clusters:
                runtime_key_prefix: split
                clusters: [{name: a, weight: 100}, {name: b, weight: 0}]
    """
    item = "- {test_name: t, input: {authority: a, path: /, method: GET}, validate: {cluster_name: b}}"
    assert results(tmp_path, item, routes).cases[0].status != PASSED
    assert results(tmp_path, f"{item}\nruntime: {{split.a: 0, split.b: 100}}", routes).cases[0].status == PASSED


METADATA = """
    virtual_hosts:
    - name: all
      domains: ["*"]
      routes:
      - match:
          prefix: /
          dynamic_metadata:
          - {filter: envoy.lb, path: [{key: tier}], value: {string_match: {exact: gold}}}
        route: {cluster: gold}
      - match: {prefix: /}
        route: {cluster: rest}
"""


@pytest.mark.parametrize(
    ("entries", "cluster"),
    [
        ("{metadata_namespace: envoy.lb, value: {tier: gold}}", "gold"),
        ("{metadata_namespace: envoy.lb, value: {tier: tin}}", "rest"),
        ("{metadata_namespace: other, value: {tier: gold}}", "rest"),
        ("{metadata_namespace: envoy.lb, value: {a: b}}, {metadata_namespace: envoy.lb, value: {tier: gold}}", "rest"),
        (
            "{metadata_namespace: envoy.lb, value: {tier: tin}},"
            " {metadata_namespace: envoy.lb, value: {tier: gold}, allow_overwrite: true}",
            "gold",
        ),
        (  # structs merge key by key
            "{metadata_namespace: envoy.lb, value: {tier: gold, deep: {a: b}}},"
            " {metadata_namespace: envoy.lb, value: {deep: {c: d}}, allow_overwrite: true}",
            "gold",
        ),
        ("", "rest"),
    ],
)
def test_dynamic_metadata(tmp_path: Path, entries: str, cluster: str) -> None:
    case = result(tmp_path, f"path: /, dynamic_metadata: [{entries}]", f"cluster_name: {cluster}", METADATA)
    assert (case.status, case.assumptions) == (PASSED, ())


def test_what_configuration_cannot_say_is_an_error_with_its_reason(tmp_path: Path) -> None:
    routes = """
        virtual_hosts:
        - name: all
          domains: ["*"]
          routes: [{match: {prefix: /}, route: {cluster_specifier_plugin: lua}}]
        cluster_specifier_plugins:
        - extension:
            name: lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig
              source_code: {inline_string: "x"}
    """
    case = result(tmp_path, "path: /", "cluster_name: ''", routes)
    assert case.status == "error"
    assert case.failures[0].assumptions[0].code == "router.specifier-not-modelled"


STARTED = """
    request_headers_to_add: [{header: {key: x-start, value: "t=%START_TIME%"}}]
    virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: c}}]}]
"""


@pytest.mark.parametrize(
    ("validate", "status"),
    [
        ("request_header_matches: [{name: x-start}]", PASSED),
        ("request_header_matches: [{name: x-start, string_match: {prefix: t}}]", ERROR),
        ("request_header_fields: [{key: x-start, value: t}]", ERROR),
        ("request_header_fields: [{key: x-start, value: t}], cluster_name: d", FAILED),
        ("request_header_fields: [{key: x-none, value: ''}]", PASSED),
    ],
)
def test_what_only_run_time_knows_is_no_mismatch(tmp_path: Path, validate: str, status: str) -> None:
    case = result(tmp_path, "path: /", validate, STARTED)
    assert case.status == status
    if status == ERROR:
        assert [reason.code for reason in case.failures[0].assumptions] == ["router.header-open"]


@settings(max_examples=50)
@generated(weights=some.lists(some.integers(1, 50), min_size=1, max_size=5), value=some.integers(0, (1 << 64) - 1))
def test_the_random_value_picks_the_cluster(
    tmp_path_factory: pytest.TempPathFactory, weights: list[int], value: int
) -> None:
    clusters = [{"name": f"c{index}", "weight": weight} for index, weight in enumerate(weights)]
    route = {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}}}
    data = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}
    path = checks_file(
        tmp_path_factory.getbasetemp(),
        f"- {{test_name: t, input: {{authority: a, path: /, method: GET, random_value: {value}}}, validate: {{}}}}",
        "weights_test.yaml",
    )
    (check,) = read_checks(path, Library()).checks
    narrow = (value + (1 << 31)) % (1 << 32) - (1 << 31)
    at = narrow % (1 << 64) % sum(weights)
    wanted = next(index for index in range(len(weights)) if at < sum(weights[: index + 1]))
    assert ask(compile_table(View(data, Place("routes.yaml")), {}), check).cluster == f"c{wanted}"
