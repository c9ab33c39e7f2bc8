"""What the kernel taught against expectation: each difference that the comparison once found, in its smallest form."""

import pytest

from meshsim.address import parse_ip
from meshsim.facts.packet import Packet
from meshsim.netfilter.answer import walk_answer
from meshsim.netfilter.netns import Netns, Socket, SocketTable, read_routes, read_routing_rules
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import POD, POD_V6, incoming, names, original, outgoing, pod, prefix
from tests.netfilter.rule_sets import saved


def test_without_a_socket_supplementary_groups_match_in_neither_form() -> None:
    rules = "-A POSTROUTING -m owner {}--gid-owner 2000 --suppl-groups"
    for negation in ("", "! "):
        passage = walk(pod(saved(mangle=rules.format(negation))), incoming("198.51.100.5:80"), "in")
        assert (passage.way, names(passage)) == ("forward", [])
    passage = walk(pod(saved(mangle="-A POSTROUTING -m owner ! --gid-owner 2000")), incoming("198.51.100.5:80"), "in")
    assert names(passage) == ["mangle/POSTROUTING/1"]


def test_a_template_is_a_new_and_confirmed_connection_of_nobody() -> None:
    rules = saved(
        raw="""
            -A OUTPUT -m conntrack --ctstate INVALID
            -A OUTPUT -j CT --zone 1
            -A OUTPUT -m conntrack --ctstate NEW
            -A OUTPUT -m conntrack --ctstatus CONFIRMED
            -A OUTPUT -m conntrack --ctorigdst 0.0.0.0
            -A OUTPUT -j NOTRACK
        """,
        filter="-A OUTPUT -m conntrack --ctstatus CONFIRMED\n-A OUTPUT -m conntrack --ctstate UNTRACKED",
    )
    assert names(walk(pod(rules), outgoing("10.0.0.1:80"), "out")) == [f"raw/OUTPUT/{at}" for at in range(1, 7)]


def test_what_stands_beside_a_state_is_not_asked_of_a_packet_without_a_connection() -> None:
    rules = saved(
        raw="""
            -A OUTPUT -m conntrack --ctstate INVALID --ctorigdst 9.9.9.9
            -A OUTPUT -m conntrack --ctorigdst 10.0.0.1
            -A OUTPUT -m conntrack ! --ctorigdst 9.9.9.9
        """
    )
    assert names(walk(pod(rules), outgoing("10.0.0.1:80"), "out")) == ["raw/OUTPUT/1"]


def test_a_connection_mark_without_a_connection_matches_in_neither_form() -> None:
    rules = saved(raw="-A OUTPUT -m connmark --mark 0x0\n-A OUTPUT -m connmark ! --mark 0x0")
    assert names(walk(pod(rules), outgoing("10.0.0.1:80"), "out")) == []


@pytest.mark.parametrize(("zone", "arrives"), [("--zone-reply 3", False), ("--zone-orig 3", True), ("--zone 3", False)])
def test_a_zone_that_answers_do_not_carry_loses_them(zone: str, arrives: bool) -> None:
    rules = saved(
        raw=f"-A PREROUTING -p udp -m udp --dport 53 -j CT {zone}",
        nat="-A PREROUTING -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053",
    )
    netns = pod(rules, sockets=SocketTable([Socket(0, 15053, protocol="udp")]))
    passage = walk(netns, incoming(f"{POD}:53", protocol="udp"), "in")
    answer = walk_answer(netns, passage)
    assert passage.result == "socket"
    assert answer is not None
    assert answer.arrives is arrives


def test_an_answer_that_claims_the_questions_own_packets_is_dropped() -> None:
    rules = saved(raw="-A PREROUTING -j CT --zone-reply 3")
    passage = walk(pod(rules), incoming(f"{POD}:80", protocol="udp"), "in")
    answer = walk_answer(pod(rules), passage)
    assert answer is not None
    assert (answer.arrives, answer.by) == (False, "conntrack")


def test_a_zone_hides_the_original_destination() -> None:
    for zone, told in (("--zone 1", None), ("--zone-reply 1", None), ("--zone-orig 1", "10.0.0.1:80")):
        rules = saved(raw=f"-A OUTPUT -j CT {zone}", nat="-A OUTPUT -p tcp -j REDIRECT --to-ports 15001")
        assert original(walk(pod(rules), outgoing("10.0.0.1:80"), "out")) == told


