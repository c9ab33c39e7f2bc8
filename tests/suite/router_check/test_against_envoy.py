"""What router checks are told about a route, and what a real Envoy logs when it takes that route."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsim.config.view import View
from meshsim.envoy.virtual_clusters import CATCH_ALL, virtual_cluster_of
from meshsim.facts.request import Request
from meshsim.place import Place
from meshsim.suite.router_check.ask import Answer, ask
from meshsim.suite.router_check.model import Check, CheckInput, Headed
from meshsim.suite.router_check.table import RouteCheckTable, compile_table
from tests.outcomes.loopback import LOGGED, Upstreams, entry, free_ports, running, send
from tests.outcomes.worlds import TYPES
from tests.realism.prerequisites import envoy_binary

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here"),
]

ROUTES = yaml.safe_load("""
    name: table
    virtual_hosts:
    - name: shop
      domains: [shop.example]
      virtual_clusters:
      - name: rides
        headers:
        - {name: ":path", string_match: {prefix: /rides}}
        - {name: ":method", string_match: {exact: POST}}
      - name: users
        headers: [{name: ":path", string_match: {safe_regex: {regex: "/users/[0-9]+"}}}]
      - name: wanted
        headers: [{name: x-want, present_match: true}]
      - name: wanted too
        headers: [{name: x-want, string_match: {exact: too}}]
      routes:
      - {match: {prefix: /old}, redirect: {host_redirect: new.example, prefix_rewrite: /new, response_code: FOUND}}
      - {match: {prefix: /say}, direct_response: {status: 418, body: {inline_string: short and stout}}}
      - {match: {prefix: /none}, non_forwarding_action: {}}
      - match: {prefix: /v1}
        request_headers_to_add: [{header: {key: x-want, value: added}}]
        route: {cluster: up, prefix_rewrite: /users, host_rewrite_literal: inner.example}
      - {match: {prefix: /}, route: {cluster: up, timeout: 2.5s}}
    - name: plain
      domains: [plain.example]
      routes: [{match: {prefix: /a}, route: {cluster: up}}]
    - name: secure
      domains: [secure.example]
      require_tls: ALL
      routes: [{match: {prefix: /}, route: {cluster: up}}]
""")
ASKED = [
    ("GET", "shop.example", "/", {}),
    ("POST", "shop.example", "/rides/1", {}),
    ("GET", "shop.example", "/rides/1", {}),
    ("GET", "shop.example", "/users/7", {}),
    ("GET", "shop.example", "/users/7?a=b", {}),
    ("GET", "shop.example", "/users/x", {}),
    ("POST", "shop.example", "/rides", {"x-want": "too"}),
    ("GET", "shop.example", "/", {"x-want": "too"}),
    ("GET", "shop.example", "/v1/7", {}),
    ("GET", "shop.example", "/old/a?b", {}),
    ("GET", "shop.example", "/say/x", {}),
    ("GET", "shop.example", "/none", {}),
    ("GET", "plain.example", "/a", {}),
    ("GET", "plain.example", "/b", {}),
    ("GET", "secure.example", "/b?c", {}),
    ("GET", "nobody.example", "/", {}),
]
FIELDS = {
    "virtual_cluster": "%VIRTUAL_CLUSTER_NAME%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "path": "%REQ(:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "location": "%RESP(LOCATION)%",
}


def listener(port: int, log: Path) -> dict[str, Any]:
    kind = f"{TYPES}access_loggers.file.v3.FileAccessLog"
    logged = {"@type": kind, "path": str(log), "log_format": {"json_format": {**LOGGED, **FIELDS}}}
    hcm = {
        "@type": f"{TYPES}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "hcm",
        "route_config": ROUTES,
        "access_log": [{"name": "file", "typed_config": logged}],
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{TYPES}filters.http.router.v3.Router"}}],
    }
    return {
        "name": "checked",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}],
    }


def cluster(port: int) -> dict[str, Any]:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoint = {"endpoint": {"address": address}}
    return {
        "name": "up",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("checked")
    upstreams, (port,) = Upstreams(), free_ports(1)
    try:
        with running([listener(port, folder / "log")], [cluster(upstreams.ports["200"])], folder):
            found = []
            for method, authority, path, headers in ASKED:
                lines = [f"{method} {path} HTTP/1.1", f"host: {authority}", "connection: close", "content-length: 0"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                peer, _received = send(port, ("\r\n".join(lines) + "\r\n\r\n").encode())
                found.append(entry(folder / "log", peer))
            yield found
    finally:
        upstreams.close()


@pytest.fixture(scope="module")
def table() -> RouteCheckTable:
    return compile_table(View(json.loads(json.dumps(ROUTES)), Place("routes.yaml")), {})


def given(row: tuple[str, str, str, dict[str, str]]) -> CheckInput:
    method, authority, path, headers = row
    sent = {"x-forwarded-proto": ("http",), **{name: (value,) for name, value in headers.items()}}
    return CheckInput(Request(method, "http", authority, path, sent), 0, "", {}, {})


def asked(table: RouteCheckTable, row: tuple[str, str, str, dict[str, str]]) -> Answer:
    return ask(table, Check("t", "t", Place("t"), given(row), (), ()))


def as_it_came(table: RouteCheckTable, answer: Answer, row: tuple[str, str, str, dict[str, str]]) -> str:
    """The virtual cluster of the request before the route changes it; the log has no name for the catch-all one."""
    assert answer.route is not None
    place = answer.route.place
    clusters = table.virtual_clusters(Place(place.doc, place.path[:-2]))
    name = virtual_cluster_of(clusters, Headed(given(row).request))
    return "" if name == CATCH_ALL else name


def test_the_tool_itself_asks_what_the_route_made_of_the_request(table: RouteCheckTable) -> None:
    row = ("GET", "shop.example", "/v1/7", {})
    answer = asked(table, row)
    assert answer.virtual_cluster == "users" and as_it_came(table, answer, row) == ""


@pytest.mark.parametrize("index", range(len(ASKED)), ids=[f"{row[0]} {row[1]}{row[2]}" for row in ASKED])
def test_the_same_is_said(index: int, logged: list[dict[str, Any]], table: RouteCheckTable) -> None:
    real, answer = logged[index], asked(table, ASKED[index])
    assert answer.unknown is None and answer.assumptions == ()
    if answer.forwards and answer.cluster:
        assert answer.request is not None
        assert (real["virtual_cluster"] or "") == as_it_came(table, answer, ASKED[index])
        assert (real["cluster"], real["path"], real["authority"]) == (
            answer.cluster,
            answer.request.path,
            answer.request.authority,
        )
        assert int(real["status"]) == 200
    elif answer.replies:
        assert int(real["status"]) == answer.code_redirect
        if real["location"]:
            assert real["location"] == answer.path_redirect
    else:
        assert real["cluster"] is None and int(real["status"]) in (404, 503)
