"""Where features meet: what drawn combinations of them have shown to be surprising, a table for each.

- A reply to HEAD that has no length says `transfer-encoding: chunked` (HTTP/1.1 only), a gRPC one has no grpc-message,
  and no client of HEAD reads a body, though the codec sends one with what it refuses itself.
- A redirect's header mutations see the path as the Location has it, with x-envoy-original-path beside it.
- strip_query leaves a query alone that a path_rewrite wrote.
- `internal_only_headers` are those of the table that the request's scope leads to.
- A path that is refused is shown as far as its normalisation came: slashes are unescaped even where that is rejected.
- A refused request is logged with the weighted cluster of its route, and has that one's response headers.
- Whoever was told `100 Continue` has `%RESPONSE_CODE%` 100 from then on.
- An empty value adds no comma to a header of one value; the manager's own `via` comes behind those of mutations.
- A header dropped for its underscore does not count in HTTP/1; in HTTP/2 it stays the detail of every later refusal.
- Blanks around a target are none of it in HTTP/1, tabs included; HTTP/2 refuses them.
- Blanks behind a cookie's value belong to it, before its `=` to its name; only spaces before the name do not count.
- HTTP/2 gRPC has a body upstream even where a route takes its content type away.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._managers import call, setting
from tests.truth.setting import Setting

Call = dict[str, Any]
SEEN = "%PATH(WQ:PATH)%|%REQ(x-envoy-original-path)%|%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%"
BODY = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%|%RESPONSE_CODE%|%REQ(:path)%"}}


def settings() -> Iterator[Setting]:
    yield setting("where features meet", OPTIONS, _calls)
    yield setting("dropped headers", DROPPING, _dropped_calls)
    yield setting("blanks around a target", [{"route_config": MANY}], _blank_calls)
    yield setting("cookies", [{"route_config": _cookie_table()}], _cookie_calls)


def _add(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, **more}


def _table(name: str, *routes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": list(routes)}], **more}


def _to(prefix: str, **more: Any) -> dict[str, Any]:
    return {"name": prefix, "match": {"prefix": prefix}, "route": {"cluster": "up"}} | more


def _redirect(prefix: str, **how: Any) -> dict[str, Any]:
    kept = _add("location", "%PATH(NQ:ORIG)%", append_action="APPEND_IF_EXISTS_OR_ADD")
    seen = [_add("x-seen", SEEN), *([kept] if "strip_query" in how else [])]
    return {"name": prefix, "match": {"prefix": prefix}, "redirect": how, "response_headers_to_add": seen}


WEIGHTED = {
    "clusters": [
        {"name": "gone", "weight": 0},
        {"name": "up", "weight": 7, "response_headers_to_add": [_add("x-entry", SEEN), _add("location", "%REQ(x-a)%")]},
    ]
}
PATTERN = {"pattern": {"regex": "/r.?"}, "substitution": "/new"}
MANY = _table(
    "many",
    {"name": "empty", "match": {"prefix": "/empty"}, "direct_response": {"status": 200}},
    {
        "name": "said",
        "match": {"prefix": "/said"},
        "direct_response": {"status": 200, "body": {"inline_string": "said"}},
        "response_headers_to_add": [
            _add("via", "a"),
            _add("via", "b"),
            _add("cache-control", "", keep_empty_value=True),
            _add("cache-control", "%REQ(x-a)%"),
            _add("x-code", "%RESPONSE_CODE%"),
        ],
    },
    {"name": "unchanged", "match": {"prefix": "/unchanged"}, "direct_response": {"status": 304}},
    _redirect("/p", prefix_rewrite="/q?own"),
    _redirect("/r", regex_rewrite=PATTERN, strip_query=True),
    _redirect("/w", path_rewrite="/k?m=%REQ(x-a)%", strip_query=True),
    _redirect("/v", path_rewrite="/k%REQ(x-a)%", strip_query=True),
    _to("/untyped", request_headers_to_remove=["content-type"], request_headers_to_add=[_add("x-seen", SEEN)]),
    _to("/", route={"weighted_clusters": WEIGHTED}, request_headers_to_add=[_add("via", ""), _add("te", "")]),
    validate_clusters=False,
)


def _scope(key: str, **table: Any) -> dict[str, Any]:
    return {
        "name": key,
        "key": {"fragments": [{"string_key": key}]},
        "route_configuration": _table(f"of {key}", _to("/"), **table),
    }


SCOPED = {
    "name": "scoped",
    "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": ":authority", "index": 0}}]},
    "scoped_route_configurations_list": {
        "scoped_route_configurations": [
            _scope("a.test", internal_only_headers=["x-a"]),
            _scope("a.test:80", internal_only_headers=["x-b"]),
        ]
    },
}
INSIDE = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
OPTIONS: tuple[Mapping[str, Any], ...] = (
    {"route_config": MANY, "http_protocol_options": {"accept_http_10": True}},
    {"route_config": MANY, "via": "here", "local_reply_config": {"body_format": BODY}},
    {
        "route_config": MANY,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "local_reply_config": {"body_format": BODY},
    },
    {
        "route_config": MANY,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "normalize_path": True,
        "local_reply_config": {"body_format": BODY},
    },
    {"scoped_routes": SCOPED},
    {"scoped_routes": SCOPED, "strip_any_host_port": True, **INSIDE},
)
PATHS = (
    *("/empty", "/said", "/unchanged", "/p/x?y=1", "/p", "/r/x?y=1", "/w/x?y=1", "/v/x?y=1", "/untyped", "/x", "/x#y"),
    *("/a%2f%2e%2e/b?%2f", "/a%5cb%00", "/a/%2f/b"),
)
HEADERS: tuple[Mapping[str, Any], ...] = (
    {},
    {"x-a": "1", "x-b": "2", "x-forwarded-for": "10.0.0.1"},
    {"x-a": "?z", "x-b": "2", "x-forwarded-proto": "http", "te": ["", "trailers"]},
    {"expect": "100-continue"},
    {"content-type": "application/grpc", "x-forwarded-proto": "http"},
)


def _calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for path in PATHS:
        for headers in HEADERS:
            method, protocol = (
                draw.choice(("GET", "HEAD", "HEAD", "OPTIONS")),
                draw.choice(("http",) * 4 + ("http/1.0",)),
            )
            authority = draw.choice(("a.test", "a.test", "a.test:80"))
            yield call(port, path=path, headers=dict(headers), method=method, protocol=protocol, authority=authority)
    for path in ("/untyped", "/said", "/x"):
        for method in ("GET", "OPTIONS", "POST"):
            headers = {"content-type": "application/grpc"}
            yield call(port, path=path, headers=headers, method=method, protocol="http2")


DROP = {"headers_with_underscores_action": "DROP_HEADER"}
DROPPING: tuple[Mapping[str, Any], ...] = (
    {"common_http_protocol_options": {**DROP, "max_headers_count": 8}},
    {"common_http_protocol_options": DROP, "max_request_headers_kb": 1},
)


def _dropped_calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for protocol in ("http", "http2"):
        for count in range(3, 9):
            plain = {f"h{number}": "1" for number in range(count)}
            yield call(port, headers=plain, protocol=protocol)
            yield call(port, headers={"a_b": "1", **plain}, protocol=protocol)
            yield call(port, headers={**plain, "a_b": ["1", "2"], "c_d": "1"}, protocol=protocol)
        for size in (900, 1000, 1100):
            yield call(port, headers={"a_b": "1", "b": "x" * size}, protocol=protocol)
            yield call(port, headers={"b": "x" * size, "a_b": "1"}, protocol=protocol)
    yield call(port, headers={"a_b": "1", "te": "gzip"}, protocol="http2")


BLANKS = ("/ ", " /said", "  /x  ", "/a b", "/\t", "\t/said", "/a ?b", "/?q= ", " ", " /a b ", "/ #x ", "/said#x ")


def _blank_calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for protocol in ("http", "http2"):
        for path in BLANKS:
            yield call(port, path=path, protocol=protocol)
    for name in (":authority", ":method", ":scheme", ":path"):
        for value in ("a.test ", " a.test", "GET ", " GET", "http ", " http", "/x ", "a.test\t"):
            yield call(port, headers={name: value}, protocol="http2")


COOKIES = {"k": ("a", " a", "a ", '"a"', '"a" ', "", "\ta", "a=b", '"'), "k ": ("a", " a"), "\tk": ("a",), "l": ("1",)}


def _cookie_table() -> dict[str, Any]:
    routes = [
        {
            "name": f"{name!r} is {value!r}",
            "match": {"prefix": "/", "cookies": [{"name": name, "string_match": {"exact": value}}]},
            "direct_response": {"status": 200, "body": {"inline_string": f"{name!r} is {value!r}"}},
        }
        for name, values in COOKIES.items()
        for value in values
        if value
    ]
    return _table("cookies", *routes)


def _cookie_calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for name, values in COOKIES.items():
        for value in values:
            for line in (
                f"{name}={value}",
                f"x=1;{name}={value};y=2",
                f"x=1; {name}={value}",
                [f"{name}={value}", "k=b"],
            ):
                yield call(port, headers={"cookie": line})
    for line in ("k", ";k=a", "k=b; k=a", "K=a", "k==a", "k;=a", ["k=b", "k=a"], ["k", "l=1"]):
        yield call(port, headers={"cookie": line})
        yield call(port, headers={"cookie": line}, protocol="http2")
