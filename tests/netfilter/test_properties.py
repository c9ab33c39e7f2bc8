"""For any rules and packet: the explanation is the walk, text survives a round trip, only InputError is raised."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.address import parse_ip
from meshsim.errors import InputError
from meshsim.explanation import Fate
from meshsim.facts.packet import Packet
from meshsim.istio.iptables import default_sidecar_rules
from meshsim.netfilter.explain import explain
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import POD, pod
from tests.netfilter.rule_sets import BUILT_IN, RULE_SETS, saved

ADDRESSES = (POD, "10.77.0.2", "10.96.0.1", "127.0.0.1", "127.0.0.6", "198.51.100.1")
PORTS = (22, 80, 8080, 15001, 15006)
MATCHES = (
    *(f"-d {ip}/32" for ip in ADDRESSES), "-s 10.0.0.0/8", "! -d 127.0.0.0/8", "-o lo", "! -o lo", "-i eth+", "! -i lo",
    "-m owner --uid-owner 1337", "-m owner ! --gid-owner 1337", "-m mark --mark 0x1/0x3", "-m mark ! --mark 0x0",
    "-m conntrack --ctstate NEW", "-m conntrack ! --ctstate NEW,DNAT", "-m addrtype --dst-type LOCAL",
    "-m set --match-set x dst", "-m statistic --mode nth --every 2 --packet 0", "-m comment --comment why",
)  # fmt: skip
TCP_MATCHES = (
    *(f"-m tcp --dport {port}" for port in PORTS),
    "-m tcp ! --dport 80",
    "-m multiport --dports 22,80:90",
    "",
)
TARGETS = (
    "",
    "-j ACCEPT",
    "-j RETURN",
    "-j MARK --set-xmark 0x1/0x1",
    "-j MARK --set-xmark 0x2/0x2",
    "-j LOG",
    "-j TEE",
)
TABLE_TARGETS = {
    "raw": ("-j DROP", "-j CT --zone 1", "-j NOTRACK", "-j CT --zone-reply 2"),
    "mangle": (
        "-j DROP",
        "-j TPROXY --on-port 15006",
        "-j CONNMARK --save-mark",
        "-j CONNMARK --restore-mark --mask 0xff",
    ),
    "nat": (
        "-j REDIRECT --to-ports 15001",
        "-j DNAT --to-destination 10.9.9.9:80",
        f"-j DNAT --to-destination {POD}",
        "-j SNAT --to-source 10.9.9.1-10.9.9.9",
        "-j MASQUERADE",
        "-j NETMAP --to 10.8.0.0/16",
    ),
    "filter": ("-j DROP", "-j REJECT"),
}
CHAINS = ("ONE", "TWO", "THREE")


@st.composite
def tables(draw: st.DrawFn, name: str) -> str:
    """Rules of a table; a chain jumps only to later ones, as the kernel wants it."""
    lines = [f"-A {chain}" for chain in CHAINS]
    order = (*BUILT_IN[name], *CHAINS)
    for _ in range(draw(st.integers(0, 8))):
        chain = draw(st.sampled_from(order))
        later = [other for other in CHAINS if order.index(other) > order.index(chain)]
        jumps = [f"-j {other}" for other in later] + [f"-g {other}" for other in later]
        words = [draw(st.sampled_from(("", *MATCHES)))]
        if draw(st.booleans()):
            words += ["-p tcp", draw(st.sampled_from(TCP_MATCHES))]
        words.append(draw(st.sampled_from((*TARGETS, *TABLE_TARGETS[name], *jumps))))
        if " -p tcp" not in " ".join(("", *words)) and words[-1].startswith(("-j REDIRECT", "-j DNAT")):
            words.insert(0, "-p tcp")
        lines.append(" ".join(f"-A {chain} {' '.join(words)}".split()))
    return "\n".join(lines)


@st.composite
def rule_sets(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return draw(st.sampled_from([text for text in RULE_SETS.values() if text]))
    names = draw(st.sets(st.sampled_from(sorted(BUILT_IN)), min_size=1))
    policies = {"filter/OUTPUT": "DROP"} if draw(st.booleans()) and "filter" in names else {}
    return saved(policies, **{name: draw(tables(name)) for name in sorted(names)})


packets = st.builds(
    Packet,
    st.sampled_from(("tcp", "udp")),
    st.sampled_from(ADDRESSES).map(parse_ip),
    st.just(40000),
    st.sampled_from(ADDRESSES).map(parse_ip),
    st.sampled_from(PORTS),
    st.sampled_from((None, 0, 1000, 1337)),
    st.sampled_from((None, 1000, 1337)),
    mark=st.integers(0, 3),
)


@settings(max_examples=150, deadline=None)
@given(rule_sets(), packets, st.sampled_from(("out", "in")), st.booleans(), st.booleans())
def test_the_explanation_is_the_walk(rules: str, packet: Packet, way: str, answer: bool, forwarding: bool) -> None:
    netns = pod(rules, forwarding=forwarding)
    passage = walk(netns, packet, way, lambda _rule, _what: answer)
    candidates = explain(netns, passage)
    assert [c.label for c in candidates if c.fate is Fate.CHOSEN] == [rule.name for rule in passage.rules]
    for candidate in candidates:
        verdicts = [check.ok for check in candidate.checks]
        assert (False in verdicts) is (candidate.fate is Fate.FAILED)
    if passage.result in ("dropped", "rejected", "lost"):
        assert passage.by is not None
    assert (passage.result == "wire") is (passage.way in ("out", "forward") and passage.by is None)


@settings(max_examples=100, deadline=None)
@given(rule_sets())
def test_text_survives_a_round_trip(rules: str) -> None:
    once = parse_iptables_save(rules, "rules").save_text()
    again = parse_iptables_save(once, "rules")
    assert again.save_text() == once
    assert [rule.unmodelled for rule in again.rules()] == [
        rule.unmodelled for rule in parse_iptables_save(rules, "rules").rules()
    ]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.integers(0, 30), st.booleans())
def test_any_text_is_rules_or_an_input_error(text: str, line: int, whole: bool) -> None:
    """Arbitrary text, and a sidecar's rules with arbitrary text in one line."""
    lines = default_sidecar_rules().splitlines()
    lines.insert(line, text)
    try:
        parse_iptables_save(text if whole else "\n".join(lines), "rules")
    except InputError as error:
        assert error.place is not None


WORDS = (
    "-A", "OUTPUT", "-I", "1", "-j", "-g", "-m", "-p", "tcp", "!", "--dport", "80", "-s", "10.0.0.1", "--uid-owner",
    "owner", "set", "--match-set", '"a b"', '"', "REDIRECT", "--to-ports", "DNAT", "--to-destination", "[::1]:80",
    "--set-mark", "MARK", "0x", "0/0", "-", "--", "--d", "--to", "COMMIT", "*nat", ":X", "-N", "-P", "DROP",
    "--comment", "comment", "=", "--dport=", "-c", "10.0.0.1-", "--ctstate", "conntrack", "NEW", "--tcp-flags",
    "NONE", "ALL", "--ports", "multiport", "1,2", "-t", "08", "1_0", "²", "--syn",
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=4), st.sampled_from(("v4", "v6")))
def test_any_words_are_rules_or_an_input_error(lines: list[str], family: str) -> None:
    text = "\n".join(["*nat", *lines, "COMMIT"])
    try:
        parse_iptables_save(text, "rules", "v6" if family == "v6" else "v4")
    except InputError as error:
        assert error.place is not None
