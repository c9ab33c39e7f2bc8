"""Every branch of a call: exact shares, likeliest first, what comes to the same merged, the rest counted."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.api import Mesh
from meshsim.branches import Branch
from meshsim.errors import InputError
from meshsim.facts.call import Call
from meshsim.render.json import document
from tests.builders_branches import ADDRESS, CALL, LUA, gateway, listener, mesh, split, static, to
from tests.builders_http import ROUTER, http_filter, one_route
from tests.builders_upstream import endpoint, locality
from tests.schema_check import check_trace

A = static("a", "10.2.0.1:80", "10.2.0.2:80")
B = static("b", "10.2.0.3:80")
UNKNOWABLE = {"prefix": "/", "dynamic_metadata": [{"filter": "f", "path": [{"key": "k"}], "value": {"new_match": {}}}]}


def table(world: Mesh, call: Call = CALL, **options: Any) -> list[tuple[str | None, Fraction | None]]:
    """(cluster, share) of each branch."""
    return [(branch.hops[0].cluster, branch.share) for branch in world.branches(call, **options)]


def choice_product(branch: Branch) -> float | None:
    shares = []
    for choice in branch.report().choices:
        shares.append(next(option.share for option in choice.of if option.option == choice.picked))
    return None if None in shares else prod(share for share in shares if share is not None)


def test_a_canary_is_what_its_weights_say() -> None:
    assert table(gateway(split(("a", 10), ("b", 90)), clusters=[A, B])) == [
        ("b", Fraction(9, 10)),
        ("a", Fraction(1, 10)),
    ]


def test_one_random_value_decides_fraction_and_weights() -> None:
    """30 % into 50/50 is 30/0, and those who go on are all of the second half and 20 of the first."""
    world = gateway(split(("a", 50), ("b", 50), numerator=30), split(("c", 50), ("d", 50)), clusters=[])
    assert table(world) == [("d", Fraction(1, 2)), ("a", Fraction(3, 10)), ("c", Fraction(1, 5))]


@pytest.mark.parametrize(("denominator", "numerator"), [("TEN_THOUSAND", 3000), ("MILLION", 300_000)])
def test_finer_denominators_meet_the_weights_all_the_same(denominator: str, numerator: int) -> None:
    """R % 10000 < 3000 says nothing of R % 100."""
    world = gateway(split(("a", 50), ("b", 50), numerator=numerator, denominator=denominator), to("c"), clusters=[])
    assert dict(table(world)) == {"a": Fraction(3, 20), "b": Fraction(3, 20), "c": Fraction(7, 10)}


def test_endpoints_that_make_no_difference_are_one_branch() -> None:
    (branch,) = gateway(to("a"), clusters=[A]).branches(CALL)
    assert branch.share == 1
    assert branch.merged.courses == 2
    assert branch.merged.endpoints == (("10.2.0.1:80", "10.2.0.2:80"),)
    (choice,) = branch.report().choices
    assert [(option.option, option.share) for option in choice.of] == [("10.2.0.1:80", 1.0)]


def test_by_endpoint_each_is_a_branch() -> None:
    found = gateway(to("a"), clusters=[A]).branches(CALL, by="endpoint")
    assert [(branch.share, branch.hops[0].endpoint) for branch in found] == [
        (Fraction(1, 2), "10.2.0.1:80"),
        (Fraction(1, 2), "10.2.0.2:80"),
    ]


def test_routes_without_names_stay_apart_unless_clusters_are_asked_for() -> None:
    world = gateway(split(("a", 50), ("b", 50), numerator=30), split(("a", 50), ("b", 50)), clusters=[A, B])
    assert table(world) == [("b", Fraction(1, 2)), ("a", Fraction(3, 10)), ("a", Fraction(1, 5))]
    assert table(world, by="cluster") == [("b", Fraction(1, 2)), ("a", Fraction(1, 2))]


def test_subsets_merge_across_ports_and_directions() -> None:
    names = [f"outbound|{port}|v1|s.default.svc.cluster.local" for port in (80, 81)]
    world = gateway(split((names[0], 50), (names[1], 50)), clusters=[static(name, "10.2.0.1:80") for name in names])
    assert len(world.branches(CALL, by="cluster")) == 2
    (branch,) = world.branches(CALL, by="subset")
    assert branch.share == 1


def test_an_endpoint_that_is_spoken_to_otherwise_is_a_branch_of_its_own() -> None:
    """Merged across localities of unlike make-up, the shares of the choices still multiply to the branch's."""
    secure = {"name": "tls", "match": {"tlsMode": "istio"}, "transport_socket": {"name": "tls", "typed_config": TLS}}
    plain = {"name": "plain", "match": {}, "transport_socket": RAW}
    first = locality("10.2.0.1:80", endpoint("10.2.0.2:80", labels={"tlsMode": "istio"}), load_balancing_weight=60)
    second = locality("10.2.0.3:80", load_balancing_weight=40, locality={"region": "r2"})
    cluster = static(
        "a",
        {**first, "locality": {"region": "r1"}},
        second,
        transport_socket_matches=[secure, plain],
        common_lb_config={"locality_weighted_lb_config": {}},
    )
    found = gateway(to("a"), clusters=[cluster]).branches(CALL)
    assert [(branch.share, branch.merged.endpoints) for branch in found] == [
        (Fraction(7, 10), (("10.2.0.3:80", "10.2.0.1:80"),)),
        (Fraction(3, 10), (("10.2.0.2:80",),)),
    ]
    assert [choice_product(branch) for branch in found] == pytest.approx([0.7, 0.3])


