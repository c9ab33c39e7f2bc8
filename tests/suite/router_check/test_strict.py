"""Route configurations written by hand are held against their schema, as the tool and Envoy itself hold them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsim.config.view import View
from meshsim.errors import InputError
from meshsim.place import Place
from meshsim.suite.router_check.schema import ENUMS, MESSAGES
from meshsim.suite.router_check.strict import check_message, message
from tests.outcomes.worlds import TYPES
from tests.realism.prerequisites import envoy_binary

MATCH, ROUTE = "match: {prefix: /}", "route: {cluster: c}"

REFUSED = [
    ("{match: {prefx: /}, route: {cluster: c}}", "RouteMatch has no field 'prefx'", "did you mean prefix?"),
    (f"{{{MATCH}, route: {{cluster: c, timeot: 3s}}}}", "RouteAction has no field 'timeot'", "timeout"),
    (f"{{{MATCH}, rout: {{cluster: c}}}}", "Route has no field 'rout'", "did you mean route?"),
    (f"{{{MATCH}}}", "Route states no action", "non_forwarding_action"),
    (f"{{{ROUTE}}}", "Route has no match", "state match"),
    (f"{{match: {{}}, {ROUTE}}}", "RouteMatch states no path_specifier", "path_separated_prefix"),
    (f"{{{MATCH}, {ROUTE}, redirect: {{}}}}", "only one of route and redirect", "keep one"),
    (f"{{{MATCH}, route: {{}}}}", "states no cluster_specifier", "weighted_clusters"),
    (f"{{{MATCH}, route: {{cluster: ''}}}}", "cluster is empty", "state cluster"),
    (f"{{{MATCH}, route: {{weighted_clusters: {{clusters: []}}}}}}", "clusters is empty", "state clusters"),
    (f"{{{MATCH}, route: {{cluster: c, timeout: 3}}}}", "no duration", "value of its kind"),
    (f"{{{MATCH}, route: {{cluster: 3}}}}", "3 is no string", "value of its kind"),
    (f"{{{MATCH}, route: {{cluster: c, priority: HIHG}}}}", "none of DEFAULT, HIGH", "value of its kind"),
    (f"{{{MATCH}, redirect: {{port_redirect: -1}}}}", "no whole number from 0", "value of its kind"),
    (f"{{{MATCH}, direct_response: {{status: 200, body: {{inline_strin: x}}}}}}", "has no field", "inline_string"),
    (f"{{match: {{prefix: /, headers: [{{}}]}}, {ROUTE}}}", "HeaderMatcher has no name", "state name"),
    (f"{{match: {{prefix: /, headers: [{{name: a, string_match: {{}}}}]}}, {ROUTE}}}", "no match_pattern", "exact"),
    (f"{{match: {{prefix: /, case_sensitive: 1}}, {ROUTE}}}", "neither true nor false", "value of its kind"),
    (f"{{match: x, {ROUTE}}}", "RouteMatch is an object", "with its fields"),
    (f"{{{MATCH}, {ROUTE}, metadata: {{filter_metadata: 3}}}}", "3 is no object", "value of its kind"),
    (
        f"{{{MATCH}, route: {{cluster: c, rate_limits: [{{actions: [{{dynamic_metadata: {{descriptor_key: a,"
        " metadata_key: {key: a, path: [{key: b}]}}}]}]}}",
        "dynamic_metadata is deprecated",
        "--disable-deprecation-check",
    ),
]
TAKEN = [
    f"{{{MATCH}, {ROUTE}}}",
    f"{{match: {{prefix: /, case_sensitive: 'No'}}, {ROUTE}}}",
    f"{{{MATCH}, redirect: {{responseCode: found, portRedirect: '80', hostRedirect: null}}}}",
    f"{{{MATCH}, redirect: {{response_code: 2, port_redirect: 80.0}}}}",
    f"{{{MATCH}, route: {{cluster: c, timeout: {{seconds: 3, nanos: 0}}}}}}",
    f"{{{MATCH}, {ROUTE}, response_headers_to_remove: x-a}}",
    f"{{{MATCH}, route: {{weighted_clusters: {{clusters: {{name: c, weight: '3'}}}}}}}}",
    f"{{match: {{prefix: /, headers: [[{{name: a}}], {{name: b}}]}}, {ROUTE}}}",
    f"{{{MATCH}, non_forwarding_action: {{}}}}",
]


def table(route: str) -> dict[str, Any]:
    return {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [yaml.safe_load(route)]}]}


def checked(data: dict[str, Any], **settings: bool) -> None:
    check_message(View(data, Place("routes.yaml")), "RouteConfiguration", **settings)


@pytest.mark.parametrize(("route", "problem", "remedy"), REFUSED, ids=[row[1] for row in REFUSED])
def test_refused(route: str, problem: str, remedy: str) -> None:
    with pytest.raises(InputError) as error:
        checked(table(route))
    assert problem in error.value.message and remedy in error.value.hint
    assert error.value.place is not None and error.value.place.path[:4] == ("virtual_hosts", 0, "routes", 0)


@pytest.mark.parametrize("route", TAKEN)
def test_taken(route: str) -> None:
    checked(table(route))


def test_deprecated_fields_on_demand() -> None:
    checked(table(REFUSED[-1][0]), takes_deprecated=True)


def test_depth_is_bounded() -> None:
    value: dict[str, Any] = {"present_match": True}
    for _ in range(200):
        value = {"list_match": {"one_of": value}}
    found = {"prefix": "/", "dynamic_metadata": [{"filter": "f", "path": [{"key": "k"}], "value": value}]}
    with pytest.raises(InputError, match="deep"):
        checked({"virtual_hosts": {"name": "v", "domains": "*", "routes": {"match": found, "route": {"cluster": "c"}}}})


def test_every_kind_of_the_schema_is_known() -> None:
    for name in MESSAGES:
        for known in message(name).fields.values():
            assert known.read is not None or known.kind == "T" or known.kind in MESSAGES, (name, known.name)
    assert all(any(f":{enum}" in text for text in MESSAGES.values()) for enum in ENUMS)


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here")
@pytest.mark.parametrize("route", [*(row[0] for row in REFUSED), *TAKEN])
def test_envoy_says_the_same(tmp_path: Path, route: str) -> None:
    binary = envoy_binary()
    assert binary is not None
    manager = {
        "@type": f"{TYPES}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "hcm",
        "route_config": table(route),
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{TYPES}filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    bootstrap = tmp_path / "envoy.json"
    static = {"listeners": [listener], "clusters": [{"name": "c"}]}
    bootstrap.write_text(json.dumps({"static_resources": static}), encoding="utf-8")
    told = subprocess.run([binary, "--mode", "validate", "-c", str(bootstrap)], capture_output=True, check=False)
    assert (told.returncode == 0) is (route in TAKEN), told.stderr[-2000:]
