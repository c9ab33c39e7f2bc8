"""Route matching: path kinds, the other conditions, first match, and picking equals explaining."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.envoy.paths import without_query
from meshsim.envoy.route_matches import RouteFacts, compile_match
from meshsim.explanation import Fate
from meshsim.facts.request import Request
from tests.builders_http import connection, one_route, request, route_table, view, virtual_host, walk
from tests.builders_http import manager as hcm


def facts(sent: Request, *, peer: bool = False, tls: bool = False) -> RouteFacts:
    return RouteFacts(sent, without_query(sent.path), connection(tls=tls, peer=peer))


def matches(match: dict[str, Any], path: str, **fields: Any) -> bool | None:
    verdicts = [condition.holds(facts(request(path, **fields))) for condition in compile_match(view(match)).conditions]
    return False if False in verdicts else None if None in verdicts else True


@pytest.mark.parametrize(
    ("match", "path", "holds"),
    [
        ({"prefix": "/a"}, "/ab?x", True),
        ({"prefix": ""}, "/", True),
        ({"prefix": "/a?"}, "/a?x", False),
        ({"prefix": "/A", "case_sensitive": False}, "/ab", True),
        ({"prefix": "/A"}, "/ab", False),
        ({"path": "/a"}, "/a?q", True),
        ({"path": "/a"}, "/a/", False),
        ({"path": "/A", "caseSensitive": False}, "/a", True),
        ({"safe_regex": {"regex": "/b|/ab"}}, "/ab?x", True),
        ({"safe_regex": {"regex": "/A"}, "case_sensitive": False}, "/a", False),  # ignored for regexes
        ({"path_separated_prefix": "/psp"}, "/psp?x/", True),
        ({"path_separated_prefix": "/psp"}, "/psp/x", True),
        ({"path_separated_prefix": "/psp"}, "/pspx", False),
        ({"connect_matcher": {}}, "/", False),
        ({"path_match_policy": {"name": "t"}}, "/", None),
        ({"prefix": "/", "new_matcher": {}}, "/", None),
        ({"prefix": "/a", "new_matcher": {}}, "/", False),
        ({"prefix": "/", "dynamic_metadata": [{"filter": "f"}]}, "/", None),
    ],
)
def test_paths(match: dict[str, Any], path: str, holds: bool | None) -> None:
    assert matches(match, path) is holds


@pytest.mark.parametrize(
    ("content_type", "holds"),
    [("application/grpc", True), ("application/grpc+proto", True), ("application/grpc-web", False), ("", False)],
)
def test_grpc(content_type: str, holds: bool) -> None:
    assert matches({"prefix": "/", "grpc": {}}, "/", headers={"content-type": (content_type,)}) is holds


def test_connect_has_no_path() -> None:
    connect = RouteFacts(request("", method="CONNECT"), None, connection())
    for match, holds in (({"prefix": "/"}, False), ({"connect_matcher": {}}, True), ({"path": "/"}, False)):
        assert compile_match(view(match)).conditions[-1].holds(connect) is holds


@pytest.mark.parametrize(
    ("wanted", "peer", "holds"),
    [
        ({"presented": True}, True, True),
        ({"presented": False}, False, True),
        ({"validated": True}, False, False),
        ({}, True, True),
    ],
)
def test_tls_context(wanted: dict[str, Any], peer: bool, holds: bool) -> None:
    conditions = compile_match(view({"prefix": "/", "tls_context": wanted})).conditions
    assert all(condition.holds(facts(request(), peer=peer)) for condition in conditions) is holds


def test_a_fraction_asks_for_the_streams_random_value() -> None:
    fraction = {"default_value": {"numerator": 30, "denominator": "HUNDRED"}}
    routes = (
        one_route({"prefix": "/", "runtime_fraction": fraction}, name="some", route={"cluster": "s"}),
        one_route(name="rest"),
    )
    likeliest = walk(hcm(*routes))
    assert likeliest.cluster == "c"
    assert likeliest.chooser.taken[0].choice.site == "0/fraction/some"
    assert float(likeliest.chooser.probability or 0) == 0.7
    assert walk(hcm(*routes), random_value=29).cluster == "s"
    assert walk(hcm(*routes), random_value=30).cluster == "c"
    assert walk(hcm(*routes), pins={"0/fraction/some": "match"}).cluster == "s"
    assert not likeliest.chooser.assumptions


def test_a_fraction_and_weights_share_one_random_value() -> None:
    fraction = {"default_value": {"numerator": 30}}
    weighted = {"weighted_clusters": {"clusters": [{"name": "s", "weight": 50}, {"name": "t", "weight": 50}]}}
    split = hcm(one_route({"prefix": "/", "runtime_fraction": fraction}, name="r", route=weighted), one_route())
    walked = walk(split, pins={"0/fraction/r": "match"})
    assert walked.cluster == "s"
    assert [float(taken.share or 0) for taken in walked.chooser.taken] == [0.3, 1.0]


@pytest.mark.parametrize(("numerator", "cluster"), [(0, "c"), (100, "s")])
def test_a_fraction_that_is_never_or_always_is_no_choice(numerator: int, cluster: str) -> None:
    fraction = {"default_value": {"numerator": numerator}}
    match = {"prefix": "/", "runtime_fraction": fraction}
    walked = walk(hcm(one_route(match, name="some", route={"cluster": "s"}), one_route()))
    assert walked.cluster == cluster
    assert not walked.chooser.taken


def test_a_match_that_is_not_modelled_is_asked_about() -> None:
    routes = (one_route({"prefix": "/", "novelty": 1}, name="new", route={"cluster": "n"}), one_route(name="rest"))
    walked = walk(hcm(*routes))
    assert walked.cluster == "c"
    assert [reason.code for reason in walked.chooser.assumptions] == ["route.matcher-open"]
    assert walked.decisions["route"].candidates[0].fate is Fate.UNKNOWN
    pinned = walk(hcm(*routes), pins={"0/matcher/new": "match"})
    assert pinned.cluster == "n"
    assert pinned.chooser.probability is None


def test_routes_without_a_name_of_their_own_are_told_apart() -> None:
    table = route_table(virtual_host(one_route(), one_route(name="x"), one_route(name="x"), one_route(name="y")))
    assert [row.label for row in table.vhosts[0].routes.rows] == ["#0", "x#1", "x#2", "y"]


PATHS = st.sampled_from(["/", "/a", "/a/b", "/b?q=1", "/a?q=2"])
MATCHES = st.fixed_dictionaries(
    {"prefix": st.sampled_from(["/", "/a", "/a/b", "/z"])},
    optional={
        "headers": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["x", ":method"])},
                optional={
                    "string_match": st.sampled_from([{"exact": "1"}, {"prefix": "G"}]),
                    "invert_match": st.booleans(),
                },
            ),
            max_size=2,
        ),
        "query_parameters": st.just([{"name": "q", "string_match": {"exact": "1"}}]),
        "novelty": st.just(1),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(MATCHES, max_size=5), PATHS, st.booleans(), st.integers(0, 31))
def test_picking_is_explaining(matches: list[dict[str, Any]], path: str, with_header: bool, answers: int) -> None:
    table = route_table(virtual_host(*(one_route(match) for match in matches)))
    rows = table.vhosts[0].routes
    sent = facts(request(path, headers={"x": ("1",)} if with_header else {}))
    asked: list[Any] = []

    def ask(row: Any) -> bool:
        asked.append(row)
        return bool(answers >> rows.rows.index(row) & 1)

    picked = rows.pick(sent, ask)
    winner, candidates = rows.explain(sent, lambda row: row is picked)
    assert winner is picked
    assert len(candidates) == len(matches)
    assert sum(candidate.fate is Fate.CHOSEN for candidate in candidates) == (picked is not None)