def test_loopback_of_ipv6_does_not_take_what_came_from_outside() -> None:
    rules = saved(nat="-A PREROUTING -p tcp -j DNAT --to-destination ::1")
    sent = incoming(f"[{POD_V6}]:80", source="[fd77::2]:40000")
    passage = walk(pod(rules, family="v6"), sent, "in")
    assert (passage.result, passage.by) == ("lost", "route")


def test_a_datagram_is_not_answered_from_an_address_the_socket_may_not_use() -> None:
    rules = parse_iptables_save(saved(mangle="-A PREROUTING -m mark --mark 0x1"), "rules")
    sent = Packet("udp", parse_ip(POD), 40000, parse_ip("203.0.113.9"), 53, 1000, 1000, mark=1)
    for transparent in (False, True):
        netns = Netns(
            "pod",
            {"lo": (prefix("127.0.0.1/8"),), "eth0": (prefix(f"{POD}/24"),)},
            rules,
            sockets=SocketTable([Socket(0, 53, protocol="udp", transparent=transparent)]),
            routes=read_routes(["local default dev lo table 133"]),
            routing_rules_v4=read_routing_rules(["fwmark 1 lookup 133"], v6=False),
        )
        passage = walk(netns, sent, "out")
        answer = walk_answer(netns, passage)
        assert passage.way == "loop"
        assert answer is not None
        assert answer.arrives is transparent


def test_a_foreign_source_that_is_translated_is_answered_and_then_passed_by() -> None:
    rules = saved(nat=f"-A POSTROUTING -o eth0 -j SNAT --to-source {POD}")
    sent = Packet("udp", parse_ip("10.77.0.2"), 40000, parse_ip("10.0.0.1"), 53, 0, 0, transparent=True)
    passage = walk(pod(rules), sent, "out")
    answer = walk_answer(pod(rules), passage)
    assert passage.after.source_text() == f"{POD}:40000"
    assert answer is not None
    assert not answer.arrives


def test_transparent_proxying_drops_where_no_transparent_socket_listens() -> None:
    rules = saved(mangle="-A PREROUTING -p tcp -j TPROXY --on-port 15006", nat="-A PREROUTING -j ACCEPT")
    for held, result in (
        ([], "dropped"),
        ([Socket(0, 15006)], "dropped"),
        ([Socket(0, 15006, transparent=True)], "socket"),
    ):
        passage = walk(pod(rules, sockets=SocketTable(held)), incoming(f"{POD}:80"), "in")
        assert passage.result == result
        assert passage.after.destination_text() == f"{POD}:80"


def test_nat_chooses_among_several_addresses_by_a_hash_that_is_always_the_same() -> None:
    rules = saved(nat="-A OUTPUT -d 10.96.0.0/16 -j DNAT --to-destination 10.99.0.16-10.99.0.31")
    chosen = {walk(pod(rules), outgoing(f"10.96.0.{last}:80"), "out").after.destination_text() for last in range(1, 40)}
    assert len(chosen) > 8
    assert chosen <= {f"10.99.0.{last}:80" for last in range(16, 32)}


def test_a_port_of_a_range_stays_and_others_take_its_first() -> None:
    rules = saved(nat="-A OUTPUT -p tcp -j DNAT --to-destination 10.99.0.1:90-95")
    assert walk(pod(rules), outgoing("10.96.0.1:93"), "out").after.destination_text() == "10.99.0.1:93"
    assert walk(pod(rules), outgoing("10.96.0.1:80"), "out").after.destination_text() == "10.99.0.1:90"


def test_iptables_nft_asks_security_behind_nat_on_the_way_in() -> None:
    rules = saved(nat="-A INPUT -j MARK --set-xmark 0x1/0x1\n-A PREROUTING -p tcp -j DNAT --to-destination :81")
    rules = rules.replace("*nat", "*security\n-A INPUT -j ACCEPT\nCOMMIT\n*nat")
    asked = [chain for chain in walk(pod(rules), incoming(f"{POD}:80"), "in").chains if "INPUT" in chain]
    assert asked == ["security/INPUT", "nat/INPUT"]
    rules = "# Generated by iptables-save v1.8.9 (nf_tables)\n" + rules
    asked = [chain for chain in walk(pod(rules), incoming(f"{POD}:80"), "in").chains if "INPUT" in chain]
    assert asked == ["nat/INPUT", "security/INPUT"]
