"""nftables rules in the real kernel: where connections land, and how often each nat rule was met."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from meshsim.address import parse_ip
from meshsim.istio.iptables import DEFAULT_ARGUMENTS, nftables_text
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import PodFacts, read_settings
from meshsim.netfilter.explain import explain
from meshsim.netfilter.nft_json import parse_nft_json
from meshsim.netfilter.walk import walk
from tests.netfilter.probe import dial_all, pod_and_world
from tests.netfilter.rule_sets import DIALS, V6_DIALS
from tests.netfilter.test_against_kernel import FIRST_PORT, MISSING, expected_answer, judged, namespace, packet
from tests.realism.namespaces import Network

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason="the kernel's own answers need " + ", ".join(MISSING)),
]


def native(*words: str, ambient: bool = False) -> str:
    pod = PodFacts((parse_ip("fd77::1"),), ("10.96.0.10",))
    return nftables_text(read_settings(read_flags(words), pod, ambient=ambient).interception)


def table(rules: str) -> str:
    """Rules of chains at the hooks, in one table."""
    return f"table inet own {{\n{rules}\n}}\n"


RULE_SETS = {
    "sidecar": native(*DEFAULT_ARGUMENTS),
    "sidecar, lists": native("-b", "8080,22", "-i", "10.96.0.0/16,2001:db8::/32", "-x", "10.96.0.1/32", "-o", "9001"),
    "sidecar, several users": native("-u", "0,1337", "-g", "5", "-b", "*", "-d", "22", "-i", "*"),
    "tproxy that nobody hears": native("-m", "TPROXY", "-b", "*", "-d", "22", "-i", "*"),
    "ambient": native(ambient=True),
    "owners": table(
        """chain sent { type filter hook output priority 0; ct state new jump judge; }
        chain judge { meta skgid 5 reject with tcp reset; meta skuid != 1337 tcp dport { 9000-9001, 53 } goto no; }
        chain no { reject with tcp reset; }"""
    ),
    "priorities and verdicts": table(
        """chain late { type filter hook input priority 20; tcp dport 22 reject with tcp reset; }
        chain early { type filter hook input priority -20; tcp dport 22 accept
            ip6 daddr 2000::/3 tcp dport 8080 reject with tcp reset; }
        chain marking { type route hook output priority -150; ip daddr 10.96.0.0/16 meta mark set 7; goto mine; }
        chain mine { meta mark & 0x3 == 3 tcp dport != 80 return
            ct state new meta mark 7 tcp dport 80 meta mark set mark | 0x100; }
        chain judge { type filter hook output priority 0; ct state new meta mark 0x107 reject with tcp reset; }
        chain translate { type nat hook output priority -100
            ip daddr 10.99.0.0/16 tcp dport 80 dnat ip to 10.77.0.1:8080
            meta l4proto tcp ip6 daddr 2001:db8::/32 redirect to :15001; }"""
    ),
}


@pytest.fixture(scope="module")
def made() -> Iterator[Network]:
    with pod_and_world() as network:
        yield network


@pytest.mark.parametrize("name", RULE_SETS)
def test_landings_and_nat_rules_equal_the_kernels(name: str, made: Network) -> None:
    made.pod.run("nft", "flush", "ruleset")
    made.pod.run("nft", "-f", "-", text=RULE_SETS[name])
    listed = json.loads(made.pod.run("nft", "-j", "list", "ruleset"))
    netns = namespace("")
    netns = type(netns)(
        netns.name,
        netns.interfaces,
        rules_v4=parse_nft_json(listed, "nft", "v4"),
        rules_v6=parse_nft_json(listed, "nft", "v6"),
        sockets=netns.sockets,
        forwarding_v4=False,
    )
    dials = [*DIALS, *V6_DIALS]
    answers = dial_all(made, dials, FIRST_PORT)
    problems: list[tuple[object, ...]] = []
    met: Counter[str] = Counter()
    for number, (dial, answer) in enumerate(zip(dials, answers, strict=True)):
        passage = walk(netns, packet(dial, number), "in" if dial.inbound else "out")
        explain(netns, passage)
        met.update(rule.name for rule in passage.rules)
        if judged(answer, passage) != expected_answer(passage):
            problems.append((dial, answer, expected_answer(passage), [rule.name for rule in passage.rules]))
    assert not problems
    counted = counters(json.loads(made.pod.run("nft", "-j", "list", "ruleset")))
    assert counted == {rule: met[rule] for rule in counted}


def counters(listed: Any) -> dict[str, int]:
    """How many packets each counting rule of Istio's nat tables matched; nat sees the first of each connection."""
    found: dict[str, int] = {}
    numbers: Counter[str] = Counter()
    for entry in listed["nftables"]:
        rule = entry.get("rule")
        if rule is None:
            continue
        chain = f"{rule['family']}/{rule['table']}/{rule['chain']}"
        numbers[chain] += 1
        packets = next((one["counter"]["packets"] for one in rule["expr"] if "counter" in one), None)
        if packets is not None and rule["table"].endswith("-nat"):
            found[f"{chain}/{numbers[chain]}"] = packets
    return found
