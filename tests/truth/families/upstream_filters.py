"""HTTP filters between router and upstream: header_mutation of a cluster or of the router, and what comes around it.

The upstream is a listener of the same Envoy, so that its answers are known, or an application that shows what it got.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families._shapes import TYPES, dump, filter_of, manager, static_cluster
from tests.truth.setting import POD_ADDRESS, Setting

PORT, FAR_PORT, CLOSED, APPLICATION = 22000, 23900, 23999, 9000
HOST = "10.94.0.1"
CODEC = filter_of("http", "upstream_codec.v3.UpstreamCodec")
PER_ROUTE = f"{TYPES}filters.http.header_mutation.v3.HeaderMutationPerRoute"
SWITCH = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS", "OVERWRITE_IF_EXISTS_OR_ADD")
Case = Mapping[str, Any]


def _add(key: str, value: str, action: str = ACTIONS[0]) -> dict[str, Any]:
    return {"append": {"header": {"key": key, "value": value}, "append_action": action}}


def _query(key: str, value: str) -> dict[str, Any]:
    return {"append": {"record": {"key": key, "value": value}}}


def _mutation(name: str = "hm", **mutations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return filter_of("http", "header_mutation.v3.HeaderMutation", name, mutations=mutations)


def _per_route(word: str, **more: Any) -> dict[str, Any]:
    both = {"request_mutations": [_add("x-q", word)], "response_mutations": [_add("x-r", word)]}
    return {"typed_per_filter_config": {"hm": {"@type": PER_ROUTE, "mutations": both, **more}}}


def _header(key: str, value: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}}


BOTH = _mutation(request_mutations=[_add("x-q", "1")], response_mutations=[_add("x-r", "1")])
SECOND = _mutation("hm2", request_mutations=[_add("x-q", "2")], response_mutations=[_add("x-r", "2")])
SEEN = {
    "authority": ":authority",
    "path": ":path",
    "method": ":method",
    "length": "content-length",
    "coding": "transfer-encoding",
    "host-before": "x-envoy-original-host",
    "path-before": "x-envoy-original-path",
    "expected": "x-envoy-expected-rq-timeout-ms",
    "count": "x-envoy-attempt-count",
    "added": "x-added",
}
LOOKING = _mutation(
    request_mutations=[
        *(_add(f"x-saw-{name}", f"%REQ({header})%") for name, header in SEEN.items()),
        _add("x-facts", "%UPSTREAM_CLUSTER% %ROUTE_NAME% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %PROTOCOL% %RESPONSE_CODE%"),
        _add("x-peer", "%UPSTREAM_REMOTE_ADDRESS%|%UPSTREAM_LOCAL_PORT%|%UPSTREAM_PROTOCOL%|%RESPONSE_CODE_DETAILS%"),
        _add("x-host", "%UPSTREAM_HOST%"),
    ],
    response_mutations=[_add("x-looked", "%REQ(x-saw-path)% %RESPONSE_CODE% %UPSTREAM_CLUSTER% %ROUTE_NAME%")],
)
CHANGING = _mutation(
    request_mutations=[
        {"remove": "x-forwarded-proto"},
        {"remove": "x-envoy-expected-rq-timeout-ms"},
        {"remove_on_match": {"key_matcher": {"prefix": "x-drop"}}},
        *(_add(f"x-{index}", "new", action) for index, action in enumerate(ACTIONS)),
        _add("x-added", "again"),
        _add("content-length", "9", "OVERWRITE_IF_EXISTS"),
    ],
    response_mutations=[
        {"remove": "x-up"},
        {"remove": "server"},
        *(_add(f"x-{index}", "new", action) for index, action in enumerate(ACTIONS)),
    ],
)
QUERIES = _mutation(query_parameter_mutations=[_query("k", "v"), {"remove": "gone"}])
REWRITING = {
    "name": "rewriting",
    "route": {"host_rewrite_literal": "inner.test", "prefix_rewrite": "/new"},
    "request_headers_to_add": [_header("x-added", "route")],
    "response_headers_to_add": [_header("x-r", "route"), _header("x-saw", "%REQ(x-q)%")],
}
OFF = {"typed_per_filter_config": {"hm": {"@type": SWITCH, "disabled": True}}}
ON = {"typed_per_filter_config": {"hm": {"@type": SWITCH, "config": _per_route("on")["typed_per_filter_config"]["hm"]}}}
TWICE = {"retry_on": "5xx,connect-failure", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}}
RETRIED = {"route": {"retry_policy": TWICE}, "response_headers_to_add": [_header("x-path", "%REQ(:path)%")]}
FOLLOWING = {"route": {"internal_redirect_policy": {}}}
SENDING_ON = _mutation(
    request_mutations=[_add("x-q", "1")],
    response_mutations=[_add("location", "http://a.test/closed", "OVERWRITE_IF_EXISTS")],
)
NAMED = {"route": {"auto_host_rewrite": True}}
DISABLED = {**BOTH, "disabled": True}
ALIEN = {**filter_of("http", "cors.v3.Cors", "alien"), "is_optional": True}
CASES: tuple[Case, ...] = (
    {"own": [BOTH]},
    {"own": [BOTH, SECOND]},
    {"router": [BOTH]},
    {"router": [BOTH, SECOND], "own": [SECOND]},
    {"router": [BOTH], "own": []},
    {"own": [LOOKING]},
    {"own": [LOOKING], "route": REWRITING},
    {"own": [BOTH, LOOKING], "route": REWRITING, "host": {"include_request_attempt_count": True}},
    {"own": [CHANGING]},
    {"own": [CHANGING], "route": REWRITING},
    {"own": [QUERIES, LOOKING]},
    {"own": [BOTH], "route": REWRITING},
    {"own": [BOTH], "route": _per_route("route")},
    {"own": [BOTH], "route": _per_route("route"), "host": _per_route("host")},
    {"own": [BOTH], "route": OFF},
    {"own": [DISABLED]},
    {"own": [DISABLED, SECOND], "route": ON},
    {"own": [BOTH], "front": [BOTH], "route": _per_route("route")},
    {"own": [BOTH], "front": [SECOND]},
    {"own": [ALIEN, BOTH]},
    {"own": [BOTH, LOOKING, QUERIES], "route": RETRIED, "host": {"include_request_attempt_count": True}},
    {"own": [LOOKING], "route": NAMED},
    {"router": [LOOKING], "suppress": True, "route": REWRITING},
    {"own": [LOOKING, BOTH], "version": "http2_protocol_options"},
    {"own": [BOTH, QUERIES], "route": FOLLOWING},
    {"own": [SENDING_ON], "route": FOLLOWING},
    {"own": [BOTH], "aggregate": [SECOND]},
    {"own": [BOTH], "aggregate": None},
    {"own": [BOTH], "aggregate": None, "router": [SECOND]},
)
ENDPOINTS = {
    "/far": (POD_ADDRESS, FAR_PORT),
    "/app": (HOST, APPLICATION),
    "/closed": (POD_ADDRESS, CLOSED),
    "/none": None,
}


def settings() -> Iterator[Setting]:
    listeners, clusters, calls = [], [], []
    for index, case in enumerate(CASES):
        port = PORT + index
        listeners.append(_listener(f"case {index}", port, _manager(index, case)))
        for path, endpoint in ENDPOINTS.items():
            clusters += _clusters(f"{index}{path}", endpoint, case)
        for path in ENDPOINTS:
            if path == "/closed" and case.get("route") is NAMED:
                continue  # the endpoint's name is written once the connection stands
            calls += [_call(port, path), _call(port, f"{path}?a=1&gone=2", method="POST")]
        calls += [_call(port, "/far", answer="404"), _call(port, "/far?b=1", answer="302")]
        if case.get("route") is not RETRIED:  # several requests over one connection are told apart by nobody
            calls.append(_call(port, "/far", answer="503"))
        calls.append({**_call(port, "/app"), "protocol": "http2"})
    answers = [
        {
            "match": {"prefix": "/", "headers": [{"name": "x-go", "string_match": {"exact": str(status)}}]},
            "direct_response": {"status": status, "body": {"inline_string": "far"}},
        }
        for status in (404, 503)
    ]
    moved = {"prefix": "/", "headers": [{"name": "x-go", "string_match": {"exact": "302"}}]}
    answers.append({"match": moved, "redirect": {"path_redirect": "/app", "response_code": "FOUND"}})
    answers.append({"match": {"prefix": "/"}, "direct_response": {"status": 200}})
    known = [_header("x-up", "1"), _header("x-1", "old"), _header("x-2", "old"), _header("x-q", "%REQ(x-q)%")]
    said = [{**each, "response_headers_to_add": known} for each in answers]
    far = _listener("far", FAR_PORT, manager(said, http2_protocol_options={}))
    yield Setting(
        name="upstream filters",
        dump=dump([*listeners, far], clusters),
        calls=calls,
        configurations=len(CASES),
        sockets=(),
        world=[Upstream(f"0.0.0.0:{APPLICATION}", "http", name="app")],
    )


def _listener(name: str, port: int, made: Mapping[str, Any]) -> dict[str, Any]:
    socket = {"socket_address": {"address": "0.0.0.0", "port_value": port}}
    return {"name": name, "address": socket, "filter_chains": [{"filters": [made]}]}


def _manager(index: int, case: Case) -> dict[str, Any]:
    fields = dict(case.get("route", {}))
    action = fields.pop("route", {})
    prefix = "agg " if "aggregate" in case else ""
    routes = [
        {
            "name": f"to {path}",
            **fields,
            "match": {"prefix": path},
            "route": {"cluster": f"{prefix}{index}{path}"} | action,
        }
        for path in ENDPOINTS
    ]
    host = {"name": "all", "domains": ["*"], "routes": routes, **case.get("host", {})}
    made = manager([], case.get("front", ()), {"virtual_hosts": [host]})
    options: dict[str, Any] = {"suppress_envoy_headers": True} if case.get("suppress") else {}
    if "router" in case:
        options["upstream_http_filters"] = [*case["router"], CODEC]
    router = filter_of("http", "router.v3.Router", "router", **options)
    filters = made["typed_config"]["http_filters"]
    made["typed_config"]["http_filters"] = [*filters[:-1], router]
    return made


def _clusters(name: str, endpoint: tuple[str, int] | None, case: Case) -> Iterator[dict[str, Any]]:
    made = static_cluster(name, *(endpoint or (HOST, 1)))
    load = made["load_assignment"]
    if endpoint is None:
        load["endpoints"] = []
    else:
        load["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = "named.test"
    # the application speaks HTTP/1 only
    version = case.get("version", "http_protocol_options") if name.endswith("/far") else "http_protocol_options"
    yield {**made, **_options(case.get("own"), version)}
    if "aggregate" in case:
        config = {"@type": f"{TYPES}clusters.aggregate.v3.ClusterConfig", "clusters": [name]}
        kind = {"name": "envoy.clusters.aggregate", "typed_config": config}
        above = {"name": f"agg {name}", "cluster_type": kind, "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}
        yield {**above, **_options(case["aggregate"], "http_protocol_options")}


def _options(filters: Sequence[Any] | None, version: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "@type": f"{TYPES}upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {version: {}},
    }
    if filters is not None:
        config["http_filters"] = [*filters, CODEC]
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": config}}


def _call(port: int, path: str, *, method: str = "GET", answer: str = "200") -> dict[str, Any]:
    headers = {"x-go": answer, "x-1": "old", "x-2": "old", "x-drop-me": "1"}
    return {
        "destination": f"{POD_ADDRESS}:{port}",
        "from": "outside",
        "authority": "a.test",
        "method": method,
        "path": path,
        "headers": headers,
    }
