"""The answer's own way: whether the client that opened a connection hears of it."""

import pytest

from meshsim.address import parse_ip
from meshsim.facts.packet import Packet
from meshsim.netfilter.answer import Answer, walk_answer
from meshsim.netfilter.netns import Netns, Socket, SocketTable, read_routes, read_routing_rules
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.cases import OWN
from tests.netfilter.packets import POD, incoming, outgoing, pod, prefix
from tests.netfilter.rule_sets import saved

NAMES = OWN["captured names"][1]


def answer(netns: Netns, packet: Packet, way: str) -> Answer | None:
    return walk_answer(netns, walk(netns, packet, way))


def test_rules_that_only_translate_do_not_stop_answers() -> None:
    netns = pod(saved(nat="-A OUTPUT -p tcp -j REDIRECT --to-ports 15001"))
    assert answer(netns, outgoing("10.0.0.1:80"), "out") is None


def test_a_firewall_without_established_stops_the_answer_to_a_packet_it_lets_out() -> None:
    closed = saved({"filter/INPUT": "DROP"}, filter="-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT")
    found = answer(pod(closed), outgoing("10.0.0.1:80"), "out")
    assert found is not None
    assert (found.arrives, found.result, found.by) == (False, "dropped", "filter/INPUT/policy")
    lenient = closed.replace("-A INPUT", "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT", 1)
    found = answer(pod(lenient), outgoing("10.0.0.1:80"), "out")
    assert found is not None
    assert [rule.name for rule in found.rules] == ["filter/INPUT/1"]
    assert found.arrives


def test_an_owner_rule_sees_the_answering_socket() -> None:
    rules = saved(filter="-A OUTPUT -m owner --uid-owner 1337 -j DROP")
    sockets = SocketTable([Socket(0, 80, uid=1337), Socket(0, 81)])
    for port, arrives in ((80, False), (81, True)):
        found = answer(pod(rules, sockets=sockets), incoming(f"{POD}:{port}"), "in")
        assert found is not None
        assert found.arrives is arrives


@pytest.mark.parametrize(("uid", "arrives"), [(1337, True), (1000, False)])
def test_captured_names_are_answered_only_by_the_proxys_user(uid: int, arrives: bool) -> None:
    sockets = SocketTable([Socket(parse_ip("0.0.0.0"), 15053, protocol="udp", uid=uid, gid=uid)])
    netns = pod(NAMES, sockets=sockets)
    passage = walk(netns, outgoing("10.96.0.10:53", protocol="udp"), "out")
    assert passage.result == "socket"
    found = walk_answer(netns, passage)
    assert found is not None
    assert found.arrives is arrives


def test_a_foreign_source_is_answered_only_where_routes_lead_back() -> None:
    rules = OWN["transparent interception"][1]
    sent = Packet("tcp", parse_ip("10.5.5.5"), 40000, parse_ip(POD), 8080, 0, 1337, mark=1337, transparent=True)

    def netns(*lines: str) -> Netns:
        return Netns(
            "pod",
            {"lo": (prefix("127.0.0.1/8"),), "eth0": (prefix(f"{POD}/24"),)},
            rules_v4=parse_iptables_save(rules, "rules"),
            sockets=SocketTable([Socket(0, 8080)]),
            routes=read_routes(("local default dev lo table 133",) if lines else ()),
            routing_rules_v4=read_routing_rules(lines, v6=False),
        )

    for lines, arrives in ((("fwmark 1337 lookup 133",), True), ((), False)):
        found = answer(netns(*lines), sent, "out")
        assert found is not None
        assert found.arrives is arrives


def test_a_refusal_comes_from_the_kernels_own_socket() -> None:
    sockets = SocketTable([])
    for rule, arrives in (
        ("-A OUTPUT -m owner --uid-owner 0-4294967294 -j DROP", True),
        ("-A OUTPUT -m owner ! --uid-owner 1337 -j DROP", False),
        ("-A OUTPUT -m owner --socket-exists -j DROP", False),
        ("-A OUTPUT -p tcp -m tcp --tcp-flags RST RST -j DROP", False),
        ("-A OUTPUT -p tcp -m tcp --tcp-flags SYN SYN -j DROP", True),
    ):
        netns = pod(saved(filter=rule), sockets=sockets)
        passage = walk(netns, incoming(f"{POD}:80"), "in")
        found = walk_answer(netns, passage)
        assert passage.result == "refused"
        assert found is not None
        assert found.arrives is arrives
