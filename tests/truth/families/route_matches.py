"""Every condition of a route match: routes of one kind that overlap, and requests that just miss one of them."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.truth.families import _route_tables as made
from tests.truth.setting import Setting

CALLS = 44
A_SETTING = 12
"""Route tables in one Envoy."""
TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
DIRECT = {"direct_response": {"status": 200, "body": {"inline_string": "here"}}}

Route = dict[str, Any]
Call = dict[str, Any]
Kind = tuple[Callable[[random.Random], Route], Callable[[random.Random], Call]]


def settings() -> Iterator[Setting]:
    drawn = [(name, *kind, seed) for seed in range(3) for name, kind in KINDS.items()]
    for start in range(0, len(drawn), A_SETTING):
        batch = drawn[start : start + A_SETTING]
        yield made.setting(f"tables from {start}", [_table(*each) for each in batch])


def _table(
    name: str, route: Callable[[random.Random], Route], call: Callable[[random.Random], Call], seed: int
) -> tuple[dict[str, Any], list[Call]]:
    draw = random.Random(f"{name} {seed}")
    routes = [{"match": route(draw), **DIRECT} for _ in range(draw.randint(4, 9))]
    fields = {"ignore_path_parameters_in_path_matching": True} if name == "parameters" or draw.random() < 0.15 else {}
    return made.table(*routes, **fields), [call(draw) for _ in range(CALLS)]


def _text(draw: random.Random, *, words: tuple[str, ...] = ("a", "ab", "A", "b", "1", "", "a,b", "é")) -> Route:
    kind = draw.choice(("exact", "prefix", "suffix", "contains", "safe_regex"))
    if kind == "safe_regex":
        return {
            kind: {"regex": draw.choice(("a.*", "[0-9]+", "(b|a)", ".*", ".", "..", "a|b.*", "[^a]*", "é", "(?i)AB"))}
        }
    word = draw.choice(words if kind == "exact" else tuple(filter(None, words)))
    return {kind: word, **({"ignore_case": True} if draw.random() < 0.3 else {})}


def _path(draw: random.Random) -> Route:
    kind = draw.choice(("prefix", "path", "safe_regex", "path_separated_prefix"))
    if kind == "safe_regex":
        return {
            kind: {
                "regex": draw.choice(("/a.*", "/b|/ab", "/[ab]+", ".*b", "/a/b/?", "/.", "/a?", "/é.*", r"/\d+", "/A"))
            }
        }
    values = {
        "prefix": ("/", "/a", "/a/", "/A", "", "/a/b", "/ab", "a", "/a?x", "/1", "/a;"),
        "path": ("/a", "/a/", "/a/b", "/A/b", "/", "a", "/ab", "/a?x=1", "/a;x"),
        "path_separated_prefix": ("/a", "/a/b", "/A", "/ab", "/1"),
    }
    match: Route = {kind: draw.choice(values[kind])}
    return match | ({"case_sensitive": draw.random() < 0.2} if draw.random() < 0.4 else {})


def _any_path(draw: random.Random) -> Call:
    pieces = ("/", "/", "a", "b", "A", "ab", "1", ";x", ";y=1", "%61", ".", "//")
    path = "/" + "".join(draw.choice(pieces) for _ in range(draw.randint(0, 4)))
    if draw.random() < 0.6:
        path = draw.choice(
            ("/", "/a", "/a/", "/a/b", "/A/b", "/ab", "/b", "/a/bc", "/1", "/12", "/a;x", "/a;x/b;y", "/AB")
        )
    return {"path": path + draw.choice(("", "", "?", "?x=1", "?/a", ";z?q;w"))}


def _template(draw: random.Random) -> Route:
    patterns = (
        "/a/{x}", "/a/*", "/a/**", "/a/*/c", "/{x}/b", "/{x=**}", "/{x=a/*}/c", "/d/**.m3u8", "/a/{x=b}/{y}", "/",
        "/a/b/", "/*/b/{z=**}", "/a$b/*", "/a.b/{x}", "/a/{x}.json", "/(a)/*", "/a+b", "/{x=*/b}", "/a*", "/x=1/b",
        "/*b", "/a*b/{x}",
    )  # fmt: skip
    policy = {"@type": TEMPLATE, "path_template": draw.choice(patterns)}
    case = {"case_sensitive": False} if draw.random() < 0.2 else {}
    return {
        "path_match_policy": {"name": "envoy.path.match.uri_template.uri_template_matcher", "typed_config": policy}
    } | case


def _template_call(draw: random.Random) -> Call:
    pieces = (
        "a",
        "b",
        "c",
        "d",
        "x.m3u8",
        "",
        "a$b",
        "a.b",
        "axb",
        "A",
        "x=1",
        "a*b",
        "%20",
        ";v",
        "(a)",
        "a+b",
        "y.json",
        "~",
        "@",
    )
    path = "/" + "/".join(draw.choice(pieces) for _ in range(draw.randint(0, 4)))
    return {"path": path + draw.choice(("", "", "?q=/c"))}


NAMES = (
    "x-a",
    "x-b",
    ":method",
    ":path",
    ":authority",
    "host",
    ":scheme",
    "x-forwarded-proto",
    "X-A",
    "cookie",
    "accept",
)


def _header(draw: random.Random) -> Route:
    start = draw.choice((-10, 0, 1, 5))
    name = draw.choice(NAMES)
    words = ("a", "ab", "A", "1", "", "a,b", "GET", "/a", "a.test", "http", "é")
    test: Route = draw.choice(
        (
            {"string_match": _text(draw, words=words)},
            {"string_match": _text(draw, words=words)},
            {"string_match": _text(draw, words=words)},
            {"present_match": draw.random() < 0.6},
            {"range_match": {"start": str(start), "end": str(start + draw.choice((0, 1, 6, -3)))}},
            {"exact_match": draw.choice(("", "a", "GET", "a,b"))},
            {draw.choice(("prefix_match", "suffix_match", "contains_match")): draw.choice(("a", "1", "b"))},
            {"safe_regex_match": {"regex": draw.choice(("a", "[0-9]*", "a.b"))}},
            {},
        )
    )
    options = {"invert_match": True} if draw.random() < 0.3 else {}
    return {"name": name, **test, **options, **({"treat_missing_header_as_empty": True} if draw.random() < 0.2 else {})}


def _headers(draw: random.Random) -> Route:
    return {"prefix": "/", "headers": [_header(draw) for _ in range(draw.choice((1, 1, 2)))]}


VALUES = (
    "a",
    "ab",
    "A",
    "1",
    "+5",
    "-7",
    " 5 ",
    "5.0",
    "0x5",
    "",
    "a,b",
    "b",
    "99999999999999999999",
    "x",
    "é",
)


def _with_headers(draw: random.Random) -> Call:
    headers: dict[str, Any] = {}
    for name in ("x-a", "x-b", "accept", "x-forwarded-proto", "cookie"):
        if draw.random() < 0.5:
            headers[name] = draw.choice(VALUES)
        elif draw.random() < 0.3:
            headers[name] = draw.sample(VALUES, draw.randint(2, 3))
    authority = draw.choice(("a.test", "A.test", "a.test:80", "a"))
    return {
        "path": draw.choice(("/", "/a", "/a?x=1")),
        "method": draw.choice(("GET", "POST", "PUT")),
        "headers": headers,
        "authority": authority,
    }


def _query(draw: random.Random) -> Route:
    def one() -> Route:
        test: Route = draw.choice(({"string_match": _text(draw)}, {"present_match": draw.random() < 0.5}, {}))
        return {"name": draw.choice(("q", "r", "Q", "q%20", "é", "q+r")), **test}

    return {"prefix": "/", "query_parameters": [one() for _ in range(draw.choice((1, 1, 2)))]}


def _with_query(draw: random.Random) -> Call:
    names = ("q", "r", "Q", "q%20", "q+r", "", "%71")
    values = ("=a", "=ab", "=A", "=", "", "=a%2Cb", "=a,b", "=b", "=1", "=a=b", "=%61", "=a+b", "=a;r=b")
    items = [draw.choice(names) + draw.choice(values) for _ in range(draw.randint(0, 4))]
    return {
        "path": "/p"
        + draw.choice(("?", "?", ""))
        + draw.choice(("&", "&", "&&", ";")).join(items)
        + draw.choice(("", "?q=a"))
    }


def _cookie(draw: random.Random) -> Route:
    def one() -> Route:
        matcher = {"name": draw.choice(("k", "l", "K", "x-y")), "string_match": _text(draw)}
        return matcher | ({"invert_match": True} if draw.random() < 0.4 else {})

    return {"prefix": "/", "cookies": [one() for _ in range(draw.choice((1, 1, 2)))]}


def _with_cookies(draw: random.Random) -> Call:
    def item() -> str:
        name = draw.choice(("k", "l", "K", "x-y", " k", "k ", ""))
        return name + draw.choice(("=a", "=ab", '="a"', "=", "", "= a ", '="', '=""', "=a=b", '="a', "=b", "=1", "=A"))

    lines = ["; ".join(item() for _ in range(draw.randint(1, 3))) for _ in range(draw.choice((0, 1, 1, 1, 2)))]
    joined = draw.random() < 0.2
    return {
        "path": "/",
        "headers": {"cookie": [line.replace("; ", ";") if joined else line for line in lines]} if lines else {},
    }


def _grpc(draw: random.Random) -> Route:
    match: Route = {"prefix": draw.choice(("/", "/a"))}
    if draw.random() < 0.7:
        match["grpc"] = {}
    return match | ({"headers": [{"name": "te", "present_match": draw.random() < 0.5}]} if draw.random() < 0.3 else {})


def _grpc_call(draw: random.Random) -> Call:
    kinds = (
        "application/grpc", "application/grpc+proto", "application/grpc+", "application/grpc-web",
        "application/grpc; x",
        "APPLICATION/grpc", "text/plain", "application/grpcx",
    )  # fmt: skip
    headers: dict[str, Any] = {"content-type": draw.choice(kinds)} if draw.random() < 0.9 else {}
    if draw.random() < 0.3:
        headers["te"] = draw.choice(("trailers", "gzip"))
    return {"path": draw.choice(("/", "/a", "/b")), "method": "POST", "headers": {**headers, "content-length": "0"}}


def _metadata(draw: random.Random) -> Route:
    value: Mapping[str, Any] = draw.choice(
        (
            {"string_match": {"exact": "a"}}, {"present_match": True}, {"present_match": False}, {"null_match": {}},
            {"bool_match": False}, {"double_match": {"exact": 0}},
            {"or_match": {"value_matchers": [{"null_match": {}}, {"present_match": True}]}},
            {"list_match": {"one_of": {"present_match": True}}},
        )
    )  # fmt: skip
    matcher = {"filter": "envoy.lb", "path": [{"key": "k"}, {"key": "l"}][: draw.randint(1, 2)], "value": value}
    if draw.random() < 0.5:
        matcher["invert"] = True
    state = {"key": "k", "string_match": _text(draw)}
    which = draw.choice(("dynamic_metadata", "filter_state", "neither"))
    return {"prefix": draw.choice(("/", "/a", "/b"))} | (
        {} if which == "neither" else {which: [matcher if which == "dynamic_metadata" else state]}
    )


def _tls(draw: random.Random) -> Route:
    context = {name: draw.random() < 0.5 for name in ("presented", "validated") if draw.random() < 0.6}
    return {"prefix": draw.choice(("/", "/a", "/b")), "tls_context": context}


def _mixed(draw: random.Random) -> Route:
    match = _path(draw)
    for share, kind, field in (
        (0.5, _headers, "headers"),
        (0.3, _query, "query_parameters"),
        (0.2, _cookie, "cookies"),
    ):
        if draw.random() < share:
            match[field] = kind(draw)[field]
    return match


def _mixed_call(draw: random.Random) -> Call:
    call = _with_headers(draw) | _any_path(draw)
    if draw.random() < 0.4:
        call["path"] = call["path"].partition("?")[0] + "?" + _with_query(draw)["path"].partition("?")[2]
    return call


KINDS: dict[str, Kind] = {
    "paths": (_path, _any_path),
    "parameters": (_path, _any_path),
    "more paths": (_path, _any_path),
    "templates": (_template, _template_call),
    "more templates": (_template, _template_call),
    "headers": (_headers, _with_headers),
    "more headers": (_headers, _with_headers),
    "yet more headers": (_headers, _with_headers),
    "queries": (_query, _with_query),
    "more queries": (_query, _with_query),
    "cookies": (_cookie, _with_cookies),
    "grpc": (_grpc, _grpc_call),
    "metadata": (_metadata, _any_path),
    "tls": (_tls, _any_path),
    "mixed": (_mixed, _mixed_call),
    "more mixed": (_mixed, _mixed_call),
}
