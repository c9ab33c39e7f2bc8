"""Which flag and annotation is behind a rule, in either spelling."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from meshsim.address import parse_ip
from meshsim.istio.iptables import restore_text, saved_text
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import PodFacts, read_settings
from meshsim.istio.rule_origins import origins
from meshsim.netfilter.nft_json import parse_nft_json
from tests.istio.flag_words import WORDS

NATIVE = Path(__file__).parents[1] / "netfilter" / "native"
TRAFFIC = "traffic.sidecar.istio.io/"


@pytest.mark.parametrize(
    ("table", "rule", "flag", "annotation"),
    [
        (
            "nat",
            "-A ISTIO_INBOUND -p tcp -m tcp --dport 15090 -j RETURN",
            "--istio-local-exclude-ports",
            "excludeInboundPorts",
        ),
        (
            "nat",
            "[3:180] -A ISTIO_INBOUND -p tcp --dport 22 -j RETURN",
            "--istio-local-exclude-ports",
            "excludeInboundPorts",
        ),
        ("nat", "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT", "--istio-inbound-ports", "includeInboundPorts"),
        (
            "mangle",
            "-A ISTIO_INBOUND -p tcp -m tcp --dport 80 -j ISTIO_TPROXY",
            "--istio-inbound-ports",
            "includeInboundPorts",
        ),
        ("nat", "-A ISTIO_OUTPUT -j ISTIO_REDIRECT", "--istio-service-cidr", "includeOutboundIPRanges"),
        ("nat", "-A ISTIO_OUTPUT -d 10.0.0.0/8 -j ISTIO_REDIRECT", "--istio-service-cidr", "includeOutboundIPRanges"),
        ("nat", "-A ISTIO_OUTPUT -d 10.9.0.0/16 -j RETURN", "--istio-service-exclude-cidr", "excludeOutboundIPRanges"),
        (
            "nat",
            "-A ISTIO_OUTPUT -p udp -m udp --dport 9 -j RETURN",
            "--istio-local-outbound-ports-exclude",
            "excludeOutboundPorts",
        ),
        ("nat", "-A ISTIO_OUTPUT -p tcp --dport 9 -j ISTIO_REDIRECT", "--istio-outbound-ports", "includeOutboundPorts"),
        ("nat", "-A OUTPUT -o net1 -j RETURN", "--istio-exclude-interfaces", "excludeInterfaces"),
    ],
)
def test_the_flag_and_annotation_of_a_rule(table: str, rule: str, flag: str, annotation: str) -> None:
    (found,) = origins(table, rule.split()[rule.split().index("-A") + 1], rule)
    assert (found.flag, found.annotation) == (flag, TRAFFIC + annotation)


def test_what_a_shape_leaves_open_names_both() -> None:
    flags = [found.flag for found in origins("nat", "PREROUTING", "-A PREROUTING -i eth1 -j RETURN")]
    assert flags == ["--kube-virt-interfaces", "--istio-exclude-interfaces"]


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("nat", "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j RETURN"),
        ("filter", "-A OUTPUT -p tcp -m tcp --dport 80 -j DROP"),
        ("nat", "-A OUTPUT -p tcp --dport 53 -j DNAT --to-destination 10.0.0.1:53"),
        ("nat", "-A OUTPUT -j ISTIO_OUTPUT"),
    ],
)
def test_rules_of_others_and_of_nobodys_flag_have_no_origin(table: str, rule: str) -> None:
    assert origins(table, rule.split()[1], rule) == ()


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_an_origin_is_a_flag_that_matters_here(words: list[str]) -> None:
    """Both spellings agree, and a rule never comes from a list that was left empty."""
    given_flags = read_flags(words)
    wanted = read_settings(given_flags, PodFacts((parse_ip("10.0.0.1"),), ("10.96.0.10",))).interception
    found = [of_text(restore_text(wanted, "v4")), of_text(saved_text(wanted, "v4"))]
    assert found[0] == found[1]
    for name in (
        "--istio-outbound-ports",
        "--istio-local-outbound-ports-exclude",
        "--istio-service-cidr",
        "--redirect-dns",
    ):
        if name in found[0]:
            assert given_flags.text(name).strip(",") not in ("", "false")


def test_rules_of_native_nftables_come_from_the_same_flags() -> None:
    """The same flags once in each notation: the rules' origins are the same, family by family."""
    words = [
        "-b",
        "*",
        "-d",
        "22",
        "-i",
        "10.0.0.0/8,fd00::/8",
        "-x",
        "10.9.0.0/16",
        "-q",
        "443",
        "-o",
        "9001",
        "-c",
        "net1",
    ]
    words += ["-k", "tap0", "--redirect-dns", "--drop-invalid", "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=5,6"]
    pod = PodFacts((parse_ip("fd00::1"),), ("10.96.0.10",))
    wanted = read_settings(read_flags(words), pod).interception
    by_iptables = {
        found for text in (restore_text(wanted, "v4"), restore_text(wanted, "v6")) for found in of_text(text)
    }
    data = json.loads((NATIVE / "sidecar-tproxy-dual-stack.json").read_text(encoding="utf-8"))
    native = {
        found.flag
        for rule in parse_nft_json(data, "nft", "v6").rules()
        for found in origins(rule.table, rule.chain, rule.text)
    }
    assert by_iptables - {"--istio-inbound-interception-mode"} == native - {"--istio-inbound-interception-mode"}


def of_text(text: str) -> set[str]:
    table, flags = "", set()
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line[:2] in ("-A", "-I"):
            flags |= {found.flag for found in origins(table, line.split()[1], line)}
    return flags
