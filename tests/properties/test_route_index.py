"""Behind an index the first match is the first match: the same route as going through all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from meshsim.envoy.route_index import WORTH_AN_INDEX
from meshsim.envoy.route_matches import RouteFacts
from meshsim.match.first import FirstMatch
from meshsim.match.indexed_first import IndexedFirst
from tests.builders_http import connection, one_route, request, route_table, virtual_host

TEXTS = some.text("abA/", max_size=4).map("/".__add__)
MATCHES: some.SearchStrategy[dict[str, Any]] = some.one_of(
    some.builds(
        lambda kind, text, sensitive: {
            kind: text.rstrip("/") or "/a" if kind == "path_separated_prefix" else text,
            "case_sensitive": sensitive,
        },
        some.sampled_from(("prefix", "path", "path_separated_prefix")),
        TEXTS,
        some.booleans(),
    ),
    some.builds(lambda text: {"safe_regex": {"regex": text + ".*"}}, TEXTS),
    some.builds(lambda text: {"prefix": text, "headers": [{"name": "x-a"}]}, TEXTS),
    some.just({"connect_matcher": {}}),
    some.just({"prefix": "/", "headers": [{"name": "x-a", "string_match": {"custom": {"name": "x"}}}]}),
)


@settings(max_examples=100)
@given(
    some.lists(MATCHES, min_size=WORTH_AN_INDEX, max_size=40),
    some.lists(some.none() | TEXTS, min_size=1, max_size=10),
    some.booleans(),
)
def test_the_index_changes_nothing(matches: list[dict[str, Any]], paths: list[str | None], answer: bool) -> None:
    vhost = route_table(virtual_host(*(one_route(match) for match in matches))).vhosts[0]
    assert isinstance(vhost.routes, IndexedFirst)
    linear: FirstMatch[Any, Any] = FirstMatch("route", vhost.routes.rows)
    for path in paths:
        said = request(path or "", method="GET" if path is not None else "CONNECT")
        facts = RouteFacts(said, path, connection())
        asked: tuple[list[Any], list[Any]] = [], []
        picked = [
            routes.pick(facts, lambda row, seen=seen: seen.append(row) or answer)
            for routes, seen in zip((vhost.routes, linear), asked, strict=True)
        ]
        assert picked[0] is picked[1]
        assert asked[0] == asked[1]
        assert vhost.routes.explain(facts, lambda _row: answer)[0] is picked[0]
