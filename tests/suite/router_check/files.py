"""Route configurations and tests of them, written for one test, and what they come to."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from meshsim.suite.router_check.run import CheckSettings, run_checks
from meshsim.suite_results import CaseResult, Results

ROUTES = """
    virtual_hosts:
    - name: shop
      domains: [shop.example]
      virtual_clusters:
      - name: rides
        headers:
        - {name: ":path", string_match: {exact: /rides}}
        - {name: ":method", string_match: {exact: POST}}
      routes:
      - name: canary
        match: {prefix: /canary, runtime_fraction: {runtime_key: canary, default_value: {numerator: 30}}}
        route: {cluster: canary}
      - match: {prefix: /rare, runtime_fraction: {runtime_key: rare, default_value: {numerator: 0}}}
        route: {cluster: rare}
      - match: {prefix: /keyless, runtime_fraction: {default_value: {numerator: 50}}}
        route: {cluster: keyless}
      - match: {prefix: /internal, headers: [{name: x-envoy-internal, present_match: true}]}
        route: {cluster: internal}
      - match: {prefix: /old}
        redirect: {host_redirect: new.example, prefix_rewrite: /new, response_code: FOUND}
      - match: {prefix: /twice}
        redirect: {regex_rewrite: {pattern: {regex: ^/twice}, substitution: /twice/twice}}
      - match: {prefix: /say}
        direct_response: {status: 418, body: {inline_string: "short and stout"}}
        response_headers_to_add: [{header: {key: x-said, value: "yes"}}]
      - name: none
        match: {prefix: /none}
        non_forwarding_action: {}
      - name: split
        match: {prefix: /split}
        route:
          weighted_clusters:
            clusters:
            - {name: v1, weight: 90}
            - name: v2
              weight: 10
              request_headers_to_add: [{header: {key: x-version, value: two}}]
      - match: {prefix: /v1/}
        request_headers_to_remove: [x-secret]
        request_headers_to_add: [{header: {key: x-added, value: "%REQ(x-user)%"}}]
        route: {cluster: rewritten, prefix_rewrite: /, host_rewrite_literal: inner.example, timeout: 2.5s}
      - match: {prefix: /}
        route: {cluster: rest}
        response_headers_to_add: [{header: {key: x-said, value: rest}}]
    - name: bare
      domains: [bare.example]
      routes: [{match: {safe_regex: {regex: .*}}, direct_response: {status: 200}}]
    - name: secure
      domains: [secure.example]
      require_tls: ALL
      routes: [{match: {prefix: /}, route: {cluster: secure}}]
"""


def written(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def checks_file(folder: Path, tests: str, name: str = "routes_test.yaml") -> Path:
    """`tests`: the items of its list, as YAML."""
    return written(folder, "tests:\n" + tests.strip("\n") + "\n", name)


def results(folder: Path, tests: str, routes: str = ROUTES, **settings: object) -> Results:
    written(folder, routes, "routes.yaml")
    path = checks_file(folder, tests)
    return run_checks([str(path)], CheckSettings(**settings))  # type: ignore[arg-type]


def result(folder: Path, given: str, validate: str, routes: str = ROUTES) -> CaseResult:
    """Of one test: what its input and validate say, as YAML flow mappings without their braces."""
    base = "authority: shop.example, method: GET" if "authority" not in given else "method: GET"
    if "method" in given:
        base = base.replace(", method: GET", "")
    item = f"- {{test_name: one, input: {{{base}, {given}}}, validate: {{{validate}}}}}"
    found = results(folder, item, routes)
    assert not found.problems, found.problems
    return found.cases[0]
