"""One route takes all of another: told when proven by the conditions that decide, and only then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.config.view import View
from meshsim.envoy.route_matches import RouteFacts, compile_match
from meshsim.envoy.vhosts import compile_route_table
from meshsim.facts.connection import Connection
from meshsim.facts.request import Request
from meshsim.lint.reach.matches import read_match
from meshsim.lint.reach.order import shadowed
from meshsim.lint.reach.texts import grows, texts_of_pattern
from meshsim.match.regex import Regex
from meshsim.place import Place

PATHS = ["/", "/a", "/a/", "/a/b", "/ab", "/A", "/A/b", "/b", "/a.b", "/aa", "/a?q=1", "/?q=", "/b?q=12&r"]
PATTERNS = [
    "/.*",
    ".*",
    "/a.*",
    "/a",
    "/a?",
    "/a*",
    "/a+",
    "/a|/b",
    "/(a|b)",
    "/a/.+",
    r"/a\.b",
    r"/a\.*",
    "(?i)/a",
    "^/a$",
]
CONNECTION = Connection(local=1, local_port=80, remote=2, remote_port=40000, direct_remote=2, direct_remote_port=40000)

STRINGS = st.one_of(
    st.builds(
        lambda kind, value, fold: {kind: value, "ignore_case": fold},
        st.sampled_from(["exact", "prefix", "suffix", "contains"]),
        st.sampled_from(["1", "12", "2", "a", "A", "ab"]),
        st.booleans(),
    ),
    st.sampled_from([{"safe_regex": {"regex": each}} for each in ("1.*", "[0-9]+", "a", ".*", "(?i)ab?", "1|2")]),
)
NAMES = st.sampled_from(["q", "r"])
HEADERS = st.one_of(
    st.builds(
        lambda name, text, invert, empty: {
            "name": name,
            "string_match": text,
            "invert_match": invert,
            "treat_missing_header_as_empty": empty,
        },
        NAMES,
        STRINGS,
        st.booleans(),
        st.sampled_from([False, False, True]),
    ),
    st.builds(
        lambda name, there, invert: {"name": name, "present_match": there, "invert_match": invert},
        NAMES,
        st.booleans(),
        st.booleans(),
    ),
    st.sampled_from(
        [{"name": "q", "range_match": {"start": 1, "end": 5}}, {"name": "Q"}, {"name": "q", "exact_match": ""}]
    ),
)
QUERIES = st.one_of(
    st.builds(lambda name, text: {"name": name, "string_match": text}, NAMES, STRINGS),
    st.builds(lambda name, there: {"name": name, "present_match": there}, NAMES, st.booleans()),
)
COOKIES = st.builds(
    lambda name, text, invert: {"name": name, "string_match": text, "invert_match": invert},
    NAMES,
    STRINGS,
    st.booleans(),
)


def _match(path: dict[str, Any], sensitive: bool, headers: Any, queries: Any, cookies: Any, grpc: bool) -> Any:
    made = {**path, "case_sensitive": sensitive, "headers": headers, "query_parameters": queries, "cookies": cookies}
    return {**made, "grpc": {}} if grpc else made


PATH_MATCHES = st.one_of(
    st.builds(
        lambda kind, value: {kind: value.rstrip("/") or "/a"} if kind == "path_separated_prefix" else {kind: value},
        st.sampled_from(["prefix", "path", "path_separated_prefix"]),
        st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab", "/A", "/b"]),
    ),
    st.sampled_from([{"safe_regex": {"regex": each}} for each in PATTERNS]),
)
MATCHES = st.builds(
    _match,
    PATH_MATCHES,
    st.booleans(),
    st.lists(HEADERS, max_size=2),
    st.lists(QUERIES, max_size=1),
    st.lists(COOKIES, max_size=1),
    st.sampled_from([False, False, False, True]),
)
VALUES = st.lists(st.sampled_from(["1", "12", "2", "", "a", "A", "ab", "xAb"]), min_size=1, max_size=2).map(tuple)
REQUESTS = st.builds(
    lambda path, headers, cookie, grpc: Request(
        method="GET",
        scheme="http",
        authority="h",
        path=path,
        headers={
            **headers,
            **({"cookie": (cookie,)} if cookie else {}),
            **({"content-type": ("application/grpc",)} if grpc else {}),
        },
    ),
    st.sampled_from(PATHS),
    st.dictionaries(NAMES, VALUES),
    st.sampled_from(["", "q=1", "q=ab; r=2", "r"]),
    st.booleans(),
)


def _view(match: dict[str, Any]) -> View:
    return View(match, Place("routes.json"))


def _facts(request: Request) -> RouteFacts:
    return RouteFacts(request, request.path.partition("?")[0], CONNECTION)


def _takes(match: dict[str, Any], request: Request) -> bool:
    return all(condition.holds(_facts(request)) for condition in compile_match(_view(match)).conditions)


def _covers(earlier: dict[str, Any], later: dict[str, Any]) -> bool:
    return read_match(_view(earlier)).takes_all_of(read_match(_view(later)))


@settings(max_examples=100)
@given(st.lists(MATCHES, min_size=2, max_size=8), st.lists(REQUESTS, min_size=10, max_size=30))
def test_no_request_is_answered_by_a_route_that_is_called_shadowed(matches: Any, requests: list[Request]) -> None:
    routes = [{"match": match, "direct_response": {"status": 200}} for match in matches]
    table = compile_route_table(_view({"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]}))
    first = table.vhosts[0].routes
    lost = {index for index, _above in shadowed([read_match(_view(match)) for match in matches])}
    for request in requests:
        picked = first.pick(_facts(request), lambda _row: True)
        assert picked is None or first.rows.index(picked) not in lost


@settings(max_examples=100)
@given(MATCHES, MATCHES, st.lists(REQUESTS, min_size=10, max_size=30))
def test_what_is_called_shadowed_takes_nothing_of_its_own(earlier: Any, later: Any, requests: Any) -> None:
    later = {**earlier, **{name: later[name] for name in ("headers", "cookies")}} if requests[0].headers else later
    if _covers(earlier, later):
        for request in requests:
            assert _takes(earlier, request) or not _takes(later, request)


X = {"name": "x", "present_match": True}


def _x(kind: str, value: str, **more: Any) -> dict[str, Any]:
    return {"prefix": "/", "headers": [{"name": "x", "string_match": {kind: value}, **more}]}


def _regex(pattern: str) -> dict[str, Any]:
    return {"safe_regex": {"regex": pattern}}


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ({"prefix": "/"}, {"prefix": "/a"}, True),
        ({"prefix": "/a"}, {"prefix": "/"}, False),
        ({"prefix": "/", "headers": [X]}, {"prefix": "/"}, False),
        ({"prefix": "/"}, {"prefix": "/", "headers": [X]}, True),
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 50}}}, {"prefix": "/"}, False),
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 100}}}, {"prefix": "/"}, True),
        (
            {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 100}, "runtime_key": "k"}},
            {"prefix": "/"},
            False,
        ),
        ({"prefix": "/a"}, {"prefix": "/a", "case_sensitive": False}, False),
        ({"prefix": "/A", "caseSensitive": False}, {"path": "/a/b"}, True),
        ({"path_separated_prefix": "/a"}, {"prefix": "/ab"}, False),
        ({"path_separated_prefix": "/a"}, {"prefix": "/a"}, False),
        ({"path_separated_prefix": "/a"}, {"prefix": "/a/"}, True),
        ({"path_separated_prefix": "/a"}, {"path": "/a"}, True),
        ({"prefix": "/a"}, {"path_separated_prefix": "/a"}, True),
        ({"prefix": "/"}, _regex("/.*"), True),
        ({"prefix": "/"}, _regex(".*"), True),
        ({"prefix": "/a"}, _regex("/.*"), False),
        ({"prefix": "/a"}, _regex("/a(b|c)?"), False),
        ({"prefix": "/a"}, _regex("/ab+"), True),
        ({"prefix": "/ab"}, _regex("/ab*"), False),
        (_regex("/.*"), {"prefix": "/a"}, True),
        (_regex("/a.*"), {"path": "/a/b"}, True),
        (_regex("/a.*"), {"prefix": "/"}, False),
        (_regex("/[ab]"), {"path": "/b"}, True),
        (_regex("/[ab]"), {"prefix": "/b"}, False),
        (_regex(r"/a\.*"), {"prefix": "/a."}, False),
        (_regex("/a|/b.*"), {"prefix": "/a"}, False),
        ({"prefix": "/", "headers": [X]}, _x("exact", "1"), True),
        ({"prefix": "/", "headers": [X]}, _x("exact", "1", invert_match=True), True),
        ({"prefix": "/", "headers": [X]}, _x("exact", "", treat_missing_header_as_empty=True), False),
        (_x("prefix", "1"), _x("exact", "12"), True),
        (_x("prefix", "1"), _x("prefix", "12"), True),
        (_x("prefix", "1"), _x("suffix", "1"), False),
        (_x("contains", "1"), _x("suffix", "21"), True),
        (_x("exact", "1", invert_match=True), _x("exact", "2"), False),
        (_x("exact", "1"), _x("exact", "1", invert_match=True), False),
        ({"prefix": "/", "headers": [{"name": "x", "future_match": 1}]}, _x("exact", "1"), False),
        ({"prefix": "/", "future": 1}, {"prefix": "/"}, False),
        ({"prefix": "/", "grpc": {}}, {"prefix": "/"}, False),
        ({"prefix": "/"}, {"prefix": "/", "grpc": {}}, True),
        ({"prefix": "/"}, {"connect_matcher": {}}, False),
        ({"connect_matcher": {}}, {"connect_matcher": {}}, True),
        ({"prefix": "/", "tls_context": {"presented": True}}, {"prefix": "/"}, False),
        (
            {"prefix": "/", "query_parameters": [{"name": "q", "present_match": True}]},
            {"prefix": "/", "query_parameters": [{"name": "q", "string_match": {"exact": "1"}}]},
            True,
        ),
        (
            {"prefix": "/", "query_parameters": [{"name": "q", "string_match": {"exact": "1"}}]},
            {"prefix": "/", "query_parameters": [{"name": "q", "present_match": True}]},
            False,
        ),
    ],
)
def test_covering(earlier: Any, later: Any, covered: bool) -> None:
    assert _covers(earlier, later) is covered


def test_every_pair_of_path_matchers_is_judged_as_the_requests_go() -> None:
    paths = [path for path in PATHS if "?" not in path]
    requests = [Request(method="GET", scheme="http", authority="h", path=path, headers={}) for path in paths]
    matches = [_regex(pattern) for pattern in PATTERNS]
    for kind in ("prefix", "path", "path_separated_prefix"):
        for value in ("/", "/a", "/a/", "/a/b", "/ab", "/A", "/b"):
            for sensitive in (True, False):
                value = (value.rstrip("/") or "/a") if kind == "path_separated_prefix" else value
                matches.append({kind: value, "case_sensitive": sensitive})
    taken = [(match, {each.path for each in requests if _takes(match, each)}) for match in matches]
    for earlier, wide in taken:
        for later, narrow in taken:
            if _covers(earlier, later):
                assert narrow <= wide, (json.dumps(earlier), json.dumps(later))


@given(st.sampled_from(PATTERNS), st.sampled_from(PATHS), st.text(alphabet="ab/.", max_size=3))
def test_what_is_said_of_patterns_holds(pattern: str, text: str, more: str) -> None:
    regex = Regex(pattern, None)
    if grows(pattern) and regex.matches(text):
        assert regex.matches(text + more)
    if regex.matches(text):
        texts = texts_of_pattern(pattern)
        assert text == texts.seed or (texts.grown == "prefix" and text.startswith(texts.seed))
