"""Istio's own golden rules: for the same flags ours are theirs, line by line, in both notations and as saved.

Normalised: runs of blanks are one blank (two of Istio's nftables rules hold two). Nothing else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsim.address import parse_ip
from meshsim.istio.ambient_rules import ambient_rules, host_rules_iptables, host_rules_nftables
from meshsim.istio.interception import FAMILIES, Interception
from meshsim.istio.iptables import DEFAULT_ARGUMENTS, nftables_text, restore_text, saved_text
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import PodFacts, read_settings
from meshsim.istio.pod_rules import iptables_restore, nftables_commands
from meshsim.istio.saved_form import iptables_saved

DATA = Path(__file__).parents[3] / "shared" / "data" / "istio-iptables"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the golden rules (../shared/data) are not here")

KUBELET_UID = "1000"
POD_PROBES = {"v4": "169.254.7.127", "v6": "e9ac:1e77:90ca:399f:4d6d:ece2:2f9b:3164"}


def cases(name: str) -> list[Any]:
    if not DATA.is_dir():
        return []
    return list(yaml.safe_load((DATA / name).read_text(encoding="utf-8"))["cases"])


def named(found: list[Any]) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in found]


def normal(text: str) -> list[str]:
    return [re.sub(" +", " ", line.strip()) for line in text.strip().splitlines()]


SIDECAR = cases("capture.yaml")
AMBIENT = cases("cni-ambient.yaml")
NFTABLES = {(case["kind"], case["name"]): case["golden"] for case in cases("nftables-goldens.yaml")}
FLAGS_OF_LONELY_CASES = {"inbound-ports-empty-tproxy": ["--istio-inbound-interception-mode=TPROXY"]}
"""Cases that only the nftables set has."""


def sidecar(case: dict[str, Any]) -> Interception:
    looked_up = case.get("detected_at_run_time") or {}
    addresses = ("fd00::1",) if looked_up.get("ENABLE_INBOUND_IPV6") else ("10.0.0.1",)
    servers = (*looked_up.get("DNS_SERVERS_V4", ()), *looked_up.get("DNS_SERVERS_V6", ()))
    given = read_flags(case["flags"], case.get("env"))
    return read_settings(given, PodFacts(tuple(map(parse_ip, addresses)), servers)).interception


def ambient(case: dict[str, Any]) -> Interception:
    config, pod = case["config"], case["pod_overrides"] or {}
    return Interception(
        ambient=True,
        ipv6=config["EnableIPv6"],
        redirect_dns=pod.get("DNSProxy", config.get("RedirectDNS", False)),
        virtual_interfaces=tuple(pod.get("VirtualInterfaces", ())),
        ambient_ingress=pod.get("IngressMode", False),
    )


@pytest.mark.parametrize("case", named(SIDECAR))
def test_a_sidecars_rules(case: dict[str, Any]) -> None:
    wanted = sidecar(case)
    for family in FAMILIES:
        assert normal(restore_text(wanted, family)) == normal(case.get(f"iptables_restore_{family}") or "")


@pytest.mark.parametrize("case", named(SIDECAR))
def test_a_sidecars_rules_as_the_kernel_saves_them(case: dict[str, Any]) -> None:
    wanted = sidecar(case)
    for family in FAMILIES:
        if f"iptables_save_{family}" in case:
            assert normal(saved_text(wanted, family)) == normal(case[f"iptables_save_{family}"])


@pytest.mark.parametrize("case", named([*SIDECAR, *({"name": name} for name in FLAGS_OF_LONELY_CASES)]))
def test_a_sidecars_rules_for_nftables(case: dict[str, Any]) -> None:
    flags = case.get("flags", FLAGS_OF_LONELY_CASES.get(case["name"]))
    golden = NFTABLES["sidecar", case["name"]]
    assert normal(nftables_text(sidecar({**case, "flags": flags}))) == normal(golden)


@pytest.mark.parametrize("case", named(AMBIENT))
def test_ambient_rules(case: dict[str, Any]) -> None:
    wanted = ambient(case)
    rules = ambient_rules(wanted, POD_PROBES) if case["kind"] == "pod" else host_rules_iptables()
    for family in FAMILIES:
        ours = iptables_restore(rules, family) if family in wanted.families else ""
        assert normal(ours) == normal(case.get(f"iptables_restore_{family}") or "")
        if case.get(f"iptables_save_{family}"):
            assert normal(iptables_saved(rules, family)) == normal(case[f"iptables_save_{family}"])


@pytest.mark.parametrize("case", named(AMBIENT))
def test_ambient_rules_for_nftables(case: dict[str, Any]) -> None:
    wanted = ambient(case)
    rules = ambient_rules(wanted, POD_PROBES)
    if case["kind"] == "host":
        rules = host_rules_nftables(KUBELET_UID, POD_PROBES)
    ours = nftables_commands(rules, wanted.families, "istio-ambient")
    assert normal(ours) == normal(NFTABLES["ambient", case["name"]])


@pytest.mark.parametrize(("year", "version"), [("2022", "1.7"), ("2025", "current")])
def test_the_rules_of_published_pods(year: str, version: str) -> None:
    """What people saved in their pods, for the injector's own flags."""
    text = (DATA.parent / "iptables-captured" / f"istio-sidecar-{year}.iptables-save").read_text(encoding="utf-8")
    theirs = [line for line in text.splitlines() if line.startswith("-A")]
    wanted = read_settings(read_flags(DEFAULT_ARGUMENTS), version=version).interception
    ours = [line for line in saved_text(wanted, "v4").splitlines() if line.startswith("-A")]
    assert ours == theirs


def test_no_golden_case_is_left_out() -> None:
    tested = {("sidecar", case["name"]) for case in SIDECAR} | {("ambient", case["name"]) for case in AMBIENT}
    assert tested | {("sidecar", name) for name in FLAGS_OF_LONELY_CASES} == set(NFTABLES)
