"""Which virtual host answers: wildcards of every form, ports, case, near misses; and which scope's table is asked."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.truth.families._managers import call, setting
from tests.truth.setting import Setting

Call = dict[str, Any]
DOMAINS = (
    *(
        "a.test",
        "A.TEST:80",
        "a.test:9001",
        "b.a.test",
        "*.a.test",
        "*a.test",
        "*.test",
        "*test",
        "*",
        "a.*",
        "a.test*",
    ),
    *("a.test:*", "b.*", "B.A.*", "*:80", "*:9001", "a.*.test", "*a*", "*-x.test", "", "10.0.0.1", "[::1]:80", "[::1]"),
    *("[*", "xn--a.test", "a_b.test", "*.", "*.b.a.test", "*.c.b.a.test", "c.b.*", "a", "**", "*.com*", "a.test."),
)
HOSTS = (
    *(
        "a.test",
        "A.tEsT",
        "a.test:80",
        "a.test:9001",
        "a.test:8",
        "b.a.test",
        "c.b.a.test",
        ".a.test",
        "xa.test",
        "test",
    ),
    *("a.", "a.b", "b.", "b.a.", "b.a.x", "c.b.", "c.b.x", "q-x.test", "-x.test", "", "10.0.0.1", "[::1]:80", "[::1]"),
    *(
        "[::2]",
        "xn--a.test",
        "a_b.test",
        "a.*.test",
        "*",
        "x:80",
        ":80",
        "a",
        "x.com*",
        "a.test.",
        "x.",
        "a.test:",
        "zz",
    ),
    *("*a.test", "**", "*x", "a.testx", "b.a.test:80", "x.b.a.test:9001", "a.test:080"),
)


def settings() -> Iterator[Setting]:
    draw = random.Random("virtual hosts")
    yield setting("drawn domains", [_drawn(draw, number) for number in range(22)], _host_calls)
    yield setting("schemes", SCHEMES, _scheme_calls)
    yield setting("matchers", [{"route_config": _by_matcher(tree)} for tree in TREES], _matcher_calls)
    yield setting("scopes", [{"scoped_routes": each} for each in SCOPES], _scope_calls)


def _answers(name: str, **more: Any) -> dict[str, Any]:
    reply = {"direct_response": {"status": 200, "body": {"inline_string": name}}}
    return {"name": name, "routes": [{"name": f"of {name}", "match": {"prefix": "/"}, **reply}], **more}


def _drawn(draw: random.Random, number: int) -> dict[str, Any]:
    hosts: list[dict[str, Any]] = []
    for domain in draw.sample(DOMAINS, draw.randint(1, 12)):
        if hosts and draw.random() < 0.3:
            hosts[-1]["domains"].append(domain)
        else:
            hosts.append(_answers(f"host {len(hosts)}", domains=[domain]))
    if draw.random() < 0.2:
        hosts[-1]["routes"] = []
    table: dict[str, Any] = {"name": f"table {number}", "virtual_hosts": hosts}
    if draw.random() < 0.3:
        table["ignore_port_in_host_matching"] = True
    if draw.random() < 0.15:
        table["vhost_header"] = "x-host"
    options: dict[str, Any] = {"route_config": table}
    if draw.random() < 0.2:
        options["strip_any_host_port"] = True
    return options


def _host_calls(draw: random.Random, port: int, options: Mapping[str, Any]) -> Iterator[Call]:
    table = options["route_config"]
    own = [
        domain.replace("*", draw.choice(("", "x", "x.y")))
        for host in table["virtual_hosts"]
        for domain in host["domains"]
    ]
    for host in (*draw.sample(HOSTS, 26), *draw.sample(own, min(len(own), 8))):
        headers: dict[str, Any] = {}
        if "vhost_header" in table and draw.random() < 0.7:
            headers["X-Host"] = draw.choice((host, [host, "a.test"], ""))
            host = "a.test"
        yield call(port, authority=host, headers=headers)
    yield call(port, authority=None)


def _requires(level: str) -> dict[str, Any]:
    hosts = [_answers("secure", domains=["a.test", "a.test:80"], require_tls=level), _answers("any", domains=["*"])]
    added = [{"header": {"key": "x-added", "value": "1"}}]
    return {"name": "schemes", "virtual_hosts": hosts, "response_headers_to_add": added}


INSIDE = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
SCHEMES: tuple[Mapping[str, Any], ...] = (
    {"route_config": _requires("ALL")},
    {"route_config": _requires("EXTERNAL_ONLY")},
    {"route_config": _requires("EXTERNAL_ONLY"), **INSIDE},
    {"route_config": _requires("EXTERNAL_ONLY"), "use_remote_address": True, **INSIDE},
    {"route_config": _requires("ALL"), "scheme_header_transformation": {"scheme_to_overwrite": "https"}},
    {"route_config": _requires("NONE")},
)


def _scheme_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for proto in (None, "https", "http", "HTTPS", "https,http", ["https", "https"], "", "foo"):
        for forwarded in (None, "10.0.0.1", "8.8.8.8"):
            headers: dict[str, Any] = {"x-envoy-internal": "true"} if draw.random() < 0.2 else {}
            headers |= {} if proto is None else {"x-forwarded-proto": proto}
            headers |= {} if forwarded is None else {"x-forwarded-for": forwarded}
            host, path = draw.choice(("a.test", "a.test:80", "A.TEST")), draw.choice(("/", "/x?y=1", "/a//b"))
            yield call(port, headers=headers, authority=host, path=path, method=draw.choice(("GET", "POST")))
    yield call(port, authority="other.test")


def _extract(name: str, separator: str = "", **how: Any) -> dict[str, Any]:
    more = {"element_separator": separator} if separator else {}
    return {"header_value_extractor": {"name": name, **more, **how}}


def _scope(number: int, *key: str) -> dict[str, Any]:
    table = {"name": f"table {number}", "virtual_hosts": [_answers(f"scope {number}", domains=["*"])]}
    return {
        "name": f"scope {number}",
        "key": {"fragments": [{"string_key": part} for part in key]},
        "route_configuration": table,
    }


def _scopes(fragments: Sequence[Any], *keys: Sequence[str]) -> dict[str, Any]:
    listed = [_scope(number, *key) for number, key in enumerate(keys)]
    return {
        "name": "scoped",
        "scope_key_builder": {"fragments": list(fragments)},
        "scoped_route_configurations_list": {"scoped_route_configurations": listed},
    }


OF_ELEMENT = _extract("x-key", ";", element={"separator": "=", "key": "k"})
SCOPES = (
    _scopes([_extract("X-Key", index=0)], ["v"], ["V"], [""], ["k=v;w"]),
    _scopes([_extract("x-key", ";", index=1)], ["w"], ["k=w"], [""]),
    _scopes([OF_ELEMENT], ["v"], [""], ["w"]),
    _scopes([OF_ELEMENT, _extract(":authority", index=0)], ["v", "a.test"], ["", "a.test:80"], ["w", "b.test"]),
    _scopes([_extract(":path", "/", index=1), _extract("x-key", ",", index=0)], ["x", "v"], ["x", "k=v"]),
    _scopes([_extract("x-key", ";", element={"separator": ":=", "key": "k"})], ["v"], [""]),
)
KEYS = (
    *("v", "V", "", "k=v", "k", "k=", "a=b;k=v", "k=v;k=w", "K=v", "k=v=w", "k=v;w", ";w", "a;", ";", " k=v", "k =v"),
    *("v,k=v", "k=v,v", "=v", ":=v", ":=", "k:=v", "k=w;v", "a;k=w", "a;b;k", "k=w"),
)


def _scope_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for key in KEYS:
        host, path = (
            draw.choice(("a.test", "a.test", "a.test:80", "b.test", "A.test")),
            draw.choice(("/x", "/x/y", "/", "/y")),
        )
        yield call(port, headers={"x-key": key}, authority=host, path=path)
    yield call(port, headers={"x-key": ["z", "k=v"]})
    yield call(port, headers={"x-key": ["k=v", "v"]}, path="/x")
    yield call(port)
    yield call(port, path="/x#y", headers={"x-key": "v", "x-forwarded-proto": "http"})


XDS, ENVOY = "type.googleapis.com/xds.type.matcher.v3", "type.googleapis.com/envoy"


def _input(header: str) -> dict[str, Any]:
    kind = f"{ENVOY}.type.matcher.v3.HttpRequestHeaderMatchInput"
    return {"name": header, "typed_config": {"@type": kind, "header_name": header}}


def _route(name: str, **match: Any) -> dict[str, Any]:
    reply = {"direct_response": {"status": 200, "body": {"inline_string": name}}}
    return {"name": name, "match": match or {"prefix": "/"}, **reply}


def _leads(*routes: Mapping[str, Any]) -> dict[str, Any]:
    if len(routes) == 1:
        config: dict[str, Any] = {"@type": f"{ENVOY}.config.route.v3.Route", **routes[0]}
    else:
        config = {"@type": f"{ENVOY}.config.route.v3.RouteList", "routes": list(routes)}
    return {"action": {"name": "routes", "typed_config": config}}


def _is(header: str, **value: Any) -> dict[str, Any]:
    return {"single_predicate": {"input": _input(header), "value_match": value}}


def _listed(*rows: tuple[Mapping[str, Any], Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {"matcher_list": {"matchers": [{"predicate": when, "on_match": then} for when, then in rows]}, **more}


def _keyed(header: str, kind: str, rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"matcher_tree": {"input": _input(header), kind: {"map": rows}}, **more}


def _by_matcher(tree: Mapping[str, Any]) -> dict[str, Any]:
    matched = {"name": "matched", "domains": ["a.test"], "matcher": tree}
    required = {"name": "required", "domains": ["tls.test"], "matcher": tree, "require_tls": "ALL"}
    return {"name": "trees", "virtual_hosts": [matched, required, _answers("any", domains=["*"])]}


NESTED = {"matcher": _keyed("x-b", "exact_match_map", {"1": _leads(_route("nested"))})}
TREES: tuple[Mapping[str, Any], ...] = (
    _listed((_is("x-a", exact="1"), _leads(_route("one"))), (_is("x-a", prefix="1"), _leads(_route("begins")))),
    _listed(
        (_is("x-a", exact="1,2"), _leads(_route("joined"))),
        ({"not_matcher": _is("x-a", exact="1")}, _leads(_route("not one"))),
        on_no_match=_leads(_route("else", path="/only")),
    ),
    _keyed(
        "x-a",
        "exact_match_map",
        {"1": _leads(_route("one", prefix="/x")), "2": NESTED},
        on_no_match=_leads(_route("e")),
    ),
    _keyed(":path", "prefix_match_map", {"/": _leads(_route("root")), "/x": NESTED, "/x/y": _leads(_route("deep"))}),
    _listed(
        (_is("x-a", contains="1"), NESTED),
        ({"or_matcher": {"predicate": [_is("x-a", exact="1"), _is("x-b", exact="2")]}}, _leads(_route("or"))),
    ),
    _listed(
        ({"and_matcher": {"predicate": [_is("x-a", exact="1"), _is("x-b", exact="1")]}}, _leads(_route("and"))),
        (
            _is("x-a", safe_regex={"google_re2": {}, "regex": "[0-9]+"}),
            _leads(_route("a", path="/x"), _route("b", prefix="/x/")),
        ),
        (_is("x-a", suffix="z", ignore_case=True), _leads(_route("z"))),
    ),
    {},
)


def _matcher_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for first in (None, "1", "2", "12", ["1", "2"], "1,2", "", "aZ", "9", "1 "):
        for second in (None, "1", "2"):
            headers: dict[str, Any] = {} if first is None else {"x-a": first}
            headers |= {} if second is None else {"X-B": second}
            path = draw.choice(("/", "/x", "/x/y", "/only", "/x?q"))
            host = draw.choice(("a.test", "a.test", "tls.test"))
            yield call(port, headers=headers, path=path, authority=host)
    yield call(port, path="/x#y", headers={"x-a": "1", "x-forwarded-proto": "http"})
