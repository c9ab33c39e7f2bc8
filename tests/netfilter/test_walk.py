"""The walk itself: verdicts, jumps, changes, the order of hooks, what is lost, and what nobody models."""

import pytest

from meshsim.address import ANY_V4, ANY_V6, parse_ip
from meshsim.errors import Bug
from meshsim.explanation import Fate
from meshsim.facts.packet import Packet
from meshsim.netfilter.explain import explain
from meshsim.netfilter.netns import Netns, Socket, SocketTable
from meshsim.netfilter.rules import Rule
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import POD, POD_V6, incoming, names, original, outgoing, pod, prefix
from tests.netfilter.rule_sets import saved


def test_tables_are_asked_in_the_kernels_order() -> None:
    rules = saved(
        raw="-A OUTPUT", mangle="-A OUTPUT", nat="-A OUTPUT -p tcp -j DNAT --to-destination :81", filter="-A OUTPUT"
    )
    passage = walk(pod(rules), outgoing("10.0.0.1:80"), "out")
    assert passage.chains == (
        "raw/OUTPUT", "mangle/OUTPUT", "nat/OUTPUT", "filter/OUTPUT", "mangle/POSTROUTING", "nat/POSTROUTING",
    )  # fmt: skip
    passage = walk(pod(rules), outgoing(f"{POD}:80"), "out")
    assert passage.chains[-4:] == ("raw/PREROUTING", "mangle/PREROUTING", "mangle/INPUT", "filter/INPUT")
    passage = walk(pod(rules), incoming(f"{POD}:80"), "in")
    assert passage.chains == (
        "raw/PREROUTING", "mangle/PREROUTING", "nat/PREROUTING", "mangle/INPUT", "filter/INPUT", "nat/INPUT",
    )  # fmt: skip
    passage = walk(pod(rules), incoming("198.51.100.1:80"), "in")
    assert passage.way == "forward"
    assert passage.chains[3:] == ("mangle/FORWARD", "filter/FORWARD", "mangle/POSTROUTING", "nat/POSTROUTING")


def test_without_conntrack_no_nat_chain_is_asked_and_no_original_destination_is_known() -> None:
    passage = walk(pod(saved(nat="-A OUTPUT -j RETURN")), outgoing(f"{POD}:80"), "out")
    assert passage.rules == ()
    assert passage.chains == ()
    assert passage.original_destination is None


def test_a_conntrack_match_alone_makes_the_original_destination_known() -> None:
    passage = walk(pod(saved(filter="-A INPUT -m conntrack --ctstate NEW")), incoming(f"{POD}:80"), "in")
    assert original(passage) == f"{POD}:80"


def test_goto_ends_where_the_last_jump_came_from() -> None:
    rules = saved(
        filter="""
            -A OUTPUT -j A
            -A OUTPUT -j DROP
            -A A -g B
            -A A -j ACCEPT
            -A B -p udp -j ACCEPT
        """
    )
    passage = walk(pod(rules), outgoing("10.0.0.1:80"), "out")
    assert names(passage) == ["filter/OUTPUT/1", "filter/A/1", "filter/OUTPUT/2"]
    assert (passage.result, passage.by) == ("dropped", "filter/OUTPUT/2")


def test_goto_from_a_base_chain_ends_at_the_policy() -> None:
    rules = saved({"filter/OUTPUT": "DROP"}, filter="-A OUTPUT -g A\n-A OUTPUT -j ACCEPT\n-A A")
    passage = walk(pod(rules), outgoing("10.0.0.1:80"), "out")
    assert (passage.result, passage.by) == ("dropped", "filter/OUTPUT/policy")


@pytest.mark.parametrize(
    ("target", "result"), [("DROP", "dropped"), ("REJECT --reject-with tcp-reset", "rejected"), ("ACCEPT", "socket")]
)
def test_verdicts_in_input(target: str, result: str) -> None:
    passage = walk(pod(saved(filter=f"-A INPUT -p tcp -j {target}")), incoming(f"{POD}:80"), "in")
    assert passage.result == result
    assert passage.by == (None if target == "ACCEPT" else "filter/INPUT/1")
    assert passage.chains == ("filter/INPUT",)


def test_redirect_of_what_arrives_takes_the_first_address_of_the_interface() -> None:
    rules = saved(nat="-A PREROUTING -p tcp -j REDIRECT --to-ports 15006")
    netns = Netns(
        "pod",
        {"eth0": (prefix("10.0.0.1/24"), prefix("10.0.0.2/24")), "eth1": (prefix("10.1.0.1/24"),)},
        pod(rules).rules_v4,
    )
    for destination in ("10.0.0.2:80", "198.51.100.1:80"):
        assert walk(netns, incoming(destination), "in").after.destination_text() == "10.0.0.1:15006"
    arrived = Packet("tcp", parse_ip("10.1.0.9"), 1, parse_ip("10.0.0.2"), 80, interface="eth1")
    assert walk(netns, arrived, "in").after.destination_text() == "10.1.0.1:15006"


