"""What `ip`, `ss` and `sysctl` really print in a namespace is what host facts then say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from meshsim.address import format_endpoint, format_ip
from meshsim.config.detect import recognise
from meshsim.config.documents import Document, SourceText
from meshsim.config.ip_json import V6, read_addresses, read_routes, read_rules
from meshsim.config.socket_list import read_sockets
from meshsim.config.sysctl_text import read_sysctls
from tests.realism.namespaces import Namespace, network

pytestmark = pytest.mark.real

RULES = (
    "priority 9 not from 10.0.0.0/8 to 10.1.2.3 iif lo lookup 5",
    "priority 10 from all fwmark 0x1/0xff uidrange 1-7 lookup 6",
    "priority 11 from all unreachable",
    "priority 13 from all ipproto tcp dport 80-90 lookup 7",
    "priority 14 from all fwmark 0x539 lookup main suppress_prefixlength 0",
)
RULES_V6 = ("priority 9 from all fwmark 0x539 lookup 133", "priority 10 from fd00::/64 lookup 5")
ROUTES = ("local 10.0.0.0/8 dev lo table 133", "blackhole 10.8.0.0/16", "10.9.0.0/16 via 10.80.3.1 dev eth0 metric 7")
ROUTES_V6 = ("local default dev lo metric 1024 table 133", "fd01::/64 via fd00::1 dev eth0 metric 9")
SERVER = """
import socket, sys
held = [socket.create_server(("0.0.0.0", 9080)), socket.create_server(("::1", 9081), family=socket.AF_INET6),
        socket.create_server(("::", 9082), family=socket.AF_INET6, dualstack_ipv6=True)]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 9053))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def pod() -> Iterator[Namespace]:
    with network("10.80.3.109") as made:
        made.pod.run("ip", "-6", "address", "add", "fd00::9/64", "dev", "eth0", "nodad")
        yield made.pod


def read(text: str) -> Document:
    return recognise(SourceText.of("printed", text))


def ip_words(what: str, verb: str, line: str) -> list[str]:
    """The command that hands a line back to ip."""
    v6 = line.startswith(V6) or "::" in line
    return ["ip", *(["-6"] if v6 else []), what, verb, *line.removeprefix(V6).split()]


def test_addresses(pod: Namespace) -> None:
    facts = read_addresses(read(pod.run("ip", "-j", "addr")))
    assert [format_ip(ip) for ip in facts.addresses()][:2] == ["10.80.3.109", "fd00::9"]
    only_v6 = read_addresses(read(pod.run("ip", "-j", "-6", "addr")))
    assert format_ip(only_v6.addresses()[0]) == "fd00::9"
    assert list(facts.interfaces) == ["lo", "eth0"]


@pytest.mark.parametrize(("family", "stated"), [("-4", RULES), ("-6", RULES_V6)])
def test_each_rule_is_written_so_that_ip_finds_it_again(pod: Namespace, family: str, stated: tuple[str, ...]) -> None:
    before = pod.run("ip", family, "-j", "rule")
    for line in stated:
        pod.run("ip", family, "rule", "add", *line.split())
    written = read_rules(read(pod.run("ip", family, "-j", "rule"))).rules
    assert [line.removeprefix(V6).strip() for line in written] == list(stated)
    for line in written:
        pod.run(*ip_words("rule", "del", line))
    assert pod.run("ip", family, "-j", "rule") == before


def test_each_route_is_written_so_that_ip_finds_it_again(pod: Namespace) -> None:
    command = ("ip", "-j", "route", "show", "table", "all")
    before = pod.run(*command)
    known = set(read_routes(read(before)).routes)
    for family, lines in (("-4", ROUTES), ("-6", ROUTES_V6)):
        for line in lines:
            pod.run("ip", family, "route", "add", *line.split())
    written = [line for line in read_routes(read(pod.run(*command))).routes if line not in known]
    assert sorted(line.removeprefix(V6).strip() for line in written) == sorted(ROUTES + ROUTES_V6)
    for line in written:
        pod.run(*ip_words("route", "del", line))
    assert pod.run(*command) == before


def test_sockets(pod: Namespace) -> None:
    server = subprocess.Popen(
        pod.command([sys.executable, "-c", SERVER]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        facts = read_sockets(read(pod.run("ss", "-Hltunpe")))
    finally:
        server.communicate()
    found = {(each.protocol, format_endpoint(each.ip, each.port)): each for each in facts.sockets}
    assert set(found) == {
        ("tcp", "0.0.0.0:9080"),
        ("tcp", "[::1]:9081"),
        ("tcp", "[::]:9082"),
        ("udp", "127.0.0.1:9053"),
    }
    dual = found["tcp", "[::]:9082"]
    assert (dual.v6only, dual.uid) == (False, 0)
    assert dual.process.startswith("python")


def test_sysctls(pod: Namespace) -> None:
    facts = read_sysctls(read(pod.run("sysctl", "net.ipv4")))
    assert facts.sysctls["net.ipv4.ip_forward"] == "0"
    assert facts.sysctls["net.ipv4.conf.all.rp_filter"] == "0"