TLS = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}
RAW = {
    "name": "raw",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"},
}


def test_an_unknown_course_has_no_probability_and_the_harmless_one_stands_first() -> None:
    found = gateway(to("b"), clusters=[B], http_filters=[LUA, ROUTER]).branches(CALL)
    assert [(branch.share, branch.outcome.kind) for branch in found] == [(None, "forwarded"), (None, "replied")]
    assert [[each.code for each in branch.assumptions] for branch in found] == [["filter.opaque"], []]
    assert found[0].call.choices == {}, "an assumption that was pinned would be none"


def test_known_probabilities_come_before_unknown_ones() -> None:
    world = gateway(
        split(("a", 1), ("b", 99), numerator=50), to("a", UNKNOWABLE), to("b"), clusters=[static("a"), static("b")]
    )
    assert table(world) == [("b", Fraction(49, 100)), ("a", Fraction(1, 100)), ("b", None), ("a", None)]


def test_an_unknown_choice_that_makes_no_difference_leaves_no_doubt() -> None:
    world = gateway(to("b", UNKNOWABLE), to("b"), clusters=[B])
    assert table(world) == [("b", None), ("b", None)]
    (branch,) = world.branches(CALL, by="cluster")
    assert branch.share == 1
    assert choice_product(branch) == 1


def test_a_pick_leaves_only_what_agrees_with_it() -> None:
    world = gateway(split(("a", 50), ("b", 50)), clusters=[A, B])
    assert table(world, evolve(CALL, choices={"0/cluster": "a"})) == [("a", Fraction(1, 2))]
    assert table(world, evolve(CALL, choices={"0/endpoint": "10.2.0.2:80"})) == [
        ("b", Fraction(1, 2)),
        ("a", Fraction(1, 4)),
    ], "b never asks for its endpoint, for it has only one"


def test_a_pick_that_only_some_branch_can_meet_takes_the_others_away() -> None:
    other = static("b", "10.2.0.3:80", "10.2.0.4:80")
    world = gateway(split(("a", 10), ("b", 90)), clusters=[A, other])
    assert table(world, evolve(CALL, choices={"0/endpoint": "10.2.0.2:80"})) == [("a", Fraction(1, 20))]
    with pytest.raises(InputError, match=r"10\.9\.9\.9"):
        world.branches(evolve(CALL, choices={"0/endpoint": "10.9.9.9:80"}))


def test_a_random_value_settles_fractions_and_weights_but_not_endpoints() -> None:
    world = gateway(split(("a", 50), ("b", 50), numerator=30), to("b"), clusters=[A, B])
    assert table(world, evolve(CALL, random_value=1029), by="endpoint") == [("a", Fraction(3, 20))] * 2
    assert table(world, evolve(CALL, random_value=1030)) == [("b", Fraction(7, 10))]


def test_picks_that_no_random_value_meets_are_refused() -> None:
    world = gateway(split(("a", 50), ("b", 50), numerator=30), to("b"), clusters=[A, B])
    impossible = evolve(CALL, choices={"0/fraction/#0": "match", "0/cluster": "b"})
    for ask in (world.trace, world.branches):
        with pytest.raises(InputError, match="can never happen"):
            ask(impossible)


def test_what_exceeds_the_limit_is_counted_with_its_share() -> None:
    world = gateway(split(("a", 50), ("b", 30), ("c", 15), ("d", 5)), clusters=[])
    found = world.branches(CALL, max_branches=2)
    assert [branch.share for branch in found] == [Fraction(1, 2), Fraction(3, 10)]
    assert found.remainder is not None
    assert (found.remainder.branches, found.remainder.complete) == (2, True)
    assert found.remainder.share == pytest.approx(0.2)
    assert world.branches(CALL).remainder is None


def test_courses_beyond_measure_are_not_walked_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshsim.branches.MOST_MOVES", 100)
    many = static("a", *(f"10.2.{index}.1:80" for index in range(50)))
    found = gateway(to("a"), clusters=[many]).branches(CALL)
    assert found.remainder is not None
    assert not found.remainder.complete
    assert [float(branch.share or 0) for branch in found] == [pytest.approx(1 - (found.remainder.share or 0))]