def test_after_nat_output_later_chains_see_the_new_address_and_the_old_interface() -> None:
    rules = saved(
        nat="-A OUTPUT -d 10.96.0.1/32 -p tcp -j REDIRECT --to-ports 15001\n-A POSTROUTING -o lo",
        filter="-A OUTPUT -d 127.0.0.1/32 -o eth0\n-A OUTPUT -o lo -j DROP",
    )
    passage = walk(pod(rules), outgoing("10.96.0.1:80"), "out")
    assert names(passage) == ["nat/OUTPUT/1", "filter/OUTPUT/1", "nat/POSTROUTING/1"]
    assert passage.result == "socket"


def test_a_loopback_source_cannot_leave_after_nat() -> None:
    rules = saved(nat="-A OUTPUT -p tcp -j DNAT --to-destination 10.0.0.9:80", filter="-A OUTPUT")
    passage = walk(pod(rules), outgoing("127.0.0.1:80", source="127.0.0.1:40000"), "out")
    assert (passage.result, passage.by) == ("lost", "route")
    assert passage.chains == ("nat/OUTPUT",)


@pytest.mark.parametrize(
    ("source", "destination", "by"),
    [
        ("10.77.0.2:1", "127.0.0.1:80", "martian"),
        (f"{POD}:1", f"{POD}:80", "martian"),
        ("127.0.0.1:1", f"{POD}:80", "martian"),
        ("10.77.0.2:1", "198.51.100.1:80", "route"),
    ],
)
def test_what_the_route_refuses(source: str, destination: str, by: str) -> None:
    netns = pod(saved(filter="-A INPUT\n-A FORWARD"), forwarding=False)
    passage = walk(netns, incoming(destination, source=source), "in")
    assert (passage.result, passage.by, passage.rules) == ("lost", by, ())


def test_marks_travel_over_lo() -> None:
    rules = saved(
        mangle="""
            -A OUTPUT -j MARK --set-xmark 0x539/0xffffffff
            -A PREROUTING -m mark --mark 0x39/0xff -j MARK --set-xmark 0x0/0xff
            -A INPUT -m mark ! --mark 0x500 -j DROP
        """
    )
    passage = walk(pod(rules), outgoing(f"{POD}:80"), "out")
    assert names(passage) == ["mangle/OUTPUT/1", "mangle/PREROUTING/1"]
    assert passage.after.mark == 0x500
    assert passage.before.mark == 0


@pytest.mark.parametrize(
    ("option", "before", "after"),
    [("--set-mark 0x1/0x6", 0xFF, 0xF9), ("--set-xmark 0x1/0x6", 0xFF, 0xF8), ("--and-mark 0xf", 0xFF, 0xF),
     ("--or-mark 0x100", 0xFF, 0x1FF), ("--xor-mark 0xf0", 0xFF, 0xF)],
)  # fmt: skip
def test_mark_arithmetic(option: str, before: int, after: int) -> None:
    rules = saved(mangle=f"-A OUTPUT -j MARK {option}")
    packet = Packet("tcp", parse_ip(POD), 1, parse_ip("10.0.0.1"), 80, 1, 1, mark=before)
    assert walk(pod(rules), packet, "out").after.mark == after


def test_owner_of_a_packet_without_a_socket() -> None:
    """Only negated owner options hold for it."""
    packet = Packet("tcp", parse_ip(POD), 1, parse_ip("10.0.0.1"), 80)
    rules = saved(
        filter="""
            -A OUTPUT -m owner --uid-owner 0-4294967295
            -A OUTPUT -m owner ! --uid-owner 0
            -A OUTPUT -m owner ! --uid-owner 0 --gid-owner 0
            -A OUTPUT -m owner --socket-exists
            -A OUTPUT -m owner ! --socket-exists
        """
    )
    assert names(walk(pod(rules), packet, "out")) == ["filter/OUTPUT/2", "filter/OUTPUT/5"]


def test_supplementary_groups_count_when_asked_for() -> None:
    rules = saved(
        filter="-A OUTPUT -m owner --gid-owner 5\n-A OUTPUT -m owner --gid-owner 5 --suppl-groups",
    )
    packet = Packet("tcp", parse_ip(POD), 1, parse_ip("10.0.0.1"), 80, 1, 1, groups=(5,))
    assert names(walk(pod(rules), packet, "out")) == ["filter/OUTPUT/2"]


