"""Coverage as router_check_tool counts it."""

from __future__ import annotations

from pathlib import Path

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
    assert found.missing == (MissingRoute("v", "split", 'prefix: "/split"'),)


def test_routes_without_tests(tmp_path: Path) -> None:
    found = coverage(tmp_path, item("/split", "cluster_name: a"), detailed=True)
    assert found.missing == (MissingRoute("v", "#1"), MissingRoute("v", "rest"))
    assert coverage(tmp_path, item("/split", "cluster_name: a")).missing == ()


def test_none_where_a_test_fails_or_was_left_out(tmp_path: Path) -> None:
    assert results(tmp_path, item("/", "cluster_name: x"), ROUTES).coverage == []
    both = item("/", "cluster_name: rest") + item("/old", "code_redirect: 301")
    assert results(tmp_path, both, ROUTES, wanted=lambda node: node.endswith("t#2")).coverage == []


def test_the_limit(tmp_path: Path) -> None:
    assert coverage(tmp_path, item("/", "cluster_name: rest"), fail_under=25.0).too_low is False
    assert coverage(tmp_path, item("/", "cluster_name: rest"), fail_under=25.1).too_low is True
