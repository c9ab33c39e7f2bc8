"""Behind an index the first match is the first match: the same route as going through all of them."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from meshsim.envoy.paths import without_parameters
from meshsim.envoy.route_index import WORTH_AN_INDEX
from meshsim.envoy.route_matches import RouteFacts
from meshsim.errors import Rejected
from meshsim.match.first import FirstMatch
from meshsim.match.indexed_first import IndexedFirst
from meshsim.match.regex import Regex
from tests.builders_http import connection, one_route, request, route_table, virtual_host

UNKNOWN = {"name": "x", "typed_config": {"@type": "type.googleapis.com/mine.v1.Matcher"}}

POLICY = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"


def template(pattern: str) -> dict[str, Any]:
    try:
        find = {"path_match_policy": {"name": "t", "typed_config": {"@type": POLICY, "path_template": pattern}}}
        _ = route_table(virtual_host(one_route(find))).vhosts[0].routes
    except Rejected:
        return {"prefix": pattern}
    return find


def compiles(pattern: str) -> bool:
    try:
        Regex(pattern, None)
    except Rejected:
        return False
    return True


TEXTS = some.text("abA/", max_size=4).map("/".__add__)
REGEX_ENDS = some.sampled_from(
    (".*", "?", "*", "+b", "{0,2}", "|/b", "(/a|b)", "[ab|]", r"\\/a", "$", "(?i)a", "", r"\Q|\E")
)
REGEXES = some.text("ab/A|()?*.^\\[]{}1Q", min_size=1, max_size=8).filter(compiles)
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
    some.builds(lambda text, rest: {"safe_regex": {"regex": text + rest}}, TEXTS, REGEX_ENDS),
    some.builds(lambda text: {"safe_regex": {"regex": text}}, REGEXES),
    some.builds(
        lambda text, rest: template(text + rest), TEXTS, some.sampled_from(("", "/*", "/{x}/b", "/**", ";b/*"))
    ),
    some.builds(
        lambda text, numerator: {"prefix": text, "runtime_fraction": {"default_value": {"numerator": numerator}}},
        TEXTS,
        some.sampled_from((0, 50, 100)),
    ),
    some.builds(
        lambda text, wanted, invert: {
            "prefix": text,
            "headers": [{"name": "x-a", "string_match": {"exact": wanted}, "invert_match": invert}],
        },
        TEXTS,
        some.sampled_from(("1", "2")),
        some.booleans(),
    ),
    some.builds(lambda text: {"prefix": text, "headers": [{"name": "x-a"}]}, TEXTS),
    some.just({"connect_matcher": {}}),
    some.just({"prefix": "/", "headers": [{"name": "x-a", "string_match": {"custom": UNKNOWN}}]}),
)


PATHS = ["".join(chars) for length in range(4) for chars in product("/ab1|", repeat=length)]


@settings(max_examples=100)
@given(some.builds(str.__add__, some.text("ab/", min_size=1, max_size=2), REGEX_ENDS) | REGEXES)
def test_what_matches_begins_as_the_regex_does(pattern: str) -> None:
    regex = Regex(pattern, None)
    assert [path for path in PATHS if regex.matches(path) and not path.startswith(regex.literal_start())] == []


@settings(max_examples=100)
@given(
    some.lists(MATCHES, min_size=WORTH_AN_INDEX, max_size=40),
    some.lists(some.none() | TEXTS | some.text("abA/1;|", max_size=8).map("/".__add__), min_size=1, max_size=10),
    some.booleans(),
    some.booleans(),
    some.sampled_from(("", "1", "3")),
)
def test_the_index_changes_nothing(
    matches: list[dict[str, Any]], paths: list[str | None], answer: bool, stripped: bool, header: str
) -> None:
    vhost = route_table(virtual_host(*(one_route(match) for match in matches))).vhosts[0]
    assert isinstance(vhost.routes, IndexedFirst)
    linear: FirstMatch[Any, Any] = FirstMatch("route", vhost.routes.rows)
    for path in paths:
        headers = {"x-a": (header,)} if header else {}
        said = request(path or "", method="GET" if path is not None else "CONNECT", headers=headers)
        bare = path if path is None or not stripped else without_parameters(path, per_segment=header == "1")
        facts = RouteFacts(said, bare, connection())
        asked: tuple[list[Any], list[Any]] = [], []
        picked = [
            routes.pick(facts, lambda row, seen=seen: seen.append(row) or answer)
            for routes, seen in zip((vhost.routes, linear), asked, strict=True)
        ]
        assert picked[0] is picked[1]
        assert asked[0] == asked[1]
        assert vhost.routes.explain(facts, lambda _row: answer)[0] is picked[0]
