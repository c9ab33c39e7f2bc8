"""Checks of listeners, filter chains and what comes to them: a dump in, findings out; near misses stay silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.address import parse_ip
from meshsim.config.view import View
from meshsim.envoy.chains import compile_chain_table
from meshsim.errors import Rejected
from meshsim.facts.connection import Connection
from meshsim.lint.configuration.chain_keys import Reach, lost_at
from meshsim.place import Place
from tests.lint.dumps import (
    chain,
    cluster,
    codes,
    dump,
    facts,
    found,
    hcm,
    host,
    inspector,
    listener,
    route,
    table,
    tcp,
    tls,
)

BOTH = [inspector("tls_inspector"), inspector("http_inspector")]


def _chains(tmp_path: Path, *matches: Any, code: str = "MS108", **more: Any) -> list[str]:
    made = [chain(name=f"c{index}", match=match) for index, match in enumerate(matches)]
    document = dump(listeners=[listener("l", *made, **{"listener_filters": BOTH, **more})], clusters=[cluster()])
    assert found(tmp_path, document, "MS100") == []
    return [f"{finding.resource} {facts(finding)['field']}" for finding in found(tmp_path, document, code)]


HALVES = [{"prefix_ranges": [{"address_prefix": each, "prefix_len": 9}]} for each in ("10.0.0.0", "10.128.0.0")]
TEN = {"prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}


@pytest.mark.parametrize(
    ("matches", "lost"),
    [
        ([{}, {"transport_protocol": "tls"}], []),
        ([{}, {"transport_protocol": "tls"}, {"transport_protocol": "raw_buffer"}], ["l/c0 transport_protocol"]),
        ([{}, {"source_type": "EXTERNAL"}], []),
        ([{}, {"source_type": "EXTERNAL"}, {"source_type": "SAME_IP_OR_LOOPBACK"}], ["l/c0 source_type"]),
        ([TEN, *HALVES], ["l/c0 prefix_ranges"]),
        ([TEN, HALVES[0]], []),
        ([TEN, *({**half, "server_names": ["a"]} for half in HALVES)], ["l/c0 prefix_ranges"]),
        ([{"server_names": ["a"], "transport_protocol": "raw_buffer"}], ["l/c0 transport_protocol"]),
        ([{"server_names": ["a"]}, {"server_names": ["*.a"]}, {}], []),
        ([{"destination_port": 81}], ["l/c0 destination_port"]),
        ([{"destination_port": 80}], []),
        (
            [
                {"server_names": ["a", "b"]},
                {"server_names": ["b"], "transport_protocol": "tls"},
                {"server_names": ["b"], "transport_protocol": "raw_buffer"},
            ],
            ["l/c2 transport_protocol"],
        ),
    ],
)
def test_chains_that_get_no_connection(tmp_path: Path, matches: list[Any], lost: list[str]) -> None:
    assert _chains(tmp_path, *matches) == lost


@pytest.mark.parametrize(
    ("match", "filters", "lost"),
    [
        ({"server_names": ["a"]}, [], ["l/c0 server_names"]),
        ({"transport_protocol": "tls"}, [inspector("http_inspector")], ["l/c0 transport_protocol"]),
        ({"application_protocols": ["h2"]}, [], ["l/c0 application_protocols"]),
        ({"application_protocols": ["h2"]}, [inspector("http_inspector")], []),
        ({"server_names": ["a"]}, [inspector("tls_inspector")], []),
        ({"server_names": ["a"]}, [{"name": "own", "typed_config": {"@type": "type.googleapis.com/own.Filter"}}], []),
        ({"destination_port": 81}, [inspector("original_dst")], []),
        ({"destination_port": 81}, [inspector("proxy_protocol")], []),
    ],
)
def test_what_a_listener_never_learns(tmp_path: Path, match: Any, filters: list[Any], lost: list[str]) -> None:
    assert _chains(tmp_path, match, listener_filters=filters) == lost


def test_what_was_learned_is_handed_on(tmp_path: Path) -> None:
    taker = listener("t", chain(), port=15001, use_original_dst=True, listener_filters=[inspector("tls_inspector")])
    for filters, expected in (([inspector("tls_inspector")], []), ([], [("MS108", "l/c")])):
        handed = listener("l", chain(name="c", match={"server_names": ["a"]}), bind_to_port=False)
        document = dump(listeners=[{**taker, "listener_filters": filters}, handed], clusters=[cluster()])
        assert codes(found(tmp_path, document, "MS108")) == expected


def test_a_default_chain_behind_a_chain_that_takes_all(tmp_path: Path) -> None:
    default = chain(name="default")
    assert _chains(tmp_path, {}, default_filter_chain=default) == ["l/default default_filter_chain"]
    assert _chains(tmp_path, {"server_names": ["a"]}, default_filter_chain=default) == []


def test_chains_that_a_matcher_does_not_name(tmp_path: Path) -> None:
    text = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "gone"}
    source = {"@type": "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.DestinationPortInput"}
    tree = {
        "matcher_tree": {
            "input": {"name": "port", "typed_config": source},
            "exact_match_map": {"map": {"80": {"action": {"name": "gone", "typed_config": text}}}},
        },
        "on_no_match": {"action": {"name": "c", "typed_config": {**text, "value": "c0"}}},
    }
    made = listener("l", chain(name="c0"), chain(name="c1"), filter_chain_matcher=tree)
    findings = found(tmp_path, dump(listeners=[made], clusters=[cluster()]), "MS108", "MS110")
    assert [(each.code, each.resource) for each in findings] == [("MS110", "l"), ("MS108", "l/c1")]
    assert facts(findings[0]) == {"chain": "gone"}


def test_chains_of_equal_rank(tmp_path: Path) -> None:
    anywhere = {"prefix_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 0}]}
    document = dump(listeners=[listener("l", chain(name="a", match=anywhere), chain(name="b"))], clusters=[cluster()])
    (finding,) = found(tmp_path, document, "MS109")
    assert sorted(facts(finding)["chains"]) == ["a", "b"]
    assert _chains(tmp_path, anywhere, {"server_names": ["a"], **anywhere}, code="MS109") == []


PREFIXES = ["0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.1.1/32"]


def _range(text: str) -> list[dict[str, Any]]:
    address, _, length = text.partition("/")
    return [{"address_prefix": address, "prefix_len": int(length)}]


MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "destination_port": st.sampled_from([80, 81]),
        "prefix_ranges": st.sampled_from(PREFIXES).map(_range),
        "server_names": st.lists(st.sampled_from(["a", "b.a", "*.a"]), min_size=1, max_size=2, unique=True),
        "transport_protocol": st.sampled_from(["tls", "raw_buffer"]),
        "application_protocols": st.sampled_from([["h2"], ["http/1.1"]]),
        "source_type": st.sampled_from(["EXTERNAL", "SAME_IP_OR_LOOPBACK"]),
        "source_prefix_ranges": st.sampled_from(PREFIXES).map(_range),
    },
)


@st.composite
def connections(draw: Any) -> Connection:
    encrypted = draw(st.booleans())
    remote = parse_ip(draw(st.sampled_from(["10.1.1.1", "10.200.0.1", "127.0.0.1", "192.0.2.1"])))
    return Connection(
        local=parse_ip(draw(st.sampled_from(["10.1.1.1", "10.200.0.1", "192.0.2.1"]))),
        local_port=80,
        remote=remote,
        remote_port=40000,
        direct_remote=remote,
        direct_remote_port=40000,
        transport="tls" if encrypted else "raw_buffer",
        sni=draw(st.sampled_from(["", "a", "b.a", "c.a"])) if encrypted else "",
        alpn=draw(st.sampled_from([(), ("h2",), ("http/1.1", "h2")])),
    )


@settings(max_examples=100)
@given(st.lists(MATCHES, min_size=1, max_size=6), st.lists(connections(), min_size=20, max_size=60))
def test_no_connection_is_given_a_chain_that_is_called_unreachable(matches: Any, calls: list[Connection]) -> None:
    made = listener("l", *(chain(name=f"c{index}", match=match) for index, match in enumerate(matches)))
    try:
        chains = compile_chain_table(View(made, Place("l")))
    except Rejected:
        return
    reach = Reach(frozenset({80}), sees_tls=True, sees_alpn=True)
    reached = {row.name for row, steps in chains.sieve.courses() if lost_at(steps, reach) is None}
    for call in calls:
        picked = chains.pick(call, lambda _outcomes: 0)
        assert picked is None or picked.name in reached


def test_listeners_that_nobody_hands_to(tmp_path: Path) -> None:
    lonely = listener("l", chain(), bind_to_port=False)
    bound = listener("b", chain(), port=15001)
    document = dump(listeners=[lonely, bound], clusters=[cluster()])
    assert codes(found(tmp_path, document, "MS111")) == [("MS111", "l")]
    handing = dump(listeners=[lonely, {**bound, "use_original_dst": True}], clusters=[cluster()])
    assert found(tmp_path, handing, "MS111") == []
    assert found(tmp_path, dump(listeners=[lonely, bound], leave_out=["Bootstrap"]), "MS111") == []


def _site(name: str, *domains: str, secret: str = "shared", alpn: bool = True) -> dict[str, Any]:
    socket = tls(secret)
    if not alpn:
        socket["typed_config"]["common_tls_context"]["alpn_protocols"] = ["http/1.1"]
    routes = table(f"https.{name}", host(name, route(), domains=domains or (name,)))
    return chain(hcm(route_config=routes), name=name, match={"server_names": [name]}, transport_socket=socket)


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ([_site("a.x"), _site("b.x")], [("a.x", "b.x"), ("b.x", "a.x")]),
        ([_site("*.x"), _site("b.x")], [("any.x", "b.x")]),
        ([_site("a.x", "*"), _site("b.x", "*")], []),
        ([_site("a.x"), _site("b.x", secret="own")], []),
        ([_site("a.x", alpn=False), _site("b.x")], []),
        ([_site("a.x")], []),
    ],
)
def test_hosts_that_share_a_certificate(tmp_path: Path, sites: list[Any], expected: Any) -> None:
    document = dump(listeners=[listener("l", *sites, listener_filters=BOTH)], clusters=[cluster()])
    findings = found(tmp_path, document, "MS115")
    assert [(facts(each)["host"], facts(each)["other"]) for each in findings] == expected
    assert all(facts(each)["certificate"] == "shared" for each in findings)


@pytest.mark.parametrize(
    ("port", "filters", "chains", "told"),
    [
        (3306, BOTH, [chain()], ["tls_inspector", "http_inspector"]),
        (3306, [], [chain()], None),
        (3307, BOTH, [chain()], None),
        (3306, BOTH, [chain(hcm(route_config=table("r", host("v", route()))))], None),
        (
            3306,
            [inspector("tls_inspector", filter_disabled={"destination_port_range": {"start": 3306, "end": 3307}})],
            [chain()],
            None,
        ),
        (25, [inspector("tls_inspector")], [chain(match={"transport_protocol": "tls"}), chain()], ["tls_inspector"]),
    ],
)
def test_servers_that_speak_first(tmp_path: Path, port: int, filters: Any, chains: Any, told: Any) -> None:
    document = dump(listeners=[listener("l", *chains, port=port, listener_filters=filters)], clusters=[cluster()])
    assert [facts(each)["inspectors"] for each in found(tmp_path, document, "MS118")] == (
        [] if told is None else [told]
    )


OUTBOUND = {"bind_to_port": False, "traffic_direction": "OUTBOUND"}
TAKER = listener("virtualOutbound", chain(), address="0.0.0.0", port=15001, use_original_dst=True)
RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A OUTPUT -p tcp -m owner --uid-owner 1337 -j RETURN
-A OUTPUT -p tcp -m tcp --dport 3306 -j RETURN
-A OUTPUT -d 10.99.0.0/16 -p tcp -j RETURN
-A OUTPUT -p tcp -j REDIRECT --to-ports 15001
COMMIT
"""


