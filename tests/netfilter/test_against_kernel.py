"""walk() against the real kernel: where a connection lands, what its socket knows, and every rule on the way."""

from collections.abc import Iterator

import pytest

from meshsim.address import ANY_V4, ANY_V6, format_ip, make_prefix, parse_ip
from meshsim.facts.packet import Packet
from meshsim.netfilter.explain import explain
from meshsim.netfilter.netns import Netns, Socket, SocketTable
from meshsim.netfilter.passage import Passage
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.probe import POD, POD_PORTS, POD_V6, Dial, dial_all, pod_and_world
from tests.netfilter.rule_sets import DIALS, RULE_SETS, RULE_SETS_V6, V6_DIALS
from tests.realism import prerequisites
from tests.realism.kernel import load_rules, monitor
from tests.realism.namespaces import Network

MISSING = [name for name in prerequisites.missing() if name not in ("envoy", "openssl")]
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason="the kernel's own answers need " + ", ".join(MISSING)),
]
FIRST_PORT = 20000


@pytest.fixture
def made() -> Iterator[Network]:
    with pod_and_world() as network:
        yield network


def namespace(rules: str, v6_rules: str = "") -> Netns:
    return Netns(
        "pod",
        {
            "lo": (_address("127.0.0.1/8"), _address("::1/128")),
            "eth0": (_address(f"{POD}/24"), _address(f"{POD_V6}/64")),
        },
        rules_v4=parse_iptables_save(rules, "rules.v4") if rules else None,
        rules_v6=parse_iptables_save(v6_rules, "rules.v6", "v6") if v6_rules else None,
        sockets=SocketTable(Socket(ip, port, v6only=True) for port in POD_PORTS for ip in (ANY_V4, ANY_V6)),
        forwarding_v4=False,
    )


def _address(text: str) -> tuple[int, int]:
    ip, _, length = text.partition("/")
    return parse_ip(ip), make_prefix(parse_ip(ip), int(length))[1]


def packet(dial: Dial, number: int) -> Packet:
    return Packet(
        "tcp",
        parse_ip(dial.source),
        FIRST_PORT + number,
        parse_ip(dial.destination),
        dial.port,
        None if dial.inbound else dial.uid,
        None if dial.inbound else dial.gid,
        interface="eth0" if dial.inbound else None,
    )


def expected_answer(passage: Passage) -> dict[str, object]:
    """What the client must have met if the walk is right."""
    after = passage.after
    local = [format_ip(after.destination), after.destination_port]
    if passage.result == "socket":
        assert passage.socket is not None
        original = passage.original_destination
        return {
            "where": "pod",
            "port": passage.socket.port,
            "local": local,
            "peer": [format_ip(after.source), after.source_port],
            "original": None if original is None else [format_ip(original[0]), original[1]],
        }
    if passage.result == "wire":
        return {"where": "world", "local": local}
    return {"where": "refused" if passage.result == "refused" else "silence"}


def judged(answer: dict[str, object], passage: Passage) -> dict[str, object]:
    """The part of the answer that the walk can tell."""
    if passage.result == "rejected" and answer["where"] == "refused":
        return {"where": "silence"}
    return {key: answer[key] for key in expected_answer(passage) if key in answer}


@pytest.mark.parametrize("name", RULE_SETS)
def test_ipv4_walks_equal_the_kernels(name: str, made: Network) -> None:
    rules = RULE_SETS[name]
    netns = namespace(rules)
    load_rules(made.pod, rules)
    with monitor(made.pod) as watching:
        answers = dial_all(made, DIALS, FIRST_PORT)
        watching.settle()
        seen = {str(entry["before"]["source"]): entry for entry in reversed(watching.passages())}  # type: ignore[index]
    problems: list[tuple[object, ...]] = []
    for number, (dial, answer) in enumerate(zip(DIALS, answers, strict=True)):
        sent = packet(dial, number)
        passage = walk(netns, sent, "in" if dial.inbound else "out")
        explain(netns, passage)
        if judged(answer, passage) != expected_answer(passage):
            problems.append((dial, answer, expected_answer(passage), passage.result, passage.by))
        traced = seen.get(sent.source_text())
        if traced is None:
            problems.append((dial, "the kernel traced nothing"))
            continue
        told = ([rule.name for rule in passage.rules], list(passage.chains))
        if told != (traced["rules"], traced["chains"]):
            problems.append((dial, told, traced["rules"], traced["chains"]))
        if passage.result == "dropped" and traced["by"] != passage.by:
            problems.append((dial, passage.by, traced["by"]))
    assert not problems


@pytest.mark.parametrize("name", RULE_SETS_V6)
def test_ipv6_landings_equal_the_kernels(name: str, made: Network) -> None:
    rules = RULE_SETS_V6[name]
    netns = namespace("", rules)
    if rules:
        made.pod.run("ip6tables-nft-restore", text=rules)
    answers = dial_all(made, V6_DIALS, FIRST_PORT)
    problems: list[tuple[object, ...]] = []
    for number, (dial, answer) in enumerate(zip(V6_DIALS, answers, strict=True)):
        passage = walk(netns, packet(dial, number), "in" if dial.inbound else "out")
        explain(netns, passage)
        if judged(answer, passage) != expected_answer(passage):
            problems.append((dial, answer, expected_answer(passage), passage.result, passage.by))
    assert not problems
