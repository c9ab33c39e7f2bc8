"""Filters within matchers whose answer nobody can know: that is a choice, and told."""

from typing import Any

import pytest

from meshsim.config.view import TypedConfig
from meshsim.envoy.http_filters import compile_http_filters
from meshsim.envoy.http_filters.base import Change, FilterFacts, Open, Verdict
from meshsim.envoy.per_filter import PerFilter
from meshsim.facts.request import Request
from tests.builders_connection import connection
from tests.builders_http import view
from tests.truth.families import matched_filters as made
from tests.truth.families._matcher_edges import HEADER, of_route, tree, within

UNKNOWN = {"single_predicate": {"input": {"name": "i", "typed_config": HEADER}, "custom_match": {"name": "x"}}}
UNKNOWN["single_predicate"]["custom_match"]["typed_config"] = {"@type": "type.googleapis.com/other.v3.Matcher"}
SPOILS = made.below(made.rows((made.port("9"), made.SKIP)))
RUNS = made.below(made.rows((made.header("none"), made.SKIP)))


def asked(own: dict[str, Any] | None, of: dict[str, Any] | None, value: str) -> Verdict:
    (wrapped,) = compile_http_filters((view(within(made.ONE, own)),))
    request = Request("GET", "http", "a.test", "/", {"x-a": (value,)})
    level = PerFilter(False, None if of is None else TypedConfig(*of_a_route(of)))
    assert wrapped.behaviour is not None
    return wrapped.behaviour.ask(FilterFacts(request, connection(), None), None if of is None else level)


def of_a_route(matcher: dict[str, Any]) -> tuple[str, Any]:
    stated = of_route(matcher)["p"]
    return stated["@type"], view(stated)


def changed(verdict: Verdict) -> bool:
    assert isinstance(verdict, Change)
    return verdict.request is not None


@pytest.mark.parametrize("value", ["w", "q"])
def test_beside_what_spoils_a_map_nobody_knows(value: str) -> None:
    """Envoy reads the entries of a map in no order: some starts skip the filter, others run it."""
    verdict = asked(None, tree({"v": SPOILS, "w": RUNS, "q": RUNS}), value)
    assert isinstance(verdict, Open)
    assert [changed(option.verdict) for option in verdict.options] == [True, False]
    assert [option.share for option in verdict.options] == [None, None]


@pytest.mark.parametrize(("value", "runs"), [("v", False), ("x", True)])
def test_what_spoils_a_map_is_known_itself(value: str, runs: bool) -> None:
    """Its own entry leads to nothing but a skip; what matches no entry was read before any of them."""
    assert changed(asked(None, tree({"v": SPOILS, "w": RUNS}), value)) is runs


def test_a_matcher_nobody_knows_is_a_choice() -> None:
    verdict = asked(made.rows((UNKNOWN, made.SKIP)), None, "v")
    assert isinstance(verdict, Open)
    assert [changed(option.verdict) for option in verdict.options] == [True, False]


def test_so_is_one_that_is_only_asked_on_the_way_back() -> None:
    verdict = asked(made.rows((made.both(made.replied("404"), UNKNOWN), made.SKIP)), None, "v")
    assert isinstance(verdict, Open)
    assert [changed(option.verdict) for option in verdict.options] == [True, True]