@pytest.mark.parametrize(
    ("address", "port", "told"),
    [
        ("0.0.0.0", 80, False),
        ("0.0.0.0", 3306, True),
        ("10.9.0.9", 3306, True),
        ("10.99.0.9", 80, True),
        ("10.9.0.9", 80, False),
    ],
)
def test_ports_and_addresses_that_rules_leave_alone(tmp_path: Path, address: str, port: int, told: bool) -> None:
    rules = tmp_path / "rules.v4"
    rules.write_text(RULES)
    made = listener("l", chain(), address=address, port=port, **OUTBOUND)
    document = dump(listeners=[TAKER, made], clusters=[cluster()])
    findings = found(tmp_path, document, "MS116", more=[rules])
    assert codes(findings) == ([("MS116", "l")] if told else [])
    assert found(tmp_path, document, "MS116") == []


def _pods(tmp_path: Path, chains: list[Any], **upstream: Any) -> list[Any]:
    """A client's dump in the place of the first; a server's beside it."""
    server = tmp_path / "server.json"
    inbound = listener("virtualInbound", *chains, address="0.0.0.0", port=15006, listener_filters=[BOTH[0]])
    inbound["listener_filters"].insert(0, inspector("original_dst"))
    node = "sidecar~10.9.0.3~server.default~default.svc.cluster.local"
    server.write_text(json.dumps(dump(listeners=[inbound], clusters=[cluster("a", "127.0.0.1")], node=node)))
    client = dump(clusters=[cluster("to-server", "10.9.0.3", **upstream)])
    return found(tmp_path, client, "MS117", more=[server])


PLAIN = chain(tcp(), name="plain", match={"transport_protocol": "raw_buffer"})
SECURE = chain(tcp(), name="secure", match={"transport_protocol": "tls"}, transport_socket=tls("default"))
UNASKED = chain(tcp(), name="secure", transport_socket=tls("default"))


@pytest.mark.parametrize(
    ("chains", "told"),
    [([SECURE], True), ([UNASKED], True), ([SECURE, PLAIN], False), ([PLAIN], False)],
)
def test_plaintext_into_a_pod_that_takes_tls_alone(tmp_path: Path, chains: list[Any], told: bool) -> None:
    findings = _pods(tmp_path, chains)
    assert codes(findings) == ([("MS117", "to-server")] if told else [])
    assert all(facts(each) == {"server": "server.default", "chain": "secure"} for each in findings)
    upstream = {
        "name": "tls",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"},
    }
    assert _pods(tmp_path, chains, transport_socket=upstream) == []
