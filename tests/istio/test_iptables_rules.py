"""What the flags make of a pod: the sets people ask about, their order, and what holds for any flags."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from meshsim.address import parse_ip
from meshsim.istio.interception import FAMILIES, Interception
from meshsim.istio.iptables import (
    DEFAULT_ARGUMENTS,
    default_sidecar_rules,
    ip_commands,
    nftables_text,
    restore_text,
    saved_text,
)
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import PodFacts, read_settings
from meshsim.netfilter.save import Family, parse_iptables_save
from tests.istio.flag_words import ADDRESSES, SERVERS, WORDS


def interception(
    *words: str, addresses: tuple[str, ...] = (), servers: tuple[str, ...] = (), version: str = "current", **kept: bool
) -> Interception:
    pod = PodFacts(tuple(map(parse_ip, addresses)), servers)
    return read_settings(read_flags(words), pod, version, **kept).interception


def chain(text: str, table: str, name: str) -> list[str]:
    """The rules of a chain in a saved text, without their command."""
    held = next((part for part in text.split("COMMIT\n") if part.startswith(f"*{table}\n")), "")
    prefix = f"-A {name} "
    return [line.removeprefix(prefix) for line in held.splitlines() if line.startswith(prefix)]


def saved(*words: str, family: str = "v4", **kept: object) -> str:
    return saved_text(interception(*words, **kept), family)  # type: ignore[arg-type]


DEFAULT_SIDECAR = """\
* nat
-N ISTIO_INBOUND
-N ISTIO_REDIRECT
-N ISTIO_IN_REDIRECT
-N ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
COMMIT
"""


def test_the_default_sidecar() -> None:
    wanted = interception(*DEFAULT_ARGUMENTS)
    assert restore_text(wanted, "v4") == DEFAULT_SIDECAR
    assert restore_text(wanted, "v6") == ""
    assert ip_commands(wanted) == ()
    assert saved_text(wanted, "v4") == default_sidecar_rules()


def test_what_1_7_wrote_otherwise() -> None:
    """Three differences in REDIRECT mode: TCP only, sshd left alone, and no exception for the tunnel port."""
    old = restore_text(interception(*DEFAULT_ARGUMENTS, version="1.7"), "v4")
    expected = (
        DEFAULT_SIDECAR.replace("-A OUTPUT -j", "-A OUTPUT -p tcp -j")
        .replace(" -p tcp ! --dport 15008 -m owner", " -m owner")
        .replace("-A ISTIO_INBOUND -p tcp --dport 15090", "-A ISTIO_INBOUND -p tcp --dport 22 -j RETURN\n\\g<0>")
    )
    expected = expected.replace("\\g<0>", "-A ISTIO_INBOUND -p tcp --dport 15090")
    assert old == expected


def test_1_7_let_what_a_list_does_not_name_return() -> None:
    assert chain(saved("-i", "10.0.0.0/8", version="1.7"), "nat", "ISTIO_OUTPUT")[-1] == "-j RETURN"
    assert chain(saved("-i", "10.0.0.0/8"), "nat", "ISTIO_OUTPUT")[-1] == "-d 10.0.0.0/8 -j ISTIO_REDIRECT"


def test_1_7_excluded_outbound_ports_for_tcp_only() -> None:
    rules = {version: saved("-o", "9000", version=version) for version in ("current", "1.7")}
    assert "-p udp -m udp --dport 9000 -j RETURN" in rules["current"]
    assert "udp" not in rules["1.7"]


def test_1_7_captured_dns_for_udp_in_the_built_in_chains() -> None:
    text = saved("--redirect-dns", version="1.7")
    assert chain(text, "nat", "OUTPUT")[1:] == [
        "-p udp -m udp --dport 53 -m owner --uid-owner 1337 -j RETURN",
        "-p udp -m udp --dport 53 -m owner --gid-owner 1337 -j RETURN",
        "-p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.1:15053",
    ]
    assert chain(text, "nat", "POSTROUTING") == ["-p udp -m udp --dport 15053 -j SNAT --to-source 127.0.0.1"]
    assert "53" not in saved("--redirect-dns", version="1.7", family="v6", addresses=("fd00::1",))


def test_1_7_knew_tproxy_for_ipv4_only_and_its_outbound_port() -> None:
    words = ("-m", "TPROXY", "-b", "*")
    text = saved(*words, version="1.7")
    assert chain(text, "mangle", "ISTIO_TPROXY")[0].endswith(
        "--on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff"
    )
    assert chain(text, "mangle", "OUTPUT") == [
        "-s 127.0.0.1/32 ! -d 127.0.0.1/32 -p tcp -j MARK --set-xmark 0x539/0xffffffff"
    ]
    v6 = saved(*words, version="1.7", family="v6", addresses=("fd00::1",))
    assert "*mangle" not in v6
    assert "-p tcp -j ISTIO_IN_REDIRECT" in chain(v6, "nat", "ISTIO_INBOUND")


def test_excluded_ports_stand_before_the_owner_and_excluded_ranges_after() -> None:
    rules = chain(saved("-o", "9000", "-x", "10.9.0.0/16", "-q", "80", "-i", "*"), "nat", "ISTIO_OUTPUT")
    order = [
        next(number for number, rule in enumerate(rules) if fragment in rule)
        for fragment in ("--dport 9000", "--uid-owner", "-d 10.9.0.0/16", "--dport 80 -j ISTIO_REDIRECT")
    ]
    assert order == sorted(order)
    assert rules[-1] == "-j ISTIO_REDIRECT"


def test_excluded_inbound_ports_count_only_where_all_are_captured() -> None:
    listed = chain(saved("-b", "8080", "-d", "9090"), "nat", "ISTIO_INBOUND")
    assert not any("9090" in rule for rule in listed)
    assert any("9090" in rule for rule in chain(saved("-b", "*", "-d", "9090"), "nat", "ISTIO_INBOUND"))


def test_a_virtual_interface_captured_wholly_is_never_returned_first() -> None:
    rules = chain(saved("-k", "tap0", "-i", "*"), "nat", "PREROUTING")
    assert rules == ["-i tap0 -j ISTIO_REDIRECT", "-i tap0 -j RETURN"]


def test_several_ids_make_a_triple_each() -> None:
    rules = chain(saved("-u", "1,2", "-g", "3"), "nat", "ISTIO_OUTPUT")
    owners = [re.search(r"(! )?--(uid|gid)-owner \d", rule) for rule in rules]
    assert [found[0] for found in owners if found] == [
        "--uid-owner 1", "! --uid-owner 1", "--uid-owner 1",
        "--uid-owner 2", "! --uid-owner 2", "--uid-owner 2",
        "--gid-owner 3", "! --gid-owner 3", "--gid-owner 3",
    ]  # fmt: skip


def test_capturing_loopback_keeps_the_applications_own_calls() -> None:
    assert "! --uid-owner" not in saved("-i", "127.0.0.0/8")
    assert "! --uid-owner" in saved("-i", "10.0.0.0/8")


@pytest.mark.parametrize("servers", [("10.96.0.10",), ("10.96.0.10", "fd00::a")])
def test_dns_rules_name_the_resolvers_of_their_family(servers: tuple[str, ...]) -> None:
    words = {"addresses": ("fd00::1",), "servers": servers}
    v4, v6 = (saved("--redirect-dns", family=family, **words) for family in FAMILIES)
    assert "-d 10.96.0.10/32 -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053" in v4
    assert ("-d fd00::a/128 -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053" in v6) is (len(servers) > 1)
    assert ("-j ISTIO_OUTPUT_DNS" in "".join(chain(v6, "nat", "ISTIO_OUTPUT"))) is (len(servers) > 1)
    assert "-j ISTIO_OUTPUT_DNS" in chain(v6, "raw", "OUTPUT")


def test_without_a_resolver_dns_is_captured_only_wholly() -> None:
    assert "15053" not in saved("--redirect-dns")
    everything = chain(saved("--redirect-dns", "--capture-all-dns"), "nat", "ISTIO_OUTPUT_DNS")
    assert everything == [
        "-p tcp -m tcp --dport 53 -j REDIRECT --to-ports 15053",
        "-p udp -m udp --dport 53 -j REDIRECT --to-ports 15053",
    ]


def test_what_is_set_besides_the_rules() -> None:
    assert ip_commands(interception("-m", "TPROXY", addresses=("fd00::1",))) == (
        "ip -6 addr add ::6/128 dev lo",
        "ip rule add fwmark 1337 lookup 133",
        "ip -6 rule add fwmark 1337 lookup 133",
        "ip route add local 0.0.0.0/0 dev lo table 133",
        "ip -6 route add local ::/0 dev lo table 133",
    )
    assert ip_commands(interception(ambient=True)) == (
        "ip rule add fwmark 0x111/0xfff pref 32764 lookup 100",
        "ip route add local 0.0.0.0/0 dev lo table 100",
    )


@settings(max_examples=60, deadline=None)
@given(WORDS, ADDRESSES, SERVERS)
def test_any_flags_make_rules_that_are_read_and_saved_alike(
    words: list[str], addresses: tuple[str, ...], servers: tuple[str, ...]
) -> None:
    """Our own reader takes both forms, and finds the same rules in them, in the same order."""
    wanted = interception(*words, addresses=addresses, servers=servers)
    for family in wanted.families:
        name: Family = "v4" if family == "v4" else "v6"
        restored = parse_iptables_save(restore_text(wanted, family), "restored", name)
        kept = parse_iptables_save(saved_text(wanted, family), "saved", name)
        for table, held in kept.tables.items():
            for label, rules in held.chains.items():
                written = restored.tables[table].chains.get(label)
                texts = [rule.words for rule in written.rules] if written is not None else []
                assert [rule.words for rule in rules.rules] == texts, f"{table}/{label}"


@settings(max_examples=60, deadline=None)
@given(WORDS, ADDRESSES, SERVERS)
def test_any_flags_make_as_many_nftables_rules_as_both_families_need(
    words: list[str], addresses: tuple[str, ...], servers: tuple[str, ...]
) -> None:
    """A rule without an address stands once there and once a family here; each chain is declared before its rules."""
    wanted = interception(*words, addresses=addresses, servers=servers)
    declared: set[str] = set()
    for line in nftables_text(wanted).splitlines():
        command, kind, _inet, table, *rest = line.split()
        if kind == "chain":
            declared.add(f"{table}/{rest[0]}")
        elif kind == "rule":
            assert command in ("add", "insert")
            assert f"{table}/{rest[0]}" in declared
            target = re.search(r"jump (\S+)", line)
            assert target is None or f"{table}/{target[1]}" in declared
