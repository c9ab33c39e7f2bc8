"""The unified matcher: each row was observed on a real Envoy 1.40 as a filter_chain_matcher."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.envoy.match_tree import CompiledMatcher, Vocabulary, compile_matcher
from meshsim.envoy.network_inputs import NETWORK_INPUTS
from meshsim.errors import Rejected
from meshsim.explanation import Fate
from meshsim.facts.connection import Connection
from meshsim.match.tree import Missing, as_decided
from tests.builders_connection import connection, view
from tests.builders_matchers import (
    Matcher,
    by_domain,
    combined,
    ip_range,
    leads_to,
    listed,
    mapped,
    negated,
    nested,
    network_input,
    ranged,
    single,
    single_custom,
    tls_input,
)

SOURCE = network_input("SourceIPInput")
NAME = network_input("ServerNameInput")
PROTOCOLS = network_input("ApplicationProtocolInput")
URI_SAN = tls_input("UriSanInput")
A, B, C, D = map(leads_to, "ABCD")
NOTHING = nested(listed((single(SOURCE, exact="9.9.9.9"), leads_to("lost"))))
HERE, NOT_HERE = single(SOURCE, exact="127.0.0.1"), single(SOURCE, exact="1")
NOT_YET = single(URI_SAN, exact="x")


def compiled(matcher: Matcher) -> CompiledMatcher[Connection, str]:
    def chain_name(typed: Any) -> tuple[str, str]:
        return typed.view.text("value"), typed.view.text("value")

    return compile_matcher(view(matcher), Vocabulary("filter_chain", NETWORK_INPUTS, chain_name))


def no(_row: object) -> bool:
    return False


CASES: dict[str, tuple[Matcher, str | None]] = {
    "a nested tree without a match does not end the list": (listed((HERE, NOTHING), (HERE, B), otherwise=C), "B"),
    "nor does it hide on_no_match": (mapped("exact", SOURCE, {"127.0.0.1": NOTHING}, C), "C"),
    "nor a shorter prefix": (mapped("prefix", SOURCE, {"127.0.0": NOTHING, "127": B}, C), "B"),
    "the longest prefix": (mapped("prefix", SOURCE, {"127": A, "127.0": B}, C), "B"),
    "an empty prefix takes every value": (mapped("prefix", SOURCE, {"": A}, C), "A"),
    "but not an absent one": (mapped("prefix", NAME, {"": A}, C), "C"),
    "the longest range": (ranged(SOURCE, ip_range(A, "127.0.0.0/8"), ip_range(B, "127.0.0.0/24"), otherwise=C), "B"),
    "a range whose tree matches nothing": (
        ranged(SOURCE, ip_range(A, "127.0.0.0/8"), ip_range(NOTHING, "127.0.0.0/24"), otherwise=C),
        "A",
    ),
    "an exclusive range is no second choice": (
        ranged(SOURCE, ip_range(A, "127.0.0.0/8", exclusive=True), ip_range(NOTHING, "127.0.0.0/24"), otherwise=C),
        "C",
    ),
    "an exclusive range may be followed by others": (
        ranged(SOURCE, ip_range(A, "127.0.0.0/8"), ip_range(NOTHING, "127.0.0.0/24", exclusive=True), otherwise=C),
        "A",
    ),
    "of equal ranges the first": (
        ranged(SOURCE, ip_range(A, "127.0.0.0/24"), ip_range(B, "127.0.0.0/24"), otherwise=C),
        "A",
    ),
    "no prefix_len is 0": (ranged(SOURCE, ip_range(A, "10.0.0.1"), otherwise=C), "A"),
    "a prefix_len too long is clamped": (ranged(SOURCE, ip_range(A, "127.0.0.1/99"), otherwise=C), "A"),
    "a port is no address": (ranged(network_input("SourcePortInput"), ip_range(A, "0.0.0.0/0"), otherwise=C), "C"),
    "on_no_match alone": ({"on_no_match": C}, "C"),
    "nothing at all": ({}, None),
    "an absent value is no empty text": (listed((single(NAME, exact=""), A), otherwise=C), "C"),
    "an absent value is not anything": (listed((negated(single(NAME, exact="x")), A), otherwise=C), "A"),
    "the source is local": (mapped("exact", network_input("SourceTypeInput"), {"local": A}, C), "A"),
    "or": (listed((combined("or", NOT_HERE, HERE), A), otherwise=C), "A"),
    "and": (listed((combined("and", NOT_HERE, HERE), A), otherwise=C), "C"),
    "what Envoy cannot tell yet ends the search": (listed((NOT_YET, B), (HERE, A), otherwise=C), None),
    "also negated": (listed((negated(NOT_YET), B), otherwise=C), None),
    "one part of or is enough": (listed((combined("or", NOT_YET, HERE), A), otherwise=C), "A"),
    "and stops at the first part that fails": (listed((combined("and", NOT_HERE, NOT_YET), A), otherwise=C), "C"),
    "and at the first it cannot tell": (listed((combined("and", NOT_YET, NOT_HERE), A), otherwise=C), None),
    "a range as a custom matcher": (
        listed((single_custom(SOURCE, "ip.v3.Ip", cidr_ranges=[{"address_prefix": "127.0.0.9"}]), A), otherwise=C),
        "A",
    ),
    "a fraction of nothing": (
        listed((single_custom(SOURCE, "runtime_fraction.v3.RuntimeFraction", runtime_fraction={}), A), otherwise=C),
        "C",
    ),
    "a threshold of zero": (
        listed((single_custom(SOURCE, "consistent_hashing.v3.ConsistentHashing", modulo=10), A), otherwise=C),
        "A",
    ),
    "a hash of an absent value": (
        listed((single_custom(NAME, "consistent_hashing.v3.ConsistentHashing", modulo=10), A), otherwise=C),
        "C",
    ),
    "kept and passed over": (listed((HERE, leads_to("A", keep_matching=True)), (HERE, B)), "B"),
}


@pytest.mark.parametrize("matcher, wanted", CASES.values(), ids=CASES)
def test_what_envoy_does(matcher: Matcher, wanted: str | None) -> None:
    tree = compiled(matcher).tree
    seen = connection("127.0.0.1:80", "127.0.0.1:40000")
    assert tree.pick(seen, no) == wanted
    winner, candidates = tree.explain(seen, no)
    chosen = [each.label for each in candidates if each.fate is Fate.CHOSEN]
    assert (winner, chosen) == (wanted, [] if wanted is None else [wanted])


def named(sni: str = "", alpn: tuple[str, ...] = ()) -> Connection:
    return connection("127.0.0.1:80", "127.0.0.1:40000", sni=sni, alpn=alpn)


@pytest.mark.parametrize(
    "domains, sni, wanted",
    [
        ([(["A.b"], A), (["*.b"], B)], "a.b", "B"),
        ([(["*.b"], B), (["*"], D)], "x.a.b", "B"),
        ([(["*.a.b"], NOTHING), (["*.b"], B), (["*"], D)], "x.a.b", "B"),
        ([(["*"], D)], "", "C"),
    ],
)
def test_domains(domains: list[tuple[list[str], Matcher]], sni: str, wanted: str) -> None:
    assert compiled(by_domain(NAME, *domains, otherwise=C)).tree.pick(named(sni), no) == wanted


@pytest.mark.parametrize("alpn, text", [(("h2", "http/1.1"), "'h2','http/1.1'"), (("h2",), "'h2'")])
def test_application_protocols_are_one_quoted_text(alpn: tuple[str, ...], text: str) -> None:
    tree = compiled(mapped("exact", PROTOCOLS, {text: A, "h2": B}, C)).tree
    assert tree.pick(named(alpn=alpn), no) == "A"
    assert tree.pick(named(), no) == "C"


REFUSED: dict[str, Matcher] = {
    "empty list": {"matcher_list": {"matchers": []}},
    "no on_match": {"matcher_list": {"matchers": [{"predicate": HERE}]}},
    "empty on_match": listed((HERE, {})),
    "no predicate": {"matcher_list": {"matchers": [{"on_match": A}]}},
    "empty predicate": listed(({}, A)),
    "one alternative": listed((combined("or", HERE), A)),
    "no input": {"matcher_tree": {"exact_match_map": {"map": {"1": A}}}},
    "empty map": mapped("exact", SOURCE, {}),
    "no tree type": {"matcher_tree": {"input": SOURCE}},
    "bad range": ranged(SOURCE, ip_range(A, "x/8")),
    "on_no_match without an action": {"on_no_match": {}},
    "prefix_len above 128": ranged(SOURCE, ip_range(A, "127.0.0.1/200")),
    "no ranges": ranged(SOURCE, ip_range(A)),
    "domain twice": by_domain(NAME, (["a", "a"], A)),
    "partial wildcard": by_domain(NAME, (["*a"], A)),
    "wildcard inside": by_domain(NAME, (["a.*.b"], A)),
    "empty domain": by_domain(NAME, ([""], A)),
    "no domains": by_domain(NAME, ([], A)),
    "empty value_match": listed((single(SOURCE), A)),
    "neither value nor custom": listed(({"single_predicate": {"input": SOURCE}}, A)),
    "threshold above modulo": listed(
        (single_custom(SOURCE, "consistent_hashing.v3.ConsistentHashing", threshold=11, modulo=10), A)
    ),
    "no cidr_ranges": listed((single_custom(SOURCE, "ip.v3.Ip"), A)),
    "two kinds": {**listed((HERE, A)), **mapped("exact", SOURCE, {"1": A})},
}


@pytest.mark.parametrize("matcher", REFUSED.values(), ids=REFUSED)
def test_what_envoy_refuses(matcher: Matcher) -> None:
    with pytest.raises(Rejected):
        compiled(matcher)


def test_an_input_nobody_knows_is_reported_and_asked_for() -> None:
    matcher = compiled(mapped("exact", network_input("FilterStateInput", key="k"), {"x": A, "y": B}, C))
    assert [reason.code for reason in matcher.unmodelled] == ["matcher.not-modelled"]
    assert matcher.tree.pick(named(), no) == "C"
    assert matcher.tree.pick(named(), lambda row: row.label == "B") == "B"


ways = st.deferred(lambda: st.sampled_from([A, B, C, leads_to("D", keep_matching=True)]) | st.builds(nested, matchers))
predicates = st.recursive(
    st.sampled_from(
        [HERE, NOT_HERE, NOT_YET, single(NAME, prefix="a"), single(network_input("FilterStateInput"), exact="")]
    ),
    lambda inner: st.builds(negated, inner) | st.builds(combined, st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=3,
)
cidrs = st.sampled_from(["127.0.0.0/8", "127.0.0.1/32", "10.0.0.0/8"])
matchers = st.deferred(
    lambda: (
        st.builds(
            lambda rows, no_match: listed(*rows, otherwise=no_match),
            st.lists(st.tuples(predicates, ways), min_size=1, max_size=3),
            st.none() | ways,
        )
        | st.builds(
            lambda rows, no_match: ranged(SOURCE, *rows, otherwise=no_match),
            st.lists(st.builds(ip_range, ways, cidrs, exclusive=st.booleans()), min_size=1, max_size=3),
            st.none() | ways,
        )
        | st.builds(
            lambda rows, no_match: mapped("prefix", NAME, rows, no_match),
            st.dictionaries(st.sampled_from(["", "a", "ab"]), ways, min_size=1),
            st.none() | ways,
        )
    )
)


@settings(max_examples=100, deadline=None)
@given(matchers, st.sampled_from(["", "a", "abc"]), st.sets(st.sampled_from("ABCD")))
def test_an_explanation_tells_what_was_decided(matcher: Matcher, sni: str, held: set[str]) -> None:
    tree, seen = compiled(matcher).tree, named(sni)
    picked = tree.pick(seen, lambda row: row.label in held)
    winner, candidates = tree.explain(seen, as_decided(seen, lambda found: found == picked))
    assert winner == picked
    assert len(candidates) == len(tree.actions)
    assert sum(each.fate is Fate.CHOSEN for each in candidates) == (picked is not None)


def test_not_yet_is_told_apart_from_no_match() -> None:
    assert compiled(listed((NOT_YET, A))).tree.resolve(named(), no) is Missing.NOT_YET
    assert compiled(listed((NOT_HERE, A))).tree.resolve(named(), no) is None
