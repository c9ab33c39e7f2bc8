"""Rules made to hang or to break a reader end in an answer or in an error that names the line."""

import pytest

from meshsim.errors import InputError
from meshsim.netfilter.explain import explain
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import outgoing, pod
from tests.netfilter.rule_sets import saved


def chained(count: int, target: str = "-j") -> str:
    chains = [f":C{at} - [0:0]" for at in range(count)]
    jumps = [f"-A C{at} {target} C{at + 1}" for at in range(count - 1)]
    rules = ["-A OUTPUT -j C0", *jumps, f"-A C{count - 1} -j DROP"]
    return "\n".join(["*filter", ":OUTPUT ACCEPT [0:0]", *chains, *rules, "COMMIT", ""])


@pytest.mark.parametrize("target", ["-j", "-g"])
def test_chains_nest_thousands_deep(target: str) -> None:
    netns = pod(chained(3000, target))
    passage = walk(netns, outgoing("10.0.0.1:80"), "out")
    assert (passage.result, passage.by, len(passage.rules)) == ("dropped", "filter/C2999/1", 3001)
    assert len(explain(netns, passage)) == 3001


@pytest.mark.parametrize("target", ["-j", "-g"])
@pytest.mark.parametrize("length", [1, 2, 500])
def test_a_cycle_of_jumps_is_refused_where_it_closes(length: int, target: str) -> None:
    chains = [f":C{at} - [0:0]" for at in range(length)]
    rules = [f"-A C{at} {target} C{(at + 1) % length}" for at in range(length)]
    text = "\n".join(["*filter", *chains, *rules, "COMMIT", ""])
    with pytest.raises(InputError) as caught:
        parse_iptables_save(text, "rules")
    assert "leads back to itself" in caught.value.message
    assert caught.value.place is not None


def test_branches_that_meet_again_are_compiled_once_and_walked_in_order() -> None:
    """Each chain jumps to the next one twice: the packet goes every way, the compiler each rule once."""
    levels = 10
    lines = ["-A OUTPUT -j L0"]
    for at in range(levels):
        lines += [f"-A L{at} -j L{at + 1}", f"-A L{at} -j L{at + 1}"]
    lines.append(f"-A L{levels} -m mark --mark 0x1 -j DROP")
    passage = walk(pod(saved(filter="\n".join(lines))), outgoing("10.0.0.1:80"), "out")
    assert passage.result == "wire"
    assert len(passage.rules) == 1 + sum(2 << at for at in range(levels))


def services(count: int) -> str:
    """What kube-proxy writes for many services of three endpoints each."""
    lines = ["-A OUTPUT -j KUBE-SERVICES", "-A PREROUTING -j KUBE-SERVICES", "-A POSTROUTING -j KUBE-POSTROUTING"]
    lines += ["-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN", "-A KUBE-POSTROUTING -j MASQUERADE"]
    for at in range(count):
        ip = f"10.96.{at // 250}.{at % 250 + 1}"
        remark = f'-m comment --comment "web:{at}"'
        lines.append(f"-A KUBE-SERVICES -d {ip}/32 -p tcp {remark} -m tcp --dport 80 -j SVC-{at}")
        lines += [
            f"-A SVC-{at} -m statistic --mode random --probability 0.33333333349 -j SEP-{at}A",
            f"-A SVC-{at} -m statistic --mode random --probability 0.50000000000 -j SEP-{at}B",
            f"-A SVC-{at} -j SEP-{at}C",
        ]
        lines += [
            f"-A SEP-{at}{end} -p tcp -m tcp -j DNAT --to-destination 10.1.{at % 250}.{number}:8080"
            for number, end in enumerate("ABC", start=1)
        ]
    return saved(nat="\n".join(lines))


def test_a_thousand_services_are_walked_to_the_likeliest_endpoint() -> None:
    netns = pod(services(1000))
    passage = walk(netns, outgoing("10.96.3.7:80"), "out")
    assert passage.after.destination_text() == "10.1.6.3:8080"
    shares = {what: rule.doubt(what) for rule, what, _ in passage.asked}
    assert [round(float(match.share), 3) for match in shares.values() if match and match.share] == [0.333, 0.5]
    passage = walk(netns, outgoing("10.96.3.7:80"), "out", lambda _rule, _what: True)
    assert passage.after.destination_text() == "10.1.6.1:8080"


def test_a_limit_is_taken_as_not_yet_reached() -> None:
    netns = pod(saved(filter="-A OUTPUT -m limit --limit 5/min -j DROP"))
    assert walk(netns, outgoing("10.0.0.1:80"), "out").by == "filter/OUTPUT/1"
    assert walk(netns, outgoing("10.0.0.1:80"), "out", lambda _rule, _what: False).result == "wire"


@pytest.mark.parametrize(
    "rule",
    [
        "-A OUTPUT -m statistic --mode nth --every 0 --packet 0",
        "-A OUTPUT -m statistic --mode random --probability 2",
        "-A OUTPUT -m statistic --mode random --probability 1/0",
        "-A OUTPUT -m limit --limit 5/fortnight",
        "-A OUTPUT -m conntrack --ctdir SIDEWAYS",
        "-A OUTPUT -m conntrack --ctorigdst ::1",
        "-A OUTPUT -m iprange --dst-range 10.0.0.9-10.0.0.1",
        "-A OUTPUT -m set --match-set x sideways",
        "-A OUTPUT -m addrtype --dst-type FOREIGN",
        "-A PREROUTING -p tcp -j TPROXY",
        "-A PREROUTING -p tcp -j TPROXY --on-port 99999",
        "-A OUTPUT -j CONNMARK",
        "-A OUTPUT -j CONNMARK --save-mark --restore-mark",
        "-A OUTPUT -j SNAT --to-source 10.0.0.1",
    ],
)
def test_a_value_that_means_nothing_is_refused_with_its_line(rule: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_iptables_save(f"*mangle\n{rule}\nCOMMIT\n", "rules")
    assert str(caught.value.place) == "rules:2"
