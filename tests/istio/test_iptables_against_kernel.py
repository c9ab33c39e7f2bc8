"""The real kernel takes what we write for any flags, and saves it as we say it does."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshsim.address import parse_ip
from meshsim.facts.packet import Packet
from meshsim.istio.interception import Interception
from meshsim.istio.iptables import nftables_text, restore_text, saved_text
from meshsim.istio.iptables_flags import read_flags
from meshsim.istio.iptables_settings import CURRENT, OLD_VERSION, PodFacts, read_settings
from tests.istio.flag_words import ADDRESSES, SERVERS, WORDS
from tests.netfilter.nft_cases import by_iptables, by_nftables, ends_alike, is_told_apart, packets
from tests.realism import prerequisites

MISSING = [name for name in prerequisites.missing() if name not in ("envoy", "openssl")]
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason="the kernel's own answers need " + ", ".join(MISSING)),
]
COMMANDS = {"v4": "iptables-nft", "v6": "ip6tables-nft"}


class Namespace:
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *command: str, text: str | None = None) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            check=False,
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}\n{text}"
        return done.stdout


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    made = Namespace(f"meshsim-rules-{os.getpid()}")
    subprocess.run(["ip", "netns", "add", made.name], check=True, timeout=30)
    try:
        yield made
    finally:
        subprocess.run(["ip", "netns", "delete", made.name], check=True, timeout=30)


def interception(words: list[str], addresses: tuple[str, ...], servers: tuple[str, ...], version: str) -> Interception:
    return read_settings(read_flags(words), PodFacts(tuple(map(parse_ip, addresses)), servers), version).interception


def by_table(text: str) -> dict[str, list[str]]:
    """The lines of each table, without counters; built-in chains without a rule do not exist until one comes."""
    tables: dict[str, list[str]] = {}
    held: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            held = tables[line[1:]] = []
        elif line.startswith((":", "-A")):
            held.append(re.sub(r" \[\d+:\d+\]", "", line))
    return {table: sorted(line for line in lines if line[0] == ":") + rules(lines) for table, lines in tables.items()}


def rules(lines: list[str]) -> list[str]:
    """Chain by chain, each in its own order."""
    return sorted((line for line in lines if line[0] == "-"), key=lambda line: line.split()[1])


@pytest.mark.parametrize("version", [CURRENT, OLD_VERSION])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, ADDRESSES, SERVERS)
def test_rules_are_restored_and_saved(
    namespace: Namespace, version: str, words: list[str], addresses: tuple[str, ...], servers: tuple[str, ...]
) -> None:
    wanted = interception(words, addresses, servers, version)
    for family in wanted.families:
        namespace.run("nft", "flush", "ruleset")
        namespace.run(f"{COMMANDS[family]}-restore", "--noflush", text=restore_text(wanted, family))
        kernel = by_table(namespace.run(f"{COMMANDS[family]}-save"))
        assert by_table(saved_text(wanted, family)) == kernel


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, ADDRESSES, SERVERS)
def test_nftables_rules_are_loaded(
    namespace: Namespace, words: list[str], addresses: tuple[str, ...], servers: tuple[str, ...]
) -> None:
    """nft takes the whole transaction; every rule of ours is there, chain by chain."""
    text = nftables_text(interception(words, addresses, servers, CURRENT))
    namespace.run("nft", "flush", "ruleset")
    namespace.run("nft", "-f", "-", text=text)
    listed: list[dict[str, Any]] = json.loads(namespace.run("nft", "-j", "list", "ruleset"))["nftables"]
    loaded = [f"{entry['rule']['table']} {entry['rule']['chain']}" for entry in listed if "rule" in entry]
    ours = [" ".join(line.split()[3:5]) for line in text.splitlines() if " rule " in line]
    assert sorted(loaded) == sorted(ours)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, ADDRESSES, SERVERS, st.lists(packets(), min_size=5, max_size=5))
def test_both_notations_do_the_same_to_a_packet(
    namespace: Namespace,
    words: list[str],
    addresses: tuple[str, ...],
    servers: tuple[str, ...],
    sent: list[tuple[Packet, str]],
) -> None:
    """What nft lists after it took our rules, walked beside what iptables-save says of the same flags.

    The proxy listens on its usual port: where nobody takes a packet of TPROXY, the two differ by design.
    """
    wanted = evolve(interception(words, addresses, servers, CURRENT), inbound_port="15006")
    namespace.run("nft", "flush", "ruleset")
    namespace.run("nft", "-f", "-", text=nftables_text(wanted))
    listed = json.loads(namespace.run("nft", "-j", "list", "ruleset"))
    one, other = by_iptables(wanted), by_nftables(wanted, listed)
    for packet, way in sent:
        if not is_told_apart(wanted, packet):
            old, new = ends_alike(one, other, packet, way)
            assert (new.way, new.result, new.socket, new.after) == (old.way, old.result, old.socket, old.after)
