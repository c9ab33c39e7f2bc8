"""What walk() says about a probe, beside what the kernel did: the list of fields that differ."""

from typing import Any

from meshsim.address import format_ip, parse_ip
from meshsim.facts.packet import Packet
from meshsim.netfilter.answer import walk_answer
from meshsim.netfilter.explain import explain
from meshsim.netfilter.ipset import parse_ipset_save
from meshsim.netfilter.netns import Netns
from meshsim.netfilter.options import Environment
from meshsim.netfilter.passage import Passage
from meshsim.netfilter.routing import Flow
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.hosts import HOSTS
from tests.netfilter.kernel_lab import Probe
from tests.netfilter.random_sets import Case

NO_PORT = 0


def compiled(case: Case) -> Netns:
    environment = Environment(sets=parse_ipset_save(case.sets, "sets") if case.sets else {})
    v4, v6 = (
        parse_iptables_save(case.rules[family], family, family, environment)
        if case.rules.get(family, "").strip()
        else None
        for family in ("v4", "v6")
    )
    return HOSTS[case.host].netns(v4, v6)


def packet(probe: Probe, port: int) -> Packet:
    here = not probe.inbound
    return Packet(
        probe.protocol,
        parse_ip(probe.source),
        port,
        parse_ip(probe.destination),
        probe.destination_port,
        probe.uid if here else None,
        probe.gid if here else None,
        probe.groups,
        probe.mark,
        probe.inbound or None,
        probe.transparent,
    )


def differences(netns: Netns, probe: Probe, truth: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(field, ours, the kernel's) of each field that differs."""
    passage = walk(netns, packet(probe, truth["port"]), "in" if probe.inbound else "out")
    explain(netns, passage)
    told = _told(passage)
    expected: dict[str, Any] = {name: truth[name] for name in ("result", "rules", "chains")}
    if expected["result"] == "unsent":
        expected["result"] = "lost"
    if expected["result"] == "dropped":
        told["result"] = "dropped" if told["result"] == "rejected" else told["result"]
        expected["by"] = truth["by"]
    if truth["result"] in ("socket", "wire", "refused", "silent"):
        expected |= {name: truth[name] for name in ("mark", "ends", "interface")}
    if truth["result"] == "silent":
        # the handshake's second packet was never made: nothing tells a socket from none
        expected["result"] = told["result"] if told["result"] in ("socket", "refused") else "silent"
    expected |= {name: truth[name] for name in ("socket", "original") if name in truth}
    if told["original"] is None and truth.get("original") == told["ends"][2:]:
        # Rules of raw treated the handshake's third packet unlike the first one, and it got a record of its own before
        # accept(): what the socket then hears is the address it has anyway.
        expected["original"] = None
    if (truth["result"] == "socket" and "socket" in truth) or (truth["result"] == "wire" and passage.way == "out"):
        told_answer = _answer(netns, passage)
        if told_answer is not None and truth["met"] in ("answer", "silence"):
            told["answered"], expected["answered"] = told_answer, truth["met"] == "answer"
    if truth["result"] == "refused" and probe.protocol == "tcp":
        told_answer = _answer(netns, passage)
        if told_answer is not None and truth["met"] in ("ECONNREFUSED", "silence"):
            told["answered"], expected["answered"] = told_answer, truth["met"] == "ECONNREFUSED"
    return [(name, told[name], value) for name, value in expected.items() if told[name] != value]


def _answer(netns: Netns, passage: Passage) -> bool | None:
    """None where the world's own habits decide."""
    if passage.result == "wire" and (
        passage.after.destination_port not in (53, 80, 8080, 9000, 9001, 15008)
        or passage.after.source not in (ip for ip, _ in netns.interfaces["eth0"])
        or passage.interface != "eth0"
    ):
        return None
    if passage.given and passage.before.protocol == "udp":
        return None
    answer = walk_answer(netns, passage)
    if passage.way == "in":
        client = Flow(passage.after.source)
        leaves = answer.interface if answer is not None and answer.interface else netns.addresses.route(client).device
        if leaves != passage.before.interface and (answer is None or answer.arrives):
            return None
    return True if answer is None else answer.arrives


def _told(passage: Passage) -> dict[str, Any]:
    after, original = passage.after, passage.original_destination
    return {
        "result": passage.result,
        "rules": [rule.name for rule in passage.rules],
        "chains": list(passage.chains),
        "by": passage.by,
        "mark": after.mark,
        "ends": [format_ip(after.source), after.source_port, format_ip(after.destination), after.destination_port],
        "interface": passage.interface,
        "socket": passage.socket.name if passage.socket is not None else None,
        "original": None if original is None else [format_ip(original[0]), original[1]],
    }
