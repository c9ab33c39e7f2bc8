"""Filter chains: Envoy's nine levels, without going back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.envoy.chains import ChainTable, FilterChain
from meshsim.envoy.listeners import Listener
from meshsim.errors import Rejected
from meshsim.explanation import Candidate, Fate
from meshsim.facts.connection import Connection
from tests.builders_connection import chain, connection, one_listener, tcp_proxy, tls_socket


def never(_options: object) -> int:
    raise AssertionError("nothing is open here")


def picked(chains: list[dict[str, Any]], seen: Connection, **rest: Any) -> str | None:
    table = one_listener(*chains, **rest).chains
    found = table.pick(seen, never)
    winner, _ = table.explain(seen, never)
    assert winner is found
    return found.label if found is not None else None


def prefixes(*texts: str) -> list[dict[str, Any]]:
    return [{"address_prefix": text.partition("/")[0], "prefix_len": int(text.partition("/")[2])} for text in texts]


def seen(local: str = "10.1.0.1:80", remote: str = "10.9.9.9:40000", **rest: Any) -> Connection:
    return connection(local, remote, **{"transport": "raw_buffer", **rest})


def test_naming_a_port_takes_it_from_every_chain_without_one() -> None:
    chains = [
        chain("narrow", match={"destination_port": 80, "prefix_ranges": prefixes("10.1.0.0/16")}),
        chain("any"),
    ]
    assert picked(chains, seen("10.1.0.1:80")) == "narrow"
    assert picked(chains, seen("10.2.0.1:80")) is None
    assert picked(chains, seen("10.2.0.1:81")) == "any"


def test_the_longest_prefix_takes_the_level() -> None:
    chains = [
        chain("host", match={"prefix_ranges": prefixes("10.1.0.1/32"), "transport_protocol": "tls"}),
        chain("net", match={"prefix_ranges": prefixes("10.0.0.0/8")}),
    ]
    assert picked(chains, seen("10.1.0.1:80")) is None
    assert picked(chains, seen("10.1.0.1:80", transport="tls")) == "host"
    assert picked(chains, seen("10.1.0.2:80")) == "net"
    assert picked(chains, seen("11.1.0.2:80")) is None


def test_a_prefix_without_a_length_matches_everything_and_families_do_not_mix() -> None:
    bare = [chain("four", match={"prefix_ranges": [{"address_prefix": "10.0.0.1"}]})]
    assert picked(bare, seen("99.0.0.1:80")) == "four"
    assert picked(bare, seen("[fd00::1]:80", "[fd00::9]:1")) is None
    six = [chain("six", match={"prefix_ranges": prefixes("fd00::/16")}), chain("rest")]
    assert picked(six, seen("[fd00::1]:80", "[fd00::9]:1")) == "six"
    assert picked(six, seen("10.0.0.1:80")) == "rest"


@pytest.mark.parametrize(
    ("sni", "name"),
    [
        ("example.com", "rest"),
        ("a.example.com", "wild"),
        ("a.b.example.com", "wild"),
        ("a.deep.example.com", "deep"),
        ("exact.example.com", "exact"),
        ("other.org", "rest"),
        ("", "rest"),
    ],
)
def test_server_names(sni: str, name: str) -> None:
    chains = [
        chain("wild", match={"server_names": ["*.Example.com"]}),
        chain("deep", match={"server_names": [".deep.example.com"]}),
        chain("exact", match={"server_names": ["EXACT.example.com"]}),
        chain("rest"),
    ]
    assert picked(chains, seen(sni=sni)) == name


def test_an_exact_name_does_not_fall_back_to_its_wildcard() -> None:
    chains = [
        chain("exact", match={"server_names": ["a.example.com"], "transport_protocol": "raw_buffer"}),
        chain("wild", match={"server_names": ["*.example.com"]}),
    ]
    assert picked(chains, seen(sni="a.example.com", transport="tls")) is None


@pytest.mark.parametrize("name", ["*", "*foo.com", "www.*.com"])
def test_partial_wildcards_are_refused(name: str) -> None:
    with pytest.raises(Rejected):
        picked([chain("bad", match={"server_names": [name]})], seen())


def test_the_clients_order_decides_between_protocols() -> None:
    chains = [
        chain("pa", match={"application_protocols": ["pa"], "source_prefix_ranges": prefixes("1.0.0.0/8")}),
        chain("pb", match={"application_protocols": ["pb"]}),
        chain("rest"),
    ]
    assert picked(chains, seen(alpn=("pa", "pb"))) is None
    assert picked(chains, seen(alpn=("pb", "pa"))) == "pb"
    assert picked(chains, seen(alpn=("pc",))) == "rest"


@pytest.mark.parametrize(
    ("local", "remote", "name"),
    [
        ("127.0.0.1:80", "127.0.0.1:9", "local"),
        ("10.0.0.1:80", "127.0.0.1:9", "local"),
        ("127.0.0.1:80", "127.0.0.2:9", "external"),
        ("127.0.0.2:80", "127.0.0.2:9", "local"),
        ("10.0.0.1:80", "127.0.0.6:9", "external"),
        ("10.0.0.1:80", "10.0.0.1:9", "local"),
        ("[::1]:80", "[::1]:9", "local"),
        ("10.0.0.1:80", "10.0.0.2:9", "external"),
    ],
)
def test_source_type(local: str, remote: str, name: str) -> None:
    chains = [
        chain("local", match={"source_type": "SAME_IP_OR_LOOPBACK"}),
        chain("external", match={"source_type": "EXTERNAL"}),
    ]
    assert picked(chains, seen(local, remote)) == name


def test_a_local_client_is_not_given_to_any_once_a_local_chain_exists() -> None:
    local = {"source_type": 1, "source_prefix_ranges": prefixes("1.0.0.0/8")}
    assert picked([chain("local", match=local), chain("any")], seen("10.0.0.1:80", "10.0.0.1:9")) is None


def test_sources_the_direct_one_and_the_proxied_one() -> None:
    chains = [
        chain("direct", match={"direct_source_prefix_ranges": prefixes("5.5.5.5/32")}),
        chain("source", match={"source_prefix_ranges": prefixes("6.0.0.0/8"), "source_ports": [7, 8]}),
        chain("rest"),
    ]
    assert picked(chains, seen(remote="6.6.6.6:7", direct="5.5.5.5:1")) == "direct"
    assert picked(chains, seen(remote="6.6.6.6:7", direct="4.4.4.4:1")) == "source"
    assert picked(chains, seen(remote="6.6.6.6:9")) is None
    assert picked(chains, seen(remote="7.6.6.6:7")) == "rest"


def test_the_default_chain_takes_what_no_chain_matches_and_its_own_match_is_void() -> None:
    chains = [chain("tls", match={"transport_protocol": "tls"})]
    default = chain("fallback", match={"destination_port": 1})
    assert picked(chains, seen(), default_filter_chain=default) == "fallback"
    assert picked([], seen(), default_filter_chain=default) == "fallback"
    assert picked(chains, seen()) is None


def test_istio_inbound_chains_by_what_the_client_offers() -> None:
    chains = [
        chain(
            "mtls-http",
            match={"transport_protocol": "tls", "application_protocols": ["istio-http/1.1", "istio-h2"]},
        ),
        chain("plain-http", match={"transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]}),
        chain(
            "mtls-tcp", match={"transport_protocol": "tls", "application_protocols": ["istio-peer-exchange", "istio"]}
        ),
        chain("plain-tcp", match={"transport_protocol": "raw_buffer"}),
        chain("foreign-tls", match={"transport_protocol": "tls"}),
    ]
    assert picked(chains, seen(transport="tls", alpn=("istio-http/1.1", "istio", "http/1.1"))) == "mtls-http"
    assert picked(chains, seen(transport="tls", alpn=("istio-peer-exchange", "istio"))) == "mtls-tcp"
    assert picked(chains, seen(transport="tls", alpn=("h2",))) == "foreign-tls"
    assert picked(chains, seen(alpn=("http/1.1",))) == "plain-http"
    assert picked(chains, seen()) == "plain-tcp"


def ambiguous() -> Listener:
    return one_listener(chain("zero", match={"prefix_ranges": prefixes("0.0.0.0/0")}), chain("none"))


def test_an_explicit_catch_all_beside_none_is_open() -> None:
    table = ambiguous().chains
    for answer, name in ((0, "zero"), (1, "none")):
        found = table.pick(seen(), lambda _options, answer=answer: answer)  # type: ignore[misc]
        assert found is not None and found.label == name
    found = table.pick(seen("[fd00::1]:80", "[fd00::2]:1"), never)
    assert found is not None and found.label == "none"


def fates(table: ChainTable, at: Connection) -> dict[str, Candidate]:
    return {each.label: each for each in table.explain(at, never)[1]}


def test_the_losers_say_where_they_lost() -> None:
    table = one_listener(
        chain("narrow", match={"destination_port": 80, "prefix_ranges": prefixes("10.1.0.0/16")}), chain()
    ).chains
    made = fates(table, seen("10.2.0.1:80"))
    assert (made["narrow"].fate, made["narrow"].lost_at, made["narrow"].near_miss) == (
        Fate.FAILED,
        "prefix_ranges",
        True,
    )
    assert (made["filter_chains[1]"].fate, made["filter_chains[1]"].lost_at) == (Fate.OUTRANKED, "destination_port")
    check = made["narrow"].checks[1]
    assert (check.want, check.seen, check.ok) == ("10.1.0.0/16", "10.2.0.1", False)
    assert str(check.place) == "t.json#/filter_chains/0/filter_chain_match/prefix_ranges"


def test_an_unknown_match_field_is_named() -> None:
    table = one_listener(chain("x", match={"of_tomorrow": "10.0.0.1"})).chains
    assert [reason.fact("field") for reason in table.unmodelled] == ["of_tomorrow"]


def test_transport_sockets() -> None:
    chains: tuple[FilterChain, ...] = one_listener(
        chain("plain", match={"destination_port": 1}),
        chain("tls", match={"destination_port": 2}, transport_socket=tls_socket(require=True, ca=True, alpn=("h2",))),
        chain("old", match={"destination_port": 3}, tls_context={"require_client_certificate": True}),
        chain("strange", match={"destination_port": 4}, transport_socket={"name": "envoy.transport_sockets.alts"}),
        chain("raw", match={"destination_port": 5}, transport_socket={"name": "envoy.transport_sockets.raw_buffer"}),
    ).chains.chains
    plain, tls, old, strange, raw = chains
    assert (plain.tls, plain.unmodelled_transport, raw.tls, raw.unmodelled_transport) == (None,) * 4
    assert tls.tls is not None and (tls.tls.require_client_certificate, tls.tls.alpn_protocols) == (True, ("h2",))
    assert tls.tls.verifies_clients
    assert old.tls is not None and old.tls.require_client_certificate and not old.tls.verifies_clients
    assert strange.tls is None and strange.unmodelled_transport is not None


ports = st.sampled_from([0, 80, 443])
ranges = st.lists(
    st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.1/32", "::/0"]), max_size=2, unique=True
)
matches = st.fixed_dictionaries(
    {},
    optional={
        "destination_port": st.sampled_from([80, 443]),
        "prefix_ranges": ranges.map(lambda texts: prefixes(*texts)),
        "server_names": st.lists(st.sampled_from(["a.b.c", "*.b.c", "*.c"]), max_size=2, unique=True),
        "transport_protocol": st.sampled_from(["tls", "raw_buffer"]),
        "application_protocols": st.lists(st.sampled_from(["h2", "istio"]), max_size=2, unique=True),
        "source_type": st.sampled_from(["ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL"]),
        "source_prefix_ranges": ranges.map(lambda texts: prefixes(*texts)),
        "source_ports": st.lists(st.sampled_from([1, 2]), max_size=2, unique=True),
    },
)
connections = st.builds(
    lambda local, port, remote, source, transport, sni, alpn: seen(
        f"{local}:{port}", f"{remote}:{source}", transport=transport, sni=sni, alpn=tuple(alpn)
    ),
    st.sampled_from(["10.1.0.1", "10.2.0.1", "11.0.0.1"]),
    st.sampled_from([80, 443, 9]),
    st.sampled_from(["10.1.0.1", "127.0.0.1", "12.0.0.1"]),
    st.sampled_from([1, 3]),
    st.sampled_from(["tls", "raw_buffer"]),
    st.sampled_from(["", "a.b.c", "x.b.c", "z"]),
    st.lists(st.sampled_from(["h2", "istio", "x"]), max_size=2, unique=True),
)


@settings(max_examples=150)
@given(st.lists(matches, max_size=4), connections, st.integers(0, 3), st.booleans())
def test_what_is_explained_is_what_is_picked(
    made: list[dict[str, Any]], at: Connection, answer: int, with_default: bool
) -> None:
    rest: dict[str, Any] = {"default_filter_chain": chain("default")} if with_default else {}
    try:
        table = one_listener(
            *(chain(f"c{index}", tcp_proxy(), match=match) for index, match in enumerate(made)), **rest
        ).chains
    except Rejected:
        return
    found = table.pick(at, lambda options: answer % len(options))
    winner, candidates = table.explain(at, found)
    assert winner is found
    assert [each.label for each in candidates if each.fate is Fate.CHOSEN] == ([found.label] if found else [])


@pytest.mark.parametrize(
    "match",
    [
        {"address_suffix": "1.1.1.1"},
        {"suffix_len": 3},
        {"destination_port": 0},
        {"destination_port": 70000},
        {"source_ports": [0]},
        {"source_ports": [70000]},
        {"prefix_ranges": [{"address_prefix": "1.1.1.1", "prefix_len": 200}]},
    ],
)
def test_matches_that_envoy_refuses(match: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        assert one_listener(chain("c", match=match)).chains


def test_a_listener_without_any_chain_is_refused() -> None:
    with pytest.raises(Rejected, match="no filter chains specified"):
        assert one_listener().chains


@pytest.mark.parametrize("names", [("a", "a"), ("a", "")])
def test_a_matcher_needs_every_chain_to_have_a_name_of_its_own(names: tuple[str, ...]) -> None:
    with pytest.raises(Rejected):
        assert one_listener(*map(chain, names), filter_chain_matcher={}).chains