def test_an_unmodelled_match_is_asked_for_only_when_the_rest_holds() -> None:
    rules = saved(
        filter="""
            -A OUTPUT -d 10.0.0.9/32 -m set --match-set blocked dst -j DROP
            -A OUTPUT -m set --match-set blocked dst -j DROP
        """
    )
    netns = pod(rules)
    asked: list[tuple[str, str]] = []

    def yes(rule: Rule, what: str) -> bool:
        asked.append((rule.name, what))
        return True

    passage = walk(netns, outgoing("10.0.0.1:80"), "out", yes)
    assert asked == [("filter/OUTPUT/2", "-m set --match-set")]
    assert (passage.result, passage.by) == ("dropped", "filter/OUTPUT/2")
    explain(netns, passage)

    passage = walk(netns, outgoing("10.0.0.1:80"), "out")
    assert passage.result == "wire"
    assert [(rule.name, what, answer) for rule, what, answer in passage.asked] == [
        ("filter/OUTPUT/2", "-m set --match-set", False)
    ]
    fates = [(candidate.label, candidate.fate) for candidate in explain(netns, passage)]
    assert fates == [("filter/OUTPUT/1", Fate.FAILED), ("filter/OUTPUT/2", Fate.UNKNOWN)]


def test_an_unmodelled_target_has_no_effect_unless_somebody_says_so() -> None:
    netns = pod(saved(mangle="-A POSTROUTING -j TEE\n-A POSTROUTING"))
    passage = walk(netns, outgoing("10.0.0.1:80"), "out")
    assert names(passage) == ["mangle/POSTROUTING/1", "mangle/POSTROUTING/2"]
    assert [what for _, what, _ in passage.asked] == ["-j TEE"]
    assert explain(netns, passage)[0].checks[-1].ok is None
    passage = walk(netns, outgoing("10.0.0.1:80"), "out", lambda _rule, _what: True)
    assert (passage.result, passage.by) == ("lost", "mangle/POSTROUTING/1")


def test_an_explanation_of_another_walk_is_a_bug() -> None:
    captured, open_pod = pod(saved(nat="-A OUTPUT -p tcp -j REDIRECT --to-ports 1")), pod(saved(nat="-A OUTPUT"))
    with pytest.raises(Bug):
        explain(open_pod, walk(captured, outgoing("10.0.0.1:80"), "out"))


def test_ipv6_redirects_to_its_own_loopback() -> None:
    rules = saved(
        nat="-A OUTPUT -p tcp -j REDIRECT --to-ports 15001\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15006"
    )
    netns = pod(rules, family="v6")
    passage = walk(netns, outgoing("[2001:db8::1]:80", source=f"[{POD_V6}]:1"), "out")
    assert passage.after.destination_text() == "[::1]:15001"
    passage = walk(netns, incoming(f"[{POD_V6}]:80", source="[fd77::2]:1"), "in")
    assert passage.after.destination_text() == f"[{POD_V6}]:15006"
    assert walk(netns, outgoing("10.0.0.1:80"), "out").rules == ()


def test_a_local_route_delivers_a_prefix_here() -> None:
    netns = Netns("pod", local_prefixes=(prefix("10.96.0.0/16"),))
    passage = walk(netns, outgoing("10.96.0.1:80"), "out")
    assert (passage.way, passage.result, passage.interface) == ("loop", "socket", "lo")


def test_sockets_exact_address_before_wildcards() -> None:
    exact, wildcard = Socket(parse_ip(POD), 80), Socket(ANY_V4, 80)
    dual, only = Socket(ANY_V6, 81), Socket(ANY_V6, 82, v6only=True)
    table = SocketTable((wildcard, exact, dual, only, Socket(ANY_V4, 53, protocol="udp")))
    assert table.find("tcp", parse_ip(POD), 80) is exact
    assert table.find("tcp", parse_ip("127.0.0.1"), 80) is wildcard
    assert table.find("tcp", parse_ip(POD), 81) is dual
    assert table.find("tcp", parse_ip(POD), 82) is None
    assert table.find("tcp", parse_ip("::1"), 82) is only
    assert table.find("tcp", parse_ip("::1"), 80) is None
    assert table.find("tcp", parse_ip(POD), 53) is None


def test_where_sockets_are_stated_other_ports_refuse() -> None:
    netns = pod(saved(nat="-A OUTPUT -p tcp -j REDIRECT --to-ports 15001"), sockets=SocketTable(()))
    passage = walk(netns, outgoing("10.0.0.1:80"), "out")
    assert (passage.result, passage.socket) == ("refused", None)
