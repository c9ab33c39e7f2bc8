"""Virtual host selection: order, near misses, and picking equals explaining."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.errors import Rejected
from meshsim.explanation import Fate
from tests.builders_http import one_route, request, route_table, virtual_host

TABLE = route_table(
    virtual_host(one_route(), name="exact", domains=["a.com", "[::1]:80"]),
    virtual_host(one_route(), name="suffix", domains=["*.com"]),
    virtual_host(one_route(), name="longer", domains=["*.b.com"]),
    virtual_host(one_route(), name="prefix", domains=["foo.*"]),
    virtual_host(one_route(), name="port", domains=["d.com:8080"]),
    virtual_host(one_route(), name="any", domains=["*"]),
)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.com", "exact"),
        ("A.COM", "exact"),
        ("a.com:80", "any"),  # the port is part of the host
        ("[::1]:80", "exact"),
        ("x.com", "suffix"),
        ("x.b.com", "longer"),
        (".b.com", "suffix"),  # a wildcard stands for one character at least
        ("foo.com", "suffix"),  # any suffix beats any prefix
        ("foo.org", "prefix"),
        ("foo.", "any"),
        ("d.com:8080", "port"),
        ("d.com:80", "any"),
        ("", "any"),
    ],
)
def test_which_host_answers(host: str, name: str) -> None:
    found = TABLE.pick(request(host=host))
    assert found is not None and found.name == name


def test_ignoring_the_port_makes_domains_with_one_dead() -> None:
    table = route_table(
        virtual_host(one_route(), name="a", domains=["a.com"]),
        virtual_host(one_route(), name="b", domains=["b.com:80"]),
        ignore_port_in_host_matching=True,
    )
    found = table.pick(request(host="a.com:zz"))
    assert found is not None and found.name == "a"
    assert table.pick(request(host="b.com:80")) is None


def test_without_other_domains_any_answers_even_a_missing_host_header() -> None:
    table = route_table(virtual_host(one_route(), name="any"), vhost_header="x-host")
    found = table.pick(request())
    assert found is not None and found.name == "any"
    named = route_table(
        virtual_host(one_route(), name="any"), virtual_host(name="a", domains=["a"]), vhost_header="x-host"
    )
    assert named.pick(request()) is None
    assert named.pick(request(headers={"x-host": ("A",)})).name == "a"  # type: ignore[union-attr]


def test_a_domain_may_stand_once() -> None:
    with pytest.raises(Rejected, match=r"A\.com"):
        route_table(virtual_host(name="x", domains=["a.com"]), virtual_host(name="y", domains=["A.com"]))


def test_the_right_host_with_another_port_is_a_near_miss_and_comes_first() -> None:
    winner, candidates = TABLE.explain(request(host="d.com:80"))
    assert winner is not None and winner.name == "any"
    by_name = {candidate.label: candidate for candidate in candidates}
    assert by_name["port"].near_miss
    assert by_name["port"].lost_at == "port"
    assert not by_name["exact"].near_miss
    assert by_name["any"].fate is Fate.CHOSEN
    lost = [candidate.label for candidate in candidates if candidate.fate is Fate.FAILED]
    assert lost[0] == "port"


def test_what_a_stronger_domain_took() -> None:
    _, candidates = TABLE.explain(request(host="x.b.com"))
    fates = {candidate.label: candidate.fate for candidate in candidates}
    assert fates["suffix"] is Fate.OUTRANKED
    assert fates["any"] is Fate.OUTRANKED
    assert fates["longer"] is Fate.CHOSEN


LABELS = st.sampled_from(["a", "b", "ab", "com", "x"])
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
PORTS = st.sampled_from(["", ":80", ":81", ":"])
DOMAINS = st.one_of(
    st.just("*"),
    st.builds(str.__add__, HOSTS, PORTS),
    HOSTS.map("*.".__add__),
    HOSTS.map("*".__add__),
    HOSTS.map(lambda host: host + "*"),
    HOSTS.map(lambda host: host + ".*"),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(DOMAINS, min_size=1, max_size=10, unique_by=str.lower),
    st.booleans(),
    st.builds(str.__add__, HOSTS, PORTS),
)
def test_picking_is_explaining(domains: list[str], ignore_port: bool, host: str) -> None:
    hosts = [virtual_host(name=f"v{index % 4}-{index}", domains=[domain]) for index, domain in enumerate(domains)]
    table = route_table(*hosts, ignore_port_in_host_matching=ignore_port)
    sent = request(host=host)
    winner, candidates = table.explain(sent)
    assert table.pick(sent) is winner
    assert sum(candidate.fate is Fate.CHOSEN for candidate in candidates) == (winner is not None)
    assert len(candidates) == len(domains)