def test_a_circle_with_a_way_out_is_left_sooner_or_later() -> None:
    """Half of each round goes on to b; what still circles when the search ends is the remainder or a loop."""
    world = gateway(split(("b", 50), ("again", 50)), clusters=[B, static("again", f"{ADDRESS}:80")])
    found = world.branches(CALL)
    assert [branch.share for branch in found][:3] == [Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)]
    assert sum(branch.share or 0 for branch in found) == 1


def test_a_fault_is_a_branch() -> None:
    abort = {"http_status": 503, "percentage": {"numerator": 25}}
    fault = http_filter("fault", "fault.v3.HTTPFault", abort=abort)
    found = gateway(to("b"), clusters=[B], http_filters=[fault, ROUTER]).branches(CALL)
    assert [(branch.outcome.kind, branch.share) for branch in found] == [
        ("forwarded", Fraction(3, 4)),
        ("replied", Fraction(1, 4)),
    ]


def test_each_stream_has_a_random_value_of_its_own() -> None:
    """A gateway that calls itself: 50/50 on the first stream says nothing of the second."""
    outer, inner = split(("again", 50), ("b", 50)), split(("c", 50), ("d", 50))
    world = mesh([listener([outer]), listener([inner], port=81)], [static("again", f"{ADDRESS}:81"), B])
    found = world.branches(CALL)
    assert [(branch.hops[-1].cluster, branch.share) for branch in found] == [
        ("b", Fraction(1, 2)),
        ("c", Fraction(1, 4)),
        ("d", Fraction(1, 4)),
    ]


def test_strict_puts_every_branch_that_assumes_in_doubt() -> None:
    found = gateway(to("b"), clusters=[B], http_filters=[LUA, ROUTER]).branches(CALL, strict=True)
    assert [branch.outcome.kind for branch in found] == ["unknown", "replied"]


def test_an_unknown_granularity_is_refused() -> None:
    with pytest.raises(InputError, match="colour"):
        gateway(to("b"), clusters=[B]).branches(CALL, by="colour")


CLUSTERS = [
    static("a", "10.2.0.1:80", "10.2.0.2:80"),
    static("b", locality("10.2.0.3:80", "10.2.0.4:80"), locality("10.2.0.5:80", priority=1)),
    static(
        "c", locality("10.2.0.6:80", endpoint("10.2.0.7:80", health="UNHEALTHY")), locality("10.2.0.8:80", priority=1)
    ),
]
weights = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "gone"]), st.integers(0, 9)), min_size=1, max_size=3)
fractions = st.sampled_from([(None, "HUNDRED"), (7, "HUNDRED"), (5050, "TEN_THOUSAND"), (333_333, "MILLION")])


@st.composite
def routes(draw: st.DrawFn) -> dict[str, Any]:
    weighted, (numerator, denominator) = draw(weights), draw(fractions)
    if sum(weight for _, weight in weighted) == 0:
        return one_route(direct_response={"status": 503})
    return split(*weighted, numerator=numerator, denominator=denominator)


@given(st.lists(routes(), min_size=1, max_size=3), st.sampled_from([None, "subset", "endpoint", "cluster"]))
@settings(max_examples=60, deadline=None)
def test_shares_sum_to_one_and_each_branch_traced_again_is_itself(made: list[dict[str, Any]], by: str | None) -> None:
    world = gateway(*made, clusters=CLUSTERS)
    found = world.branches(CALL, by=by)
    assert sum(branch.share or 0 for branch in found) == 1
    assert [branch.share for branch in found] == sorted((branch.share or 0 for branch in found), reverse=True)
    for branch in found:
        again = world.trace(branch.call)
        told = document(branch.report())
        check_trace(told)
        course = document(again.report())
        same = ("call", "outcome", "assumptions", "hops", "netfilter")
        assert {name: told[name] for name in same} == {name: course[name] for name in same}
        assert choice_product(branch) == pytest.approx(branch.probability)
        if branch.merged.courses == 1:
            assert again.probability == branch.probability
            (only,) = world.branches(branch.call, by=by)
            assert only.share == branch.share


@given(st.lists(routes(), min_size=1, max_size=3), st.integers(0, 3_000_000))
@settings(max_examples=60, deadline=None)
def test_every_random_value_takes_one_of_the_branches(made: list[dict[str, Any]], value: int) -> None:
    world = gateway(*made, clusters=CLUSTERS)
    one = world.trace(evolve(CALL, random_value=value))
    picked = {choice.site: choice.picked for choice in one.report().choices}
    assert picked in [
        {choice.site: choice.picked for choice in branch.trace.report().choices}
        for branch in world.branches(CALL, by="endpoint")
    ]
