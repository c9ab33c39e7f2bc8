"""Coverage as router_check_tool counts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshsim.suite_results import MissingRoute, RouteCoverage
from tests.suite.router_check.files import results

ROUTES = """
    virtual_hosts:
    - name: v
      domains: ["*"]
      routes:
      - name: split
        match: {prefix: /split}
        route: {weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 1}]}}
      - match: {prefix: /old}
        redirect: {path_redirect: /new}
      - name: rest
        match: {prefix: /, case_sensitive: false}
        route: {cluster: rest}
"""


def item(path: str, validate: str, random_value: int = 0) -> str:
    given = f"authority: a, path: {path}, method: GET, random_value: {random_value}"
    return f"- {{test_name: t, input: {{{given}}}, validate: {{{validate}}}}}\n"


def coverage(folder: Path, *items: str, **settings: object) -> RouteCoverage:
    (found,) = results(folder, "".join(items), ROUTES, **settings).coverage
    return found


def test_each_weighted_cluster_counts(tmp_path: Path) -> None:
    one = item("/split", "cluster_name: a")
    assert coverage(tmp_path, one).percent == 25
    assert coverage(tmp_path, one, one).percent == 25
    assert coverage(tmp_path, one, item("/split", "cluster_name: b", 1)).percent == 50


def test_only_assertions_about_routes_count(tmp_path: Path) -> None:
    header = "request_header_matches: [{name: ':path'}]"
    assert coverage(tmp_path, item("/", header), item("/", "path_redirect: ''"), item("/", "timeout: 15s")).percent == 0
    assert coverage(tmp_path, item("/old", "code_redirect: 301")).percent == 25


def test_every_field_of_every_route(tmp_path: Path) -> None:
    found = coverage(
        tmp_path,
        item("/", "cluster_name: rest, virtual_host_name: v"),
        item("/old", "path_redirect: 'http://a/new'"),
        comprehensive=True,
    )
    assert round(found.percent, 6) == round(100 * (2 / 5 + 1 / 2) / 4, 6)
    assert found.missing == (MissingRoute("v", "split", 'prefix: "/split"', "split-0"),)


def test_routes_without_tests(tmp_path: Path) -> None:
    found = coverage(tmp_path, item("/split", "cluster_name: a"), detailed=True)
    assert found.missing == (
        MissingRoute("v", "#1", unique_name="-1"),
        MissingRoute("v", "rest", unique_name="rest-2"),
    )
    assert coverage(tmp_path, item("/split", "cluster_name: a")).missing == ()


TLS = """
    virtual_hosts:
    - {name: a, domains: [a], require_tls: ALL, routes: [{match: {prefix: /}, route: {cluster: c}}]}
    - {name: b, domains: [b], require_tls: ALL, routes: [{match: {prefix: /}, route: {cluster: c}}]}
"""


def test_one_redirect_to_tls_serves_all_virtual_hosts(tmp_path: Path) -> None:
    plain = item("/", "path_redirect: 'https://a/'") + item("/", "path_redirect: 'https://b/'").replace("y: a", "y: b")
    assert results(tmp_path, plain, TLS).coverage[0].percent == 50
    assert results(tmp_path, plain, TLS, comprehensive=True).coverage[0].percent == 25
    asked = item("/", "cluster_name: c").replace("GET", "GET, ssl: true")
    # the redirect is in no denominator, so it may stand above the rest
    both = asked + asked.replace("y: a", "y: b")
    assert results(tmp_path, plain + both, TLS).coverage[0].percent == 150


MATCHES = [
    ("{prefix: /}", 'prefix: "/"'),
    ("{caseSensitive: false, path: '/é\"x'}", 'path: "/\\303\\251\\"x"\ncase_sensitive {\n}'),
    (
        "{headers: [{stringMatch: {ignoreCase: true, exact: ''}, name: a, invertMatch: false}], prefix: /b}",
        'prefix: "/b"\nheaders {\n  name: "a"\n  string_match {\n    exact: ""\n    ignore_case: true\n  }\n}',
    ),
    (
        "{prefix: /, grpc: {}, runtime_fraction: {default_value: {numerator: 0, denominator: MILLION}}}",
        'prefix: "/"\ngrpc {\n}\nruntime_fraction {\n  default_value {\n    numerator: 1\n'
        "    denominator: MILLION\n  }\n}",
    ),
    (
        "{safe_regex: {regex: 'a\\.b'}, headers: [{name: n, range_match: {end: '7', start: 0}}]}",
        'headers {\n  name: "n"\n  range_match {\n    end: 7\n  }\n}\nsafe_regex {\n  regex: "a\\\\.b"\n}',
    ),
    (
        "{prefix: /, tls_context: {presented: true}}",
        'prefix: "/"\ntls_context {\n  presented {\n    value: true\n  }\n}',
    ),
]


@pytest.mark.parametrize(("match", "text"), MATCHES, ids=[row[0][:20] for row in MATCHES])
def test_a_route_without_tests_is_told_in_protobufs_text(tmp_path: Path, match: str, text: str) -> None:
    routes = f"""
    virtual_hosts:
    - name: v
      domains: ["*"]
      routes:
      - {{match: {{path: /only}}, route: {{cluster: c}}}}
      - {{match: {match}, route: {{cluster: d}}}}
    """
    (found,) = results(tmp_path, item("/only", "cluster_name: c"), routes, comprehensive=True).coverage
    assert [each.match for each in found.missing] == [text]


def test_none_where_a_test_fails_or_was_left_out(tmp_path: Path) -> None:
    assert results(tmp_path, item("/", "cluster_name: x"), ROUTES).coverage == []
    both = item("/", "cluster_name: rest") + item("/old", "code_redirect: 301")
    assert results(tmp_path, both, ROUTES, wanted=lambda node: node.endswith("t#2")).coverage == []


def test_the_limit(tmp_path: Path) -> None:
    assert coverage(tmp_path, item("/", "cluster_name: rest"), fail_under=25.0).too_low is False
    assert coverage(tmp_path, item("/", "cluster_name: rest"), fail_under=25.1).too_low is True
