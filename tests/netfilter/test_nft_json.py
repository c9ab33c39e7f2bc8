"""`nft -j list ruleset`: read, named as nft names things, and walked as its twin of iptables is."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import meshsim
from meshsim.address import parse_ip
from meshsim.errors import InputError, Unsupported
from meshsim.istio.interception import Interception
from meshsim.istio.iptables import DEFAULT_ARGUMENTS, default_sidecar_rules
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import PodFacts, read_settings
from meshsim.netfilter.netns import Netns, SocketTable, read_routes, read_routing_rules
from meshsim.netfilter.nft_json import parse_nft_json
from meshsim.netfilter.walk import walk
from tests.netfilter.nft_cases import by_iptables, by_nftables, ends_alike, is_told_apart, packets
from tests.netfilter.packets import incoming, names, original, outgoing

NATIVE = Path(__file__).parent / "native"
TPROXY_WORDS = (
    "-m TPROXY -b * -d 15021 -i 10.0.0.0/8,fd00::/8 -x 10.9.0.0/16 -q 443 -o 9001 -c net1 -k tap0 --redirect-dns "
    "--drop-invalid ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=5,6"
)
DUAL_STACK = PodFacts((parse_ip("fd00::1"),), ("10.96.0.10", "fd00::a"))
RECORDED: dict[str, Interception] = {
    "sidecar": read_settings(read_flags(DEFAULT_ARGUMENTS)).interception,
    "sidecar-tproxy-dual-stack": read_settings(read_flags(TPROXY_WORDS.split()), DUAL_STACK).interception,
    "ambient": read_settings(read_flags(["--redirect-dns", "-k", "tap0"]), DUAL_STACK, ambient=True).interception,
}
"""Listings that nft 1.0.6 printed after taking our own rules, and what those were made for."""


@functools.cache
def pods(name: str) -> tuple[Netns, Netns]:
    """Ruled by iptables, and by nftables."""
    return by_iptables(RECORDED[name]), by_nftables(RECORDED[name], listing(name))


def listing(name: str) -> Any:
    return json.loads((NATIVE / f"{name}.json").read_text(encoding="utf-8"))


def entries(
    *rules: list[dict[str, Any]], hook: str = "output", kind: str = "filter", prio: int = 0, **more: Any
) -> Any:
    """A listing with one base chain, and a chain `own` to jump to."""
    chain = {"family": "inet", "table": "t", "name": "base", "type": kind, "hook": hook, "prio": prio, **more}
    return {
        "nftables": [
            {"table": {"family": "inet", "name": "t"}},
            {"chain": chain},
            {"chain": {"family": "inet", "table": "t", "name": "own"}},
            *({"rule": {"family": "inet", "table": "t", "chain": "base", "expr": rule}} for rule in rules),
        ]
    }


def netns(data: Any) -> Netns:
    return Netns(
        "pod",
        {"lo": (), "eth0": ((parse_ip("10.77.0.1"), (1 << 128) | 0xFFFFFF00),)},
        rules_v4=parse_nft_json(data, "nft", "v4"),
        rules_v6=parse_nft_json(data, "nft", "v6"),
    )


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


META = {name: {"meta": {"key": name}} for name in ("skuid", "mark", "oifname", "l4proto")}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
DROP = {"drop": None}


@pytest.mark.parametrize("name", RECORDED)
@settings(max_examples=150, deadline=None)
@given(sent=packets())
def test_a_packet_fares_as_under_the_same_rules_of_iptables(name: str, sent: Any) -> None:
    wanted, (packet, way) = RECORDED[name], sent
    if is_told_apart(wanted, packet):
        return
    old, new = ends_alike(*pods(name), packet, way)
    assert (new.way, new.result, new.socket) == (old.way, old.result, old.socket)
    assert (new.after, new.interface) == (old.after, old.interface)
    assert new.original_destination == old.original_destination


@pytest.mark.parametrize("name", RECORDED)
def test_everything_istio_writes_is_known(name: str) -> None:
    for family in ("v4", "v6"):
        rules = parse_nft_json(listing(name), name, family).rules()  # type: ignore[arg-type]
        assert [rule.name for rule in rules if rule.unmodelled] == []


def test_rules_and_chains_are_called_by_nfts_names() -> None:
    passage = walk(by_nftables(RECORDED["sidecar"], listing("sidecar")), outgoing("10.96.0.1:80"), "out")
    nat = "inet/istio-proxy-nat"
    assert names(passage) == [f"{nat}/output/1", f"{nat}/istio-output/9", f"{nat}/istio-redirect/1"]
    assert passage.chains[0] == f"{nat}/output"
    assert passage.after.destination_text() == "127.0.0.1:15001"
    assert original(passage) == "10.96.0.1:80"


def test_a_rule_knows_its_place_and_its_text() -> None:
    rules = {rule.name: rule for rule in parse_nft_json(listing("sidecar"), "nft.json", "v4").rules()}
    rule = rules["inet/istio-proxy-nat/istio-output/2"]
    assert str(rule.place).startswith("nft.json#/nftables/")
    assert rule.text == (
        "meta oifname lo ip daddr != 127.0.0.1 tcp dport != 15008 meta skuid 1337 jump istio-in-redirect"
    )


def test_tproxy_without_a_transparent_socket_goes_on_where_iptables_drops() -> None:
    name = "sidecar-tproxy-dual-stack"
    arriving = incoming("10.77.0.1:8080")
    ends = []
    for pod in pods(name):
        assert pod.sockets is not None
        deaf = SocketTable(socket for socket in pod.sockets.sockets if not socket.transparent)
        ends.append(walk(evolve(pod, sockets=deaf), arriving, "in"))
    assert [(passage.result, passage.after.mark) for passage in ends] == [("dropped", 0), ("socket", 0)]


def test_a_packet_of_no_socket_has_no_owner_to_differ() -> None:
    """Where iptables would match `! --uid-owner`, nftables breaks the rule off."""
    data = entries([match(META["skuid"], 1337, "!="), DROP], hook="postrouting")
    forwarded = incoming("10.9.9.9:80")
    assert walk(netns(data), forwarded, "in").result == "wire"
    assert walk(netns(data), outgoing("10.9.9.9:80"), "out").result == "dropped"


@pytest.mark.parametrize(("kind", "way"), [("route", "loop"), ("filter", "out")])
def test_only_a_route_chain_routes_again_after_a_mark(kind: str, way: str) -> None:
    marking = entries([{"mangle": {"key": META["mark"], "value": 1337}}], kind=kind, prio=-150)
    pod = Netns(
        "pod",
        netns(marking).interfaces,
        rules_v4=parse_nft_json(marking, "nft", "v4"),
        routes=read_routes(["local 0.0.0.0/0 dev lo table 133"]),
        routing_rules_v4=read_routing_rules(["fwmark 1337 lookup 133"], v6=False),
    )
    assert walk(pod, outgoing("10.96.0.1:80"), "out").way == way


@pytest.mark.parametrize(
    ("right", "hit"),
    [
        (80, True),
        (81, False),
        ({"set": [1, 80]}, True),
        ({"set": [{"range": [70, 90]}, 1]}, True),
        ({"range": [81, 90]}, False),
        ("@ports", True),
    ],
)
def test_values_sets_and_ranges(right: Any, hit: bool) -> None:
    for op, dropped in (("==", hit), ("!=", not hit)):
        data = entries([match(DPORT, right, op), DROP])
        data["nftables"].insert(
            1, {"set": {"family": "inet", "table": "t", "name": "ports", "elem": [80, {"range": [7, 9]}]}}
        )
        assert (walk(netns(data), outgoing("10.9.9.9:80"), "out").result == "dropped") is dropped


def test_prefixes_wildcards_bits_and_states() -> None:
    address = {"payload": {"protocol": "ip", "field": "daddr"}}
    masked = {"&": [META["mark"], 0xF]}
    for condition in (
        match(address, {"prefix": {"addr": "10.0.0.0", "len": 8}}),
        match(META["oifname"], "eth*"),
        match(masked, 0),
        match({"ct": {"key": "state"}}, ["established", "new"], "in"),
        match(META["l4proto"], 6),
    ):
        assert walk(netns(entries([condition, DROP])), outgoing("10.9.9.9:80"), "out").result == "dropped"


def test_fields_of_the_other_family_never_hold() -> None:
    address = {"payload": {"protocol": "ip6", "field": "daddr"}}
    for op in ("==", "!="):
        data = entries([match(address, "::1", op), DROP])
        assert walk(netns(data), outgoing("10.9.9.9:80"), "out").result == "wire"


def test_what_is_not_known_is_named_and_asked() -> None:
    data = entries([match({"meta": {"key": "cpu"}}, 3), DROP], [{"queue": {"num": 1}}])
    passage = walk(netns(data), outgoing("10.9.9.9:80"), "out")
    assert passage.result == "wire"
    assert [what for _rule, what, _answer in passage.asked] == ["meta cpu 3", "-j queue"]


def test_chains_of_one_hook_are_asked_by_priority() -> None:
    data = entries([{"accept": None}])
    second = {
        "family": "inet",
        "table": "t",
        "name": "late",
        "type": "filter",
        "hook": "output",
        "prio": 10,
        "policy": "drop",
    }
    data["nftables"].insert(2, {"chain": second})
    passage = walk(netns(data), outgoing("10.9.9.9:80"), "out")
    assert (passage.result, passage.by) == ("dropped", "inet/t/late/policy")
    assert passage.chains == ("inet/t/base", "inet/t/late")


@pytest.mark.parametrize(
    "broken",
    [
        {"nftables": {}},
        {"nftables": [1]},
        {"nftables": [{"add": {"table": {}}}]},
        {"nftables": [{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": []}}]},
        entries([{"jump": {"target": "nowhere"}}]),
        entries([{"match": {"left": {}}}]),
        entries([match({"payload": {"protocol": "ip", "field": "daddr"}}, "not-an-address")]),
        entries([{"jump": {}}]),
    ],
)
def test_what_nft_does_not_print_is_refused_with_its_place(broken: Any) -> None:
    with pytest.raises(InputError) as caught:
        parse_nft_json(broken, "nft.json", "v4")
    assert caught.value.place is not None
    assert "nft -j list ruleset" in caught.value.hint


KEYS = [
    "meta",
    "ct",
    "payload",
    "key",
    "field",
    "protocol",
    "left",
    "right",
    "op",
    "set",
    "range",
    "prefix",
    "addr",
    "len",
    "&",
    "|",
    "port",
    "value",
    "elem",
    "val",
]
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 70000), st.sampled_from(["ip", "mark", "10.0.0.1", "lo*"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(["match", "mangle", "tproxy", "redirect", "dnat", "jump", "goto", "accept", "xt", "counter"])
ADDRESS = {"payload": {"protocol": "ip", "field": "daddr"}}
FIELDS = st.sampled_from([*META.values(), DPORT, ADDRESS, {"ct": {"key": "mark"}}])
EXPRESSIONS = st.one_of(
    st.tuples(KINDS, ANYTHING),
    st.tuples(st.just("match"), st.fixed_dictionaries({"left": FIELDS, "right": ANYTHING, "op": st.just("==")})),
    st.tuples(
        st.just("match"),
        st.builds(lambda left, side: {"left": left, "right": {"range": [side, side]}}, FIELDS, ANYTHING),
    ),
    st.tuples(st.just("mangle"), st.fixed_dictionaries({"key": FIELDS, "value": ANYTHING})),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EXPRESSIONS, max_size=3))
def test_any_expressions_are_read_or_refused(expressions: list[tuple[str, Any]]) -> None:
    """And what is read can be walked."""
    data = entries([{kind: inside} for kind, inside in expressions])
    try:
        pod = netns(data)
    except InputError:
        return
    walk(pod, outgoing("10.9.9.9:80"), "out")


def test_absurd_nesting_is_refused() -> None:
    deep: Any = META["mark"]
    for _ in range(3000):
        deep = {"&": [deep, 1]}
    with pytest.raises(InputError, match="nested"):
        parse_nft_json(entries([match(deep, 1)]), "nft.json", "v4")


def test_chains_that_lead_back_to_themselves_are_refused() -> None:
    data = entries([{"jump": {"target": "own"}}])
    back = {"family": "inet", "table": "t", "chain": "own", "expr": [{"goto": {"target": "own"}}]}
    data["nftables"].append({"rule": back})
    with pytest.raises(InputError, match="leads back"):
        parse_nft_json(data, "nft.json", "v4")


def test_a_pods_listing_is_its_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(json.dumps(listing("sidecar")), encoding="utf-8")
    (pod,) = meshsim.load(tmp_path / "rules.json").pods
    assert pod.netns.rules_v4 is not None
    assert pod.netns.rules_v4.rules().__next__().table.startswith("inet/")
    (tmp_path / "rules.v4").write_text(default_sidecar_rules(), encoding="utf-8")
    with pytest.raises(Unsupported):
        meshsim.load(tmp_path)


def test_a_listing_that_repeats_iptables_leaves_it_the_say(tmp_path: Path) -> None:
    shown = {"nftables": [{"table": {"family": "ip", "name": "nat"}}]}
    (tmp_path / "nft.json").write_text(json.dumps(shown), encoding="utf-8")
    (tmp_path / "rules.v4").write_text(default_sidecar_rules(), encoding="utf-8")
    (pod,) = meshsim.load(tmp_path).pods
    assert pod.netns.rules_v4 is not None
    assert {rule.table for rule in pod.netns.rules_v4.rules()} == {"nat"}
