"""One route takes all of another: told when proven, and only then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.config.view import View
from meshsim.envoy.route_matches import RouteFacts, compile_match
from meshsim.facts.connection import Connection
from meshsim.facts.request import Request
from meshsim.lint.shadowing import takes_all_of
from meshsim.place import Place

WORDS = st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab", "/A", "/b"])
HEADERS = st.lists(
    st.sampled_from(
        [
            {"name": "x", "string_match": {"exact": "1"}},
            {"name": "x", "present_match": True},
            {"name": "y", "string_match": {"prefix": "2"}, "invert_match": True},
        ]
    ),
    max_size=2,
)


def _match(kind: str, value: str, headers: list[Any], sensitive: bool) -> dict[str, Any]:
    if kind == "path_separated_prefix":
        value = value.rstrip("/") or "/a"
    return {kind: value, "headers": headers, "case_sensitive": sensitive}


MATCHES = st.builds(_match, st.sampled_from(["prefix", "path", "path_separated_prefix"]), WORDS, HEADERS, st.booleans())
REQUESTS = st.tuples(
    st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab", "/A", "/A/b", "/b"]),
    st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from([("1",), ("2",)])),
)


def _view(match: dict[str, Any]) -> View:
    return View(match, Place("routes.json"))


def _takes(match: dict[str, Any], path: str, headers: dict[str, tuple[str, ...]]) -> bool:
    request = Request(method="GET", scheme="http", authority="a", path=path, headers=headers, version="http/1.1")
    facts = RouteFacts(request, path, CONNECTION)
    return all(condition.holds(facts) for condition in compile_match(_view(match)).conditions)


CONNECTION = Connection(local=1, local_port=80, remote=2, remote_port=40000, direct_remote=2, direct_remote_port=40000)


@settings(max_examples=100)
@given(MATCHES, MATCHES, st.lists(REQUESTS, min_size=5, max_size=20))
def test_what_is_called_shadowed_takes_no_request(earlier: Any, later: Any, requests: Any) -> None:
    if takes_all_of(_view(earlier), _view(later)):
        for path, headers in requests:
            assert _takes(earlier, path, headers) or not _takes(later, path, headers)


@pytest.mark.parametrize(
    ("earlier", "later", "shadowed"),
    [
        ({"prefix": "/"}, {"prefix": "/a"}, True),
        ({"prefix": "/a"}, {"prefix": "/"}, False),
        ({"prefix": "/", "headers": [{"name": "x", "present_match": True}]}, {"prefix": "/"}, False),
        ({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 50}}}, {"prefix": "/"}, False),
        ({"prefix": "/a"}, {"prefix": "/a", "case_sensitive": False}, False),
        ({"prefix": "/A", "caseSensitive": False}, {"path": "/a/b"}, True),
        ({"path_separated_prefix": "/a"}, {"prefix": "/ab"}, False),
        ({"path_separated_prefix": "/a"}, {"prefix": "/a"}, False),
        ({"path_separated_prefix": "/a"}, {"path": "/a"}, True),
        ({"prefix": "/"}, {"safe_regex": {"regex": "/.*"}}, False),
    ],
)
def test_shadowing(earlier: Any, later: Any, shadowed: bool) -> None:
    assert takes_all_of(_view(earlier), _view(later)) is shadowed


def test_every_pair_of_path_matchers_is_judged_as_the_requests_go() -> None:
    paths = ["/", "/a", "/a/", "/a/b", "/ab", "/A", "/A/b", "/b"]
    taken = {}
    for kind in ("prefix", "path", "path_separated_prefix"):
        for value in ("/", "/a", "/a/", "/a/b", "/ab", "/A", "/b"):
            for sensitive in (True, False):
                match = _match(kind, value, [], sensitive)
                taken[json.dumps(match)] = {path for path in paths if _takes(match, path, {})}
    for earlier, wide in taken.items():
        for later, narrow in taken.items():
            if takes_all_of(_view(json.loads(earlier)), _view(json.loads(later))):
                assert narrow <= wide, (earlier, later)
