"""Route tables nobody wrote, drawn from a seed as a config dump, and requests that probe them."""

import random
from typing import Any

POD, POD_ADDRESS = "here", "10.92.0.2"
RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A OUTPUT -p tcp -m owner ! --uid-owner 1337 -j REDIRECT --to-ports 15001
COMMIT
"""
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
DOMAINS = ("a.test", "b.a.test", "*.a.test", "*.test", "a.*", "*", "a.test:80", "A.example", "*-x.test", "b.a.*")
HOSTS = (
    "a.test",
    "A.TEST",
    "b.a.test",
    "c.b.a.test",
    "a.test:80",
    "a.test:8080",
    "a.org",
    "a.example",
    "q-x.test",
    "zzz",
)
PATHS = (
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/A/b",
    "/ab",
    "/a/b/c?x=1",
    "/a?x=1&y=2",
    "/a/../b",
    "//a",
    "/a%2fb",
    "/b;p=1/c",
    "/b?x",
)
HEADERS: tuple[dict[str, Any], ...] = (
    {},
    {"x-user": "jason"},
    {"x-user": "Jason"},
    {"x-user": ["a", "b"]},
    {"x-number": "42"},
    {"x-user": "", "x-number": "-7"},
    {"X-Long": "prefix-middle-suffix"},
)


def dump(seed: int) -> dict[str, Any]:
    """A pod whose port 80 listener has one drawn route table."""
    draw = random.Random(seed)
    manager: dict[str, Any] = {
        "@type": HCM,
        "stat_prefix": "drawn",
        "rds": {"route_config_name": "drawn"},
        "http_filters": [ROUTER],
        "normalize_path": draw.random() < 0.6,
        "merge_slashes": draw.random() < 0.4,
    }
    if draw.random() < 0.3:
        manager["strip_matching_host_port"] = True
    listeners: list[dict[str, Any]] = [
        {
            "name": "virtualOutbound",
            "address": _address("0.0.0.0", 15001),
            "use_original_dst": True,
            "filter_chains": [{"filters": [_tcp_proxy("passthrough")]}],
        },
        {
            "name": "drawn",
            "address": _address("0.0.0.0", 80),
            "bind_to_port": False,
            "filter_chains": [{"name": "only", "filters": [{"name": "hcm", "typed_config": manager}]}],
        },
    ]
    clusters = [
        {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}
    ]
    clusters += [_cluster(name, f"10.92.1.{number}") for number, name in enumerate(("one", "two", "three"), start=1)]
    table: dict[str, Any] = {"name": "drawn", "virtual_hosts": _virtual_hosts(draw)}
    if draw.random() < 0.4:
        table["ignore_port_in_host_matching"] = True
    return {
        "configs": [
            {
                "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
                "dynamic_active_clusters": [{"cluster": each} for each in clusters],
            },
            {
                "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
                "dynamic_listeners": [{"name": each["name"], "active_state": {"listener": each}} for each in listeners],
            },
            {
                "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
                "dynamic_route_configs": [{"route_config": table}],
            },
        ]
    }


def calls(seed: int, count: int = 40) -> list[dict[str, Any]]:
    draw = random.Random(f"calls {seed}")
    return [
        {
            "destination": "10.92.0.99:80",
            "authority": draw.choice(HOSTS),
            "path": draw.choice(PATHS),
            "headers": draw.choice(HEADERS),
            "method": draw.choice(("GET", "GET", "POST")),
        }
        for _ in range(count)
    ]


def _virtual_hosts(draw: random.Random) -> list[dict[str, Any]]:
    domains = draw.sample(DOMAINS, draw.randint(2, 7))
    hosts: list[dict[str, Any]] = []
    for index, domain in enumerate(domains):
        if hosts and draw.random() < 0.3:
            hosts[-1]["domains"].append(domain)
        else:
            routes = [_route(draw, f"{index}-{number}") for number in range(draw.randint(1, 5))]
            hosts.append({"name": f"host-{index}", "domains": [domain], "routes": routes})
    return hosts


def _route(draw: random.Random, name: str) -> dict[str, Any]:
    match: dict[str, Any] = draw.choice(
        (
            {"prefix": draw.choice(("/", "/a", "/a/", "/b"))},
            {"path": draw.choice(("/a", "/a/b", "/b"))},
            {"safe_regex": {"regex": draw.choice(("/a.*", "/[ab]/?", "/a/b(/c)?", "/A/b"))}},
            {"path_separated_prefix": draw.choice(("/a", "/a/b"))},
        )
    )
    if draw.random() < 0.3 and "safe_regex" not in match:
        match["case_sensitive"] = False
    if draw.random() < 0.5:
        match["headers"] = [_header(draw) for _ in range(draw.randint(1, 2))]
    if draw.random() < 0.2:
        match["query_parameters"] = [draw.choice(({"name": "x", "present_match": True}, _exact_query("x", "1")))]
    return {"name": name, "match": match, **_action(draw, match), **_mutations(draw)}


def _exact_query(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "string_match": {"exact": value}}


def _header(draw: random.Random) -> dict[str, Any]:
    name = draw.choice(("x-user", "x-number", "x-long", "x-absent", ":method"))
    test: dict[str, Any] = draw.choice(
        (
            {"string_match": {"exact": draw.choice(("jason", "a,b", "42", "GET"))}},
            {"string_match": {"exact": "JASON", "ignore_case": True}},
            {"string_match": {"prefix": draw.choice(("ja", "prefix", "G"))}},
            {"string_match": {"suffix": draw.choice(("on", "suffix", "2"))}},
            {"string_match": {"contains": draw.choice(("aso", "middle", "4"))}},
            {"string_match": {"safe_regex": {"regex": draw.choice(("[a-z]+", "-?[0-9]+", ".*"))}}},
            {"present_match": draw.random() < 0.7},
            {"range_match": {"start": "-10", "end": "42"}},
        )
    )
    matcher = {"name": name, **test}
    if draw.random() < 0.25:
        matcher["invert_match"] = True
    if draw.random() < 0.2:
        matcher["treat_missing_header_as_empty"] = True
    return matcher


def _action(draw: random.Random, match: dict[str, Any]) -> dict[str, Any]:
    kind = draw.choice(("route", "route", "route", "redirect", "direct_response"))
    if kind == "direct_response":
        return {kind: {"status": draw.choice((200, 404, 503)), "body": {"inline_string": draw.choice(("no\n", "x"))}}}
    if kind == "redirect":
        return {kind: _redirect(draw, match)}
    action: dict[str, Any] = {"cluster": draw.choice(("one", "two", "three", "missing", "passthrough"))}
    rewrite = draw.random()
    if rewrite < 0.25 and "safe_regex" not in match:
        action["prefix_rewrite"] = draw.choice(("/", "/new", "/new/"))
    elif rewrite < 0.4:
        action["regex_rewrite"] = {"pattern": {"regex": "^/([ab])"}, "substitution": r"/r-\1"}
    host = draw.random()
    if host < 0.2:
        action["host_rewrite_literal"] = "rewritten.test"
    elif host < 0.3:
        action["host_rewrite_header"] = "x-user"
    return {"route": action}


def _redirect(draw: random.Random, match: dict[str, Any]) -> dict[str, Any]:
    redirect: dict[str, Any] = {}
    if draw.random() < 0.4:
        redirect["host_redirect"] = "elsewhere.test"
    scheme = draw.random()
    if scheme < 0.3:
        redirect["https_redirect"] = True
    elif scheme < 0.4:
        redirect["scheme_redirect"] = "https"
    if draw.random() < 0.3:
        redirect["port_redirect"] = draw.choice((80, 443, 8443))
    path = draw.random()
    if path < 0.3:
        redirect["path_redirect"] = draw.choice(("/moved", "/moved?z=1"))
    elif path < 0.5 and "safe_regex" not in match:
        redirect["prefix_rewrite"] = "/moved/"
    if draw.random() < 0.3:
        redirect["strip_query"] = True
    if draw.random() < 0.4:
        redirect["response_code"] = draw.choice(("FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"))
    return redirect


def _mutations(draw: random.Random) -> dict[str, Any]:
    mutations: dict[str, Any] = {}
    if draw.random() < 0.25:
        added: dict[str, Any] = {
            "header": {"key": "x-added", "value": draw.choice(("plain", "%REQ(x-user)%", "%PROTOCOL%"))}
        }
        if draw.random() < 0.5:
            added["append_action"] = "OVERWRITE_IF_EXISTS_OR_ADD"
        mutations["request_headers_to_add"] = [added]
    if draw.random() < 0.2:
        mutations["request_headers_to_remove"] = ["x-user"]
    return mutations


def _cluster(name: str, address: str) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(address, 80)}}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _tcp_proxy(cluster: str) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    return {"name": "tcp", "typed_config": {"@type": kind, "stat_prefix": "tcp", "cluster": cluster}}


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
