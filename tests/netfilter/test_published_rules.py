"""Rules that others published and captured: every one is read, printed back and walked."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsim.address import parse_endpoint, parse_ip
from meshsim.facts.packet import Packet
from meshsim.istio.iptables import default_sidecar_rules
from meshsim.netfilter.explain import explain
from meshsim.netfilter.netns import Netns
from meshsim.netfilter.save import Family, parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import names, outgoing, pod

DATA = Path(__file__).parents[3] / "shared" / "data"
CAPTURED = sorted((DATA / "iptables-captured").glob("*"))
pytestmark = pytest.mark.skipif(not CAPTURED, reason="the collection of published rules (../shared/data) is not here")


def cases() -> list[Any]:
    if not CAPTURED:
        return []
    with (DATA / "istio-iptables" / "capture.yaml").open() as file:
        return [
            pytest.param(case, family, id=f"{case['name']}-{family}")
            for case in yaml.safe_load(file)["cases"]
            for family in ("v4", "v6")
            if case.get(f"iptables_save_{family}")
        ]


def bare(text: str) -> str:
    """Without comments and counters."""
    lines = (re.sub(r"\[\d+:\d+\]", "[0:0]", line) for line in text.splitlines())
    return "".join(line + "\n" for line in lines if line.strip() and not line.startswith("#"))


def rules_only(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("-A")]


def by_chain(text: str) -> dict[str, list[str]]:
    """The rules of each chain in order."""
    chains: dict[str, list[str]] = {}
    for table in text.split("COMMIT"):
        for line in rules_only(table):
            chains.setdefault(f"{table.split()[0]}/{line.split()[1]}", []).append(line)
    return chains


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.name)
def test_captured_rules_are_read_printed_and_walked(path: Path) -> None:
    text = path.read_text()
    rules = parse_iptables_save(text, path.name)
    if text.startswith("-"):
        assert rules_only(rules.save_text()) == rules_only(text)
    else:
        assert rules.save_text() == bare(text)
    netns = Netns("pod", rules_v4=rules)
    for uid in (0, 997, 1337):
        for destination in ("10.96.0.1:80", "10.10.10.6:53", "127.0.0.1:8080"):
            explain(netns, walk(netns, outgoing(destination, uid=uid), "out"))
    arriving = Packet("tcp", parse_ip("10.0.0.9"), 1, *parse_endpoint("10.77.0.1:8080"))
    explain(netns, walk(netns, arriving, "in"))


@pytest.mark.parametrize(("case", "family"), cases())
def test_what_istio_writes_is_what_the_kernel_shows(case: dict[str, Any], family: Family) -> None:
    """The kernel's text is printed back unchanged, and Istio's own text becomes the kernel's."""
    saved = case[f"iptables_save_{family}"]
    assert parse_iptables_save(saved, case["name"], family).save_text() == bare(saved)
    written = case.get(f"iptables_restore_{family}")
    if written:
        printed = parse_iptables_save(written, case["name"], family).save_text()
        assert by_chain(printed) == by_chain(saved)


def test_a_real_pods_rules_capture_its_calls() -> None:
    text = (DATA / "iptables-captured" / "istio-sidecar-2022.iptables-save").read_text()
    passage = walk(pod(text), outgoing("10.96.0.1:80"), "out")
    assert passage.after.destination_text() == "127.0.0.1:15001"
    assert names(passage) == ["nat/OUTPUT/1", "nat/ISTIO_OUTPUT/9", "nat/ISTIO_REDIRECT/1"]


def test_the_default_rules_are_those_a_pod_of_2025_had() -> None:
    text = (DATA / "iptables-captured" / "istio-sidecar-2025.iptables-save").read_text()
    assert default_sidecar_rules() == bare(text)
