"""Host facts: values in, ints out; a wrong key or value is told with its place."""

from __future__ import annotations

import pytest

from meshsim.address import V6_BIT, parse_ip, parse_prefix
from meshsim.config.detect import recognise
from meshsim.config.documents import SourceText, locate
from meshsim.config.host_facts import HostFacts, StatedTls, read_host_facts
from meshsim.errors import InputError

FULL = """
kind: HostFacts
pod: reviews-v1
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.80.3.110/24, "fd00::110/64"]}
routes: ["default via 10.80.3.1 dev eth0", "local 10.0.0.0/8 dev lo"]
rules: ["fwmark 1337 lookup 133"]
sysctls: {net.ipv4.ip_forward: 1}
local_prefixes: [10.0.0.0/8]
names: {Reviews.: [10.96.4.2], one: 10.96.4.3}
sockets:
  - {listen: "0.0.0.0:9080", protocol: tcp, speaks: http, uid: 1000, gid: 1001, status: 200, transparent: false,
     v6only: false}
  - listen: "[::]:8443"
    speaks: https
    v6only: true
    tls: {alpn: [h2], uri_sans: ["spiffe://a/b"], dns_sans: [], trusted: false, require_client_certificate: true}
  - {listen: "127.0.0.1:53", speaks: udp}
unreachable: [203.0.113.0/24]
"""


def facts(text: str) -> HostFacts:
    return read_host_facts(recognise(SourceText.of("host.yaml", text)))


def test_everything() -> None:
    read = facts(FULL)
    assert read.pod == "reviews-v1"
    assert read.interfaces["lo"] == (
        (parse_ip("127.0.0.1"), parse_prefix("127.0.0.0/8")[1]),
        (parse_ip("::1"), parse_prefix("::1/128")[1]),
    )
    assert read.addresses() == (parse_ip("10.80.3.110"), parse_ip("fd00::110"))
    assert read.routes[1] == "local 10.0.0.0/8 dev lo"
    assert read.rules == ("fwmark 1337 lookup 133",)
    assert read.sysctls == {"net.ipv4.ip_forward": "1"}
    assert read.local_prefixes == (parse_prefix("10.0.0.0/8"),)
    assert read.names == {"reviews": (parse_ip("10.96.4.2"),), "one": (parse_ip("10.96.4.3"),)}
    assert read.unreachable == (parse_prefix("203.0.113.0/24"),)
    assert read.sockets_stated
    http, https, dns = read.sockets
    assert (http.ip, http.port, http.speaks, http.uid, http.gid, http.status) == (0, 9080, "http", 1000, 1001, 200)
    assert http.tls is None
    assert (https.ip, https.v6only) == (V6_BIT, True)
    assert https.tls == StatedTls(
        alpn=("h2",), uri_sans=("spiffe://a/b",), trusted=False, require_client_certificate=True
    )
    assert (dns.protocol, dns.speaks, dns.uid) == ("udp", "udp", None)
    assert dns.place.path == ("sockets", 2)


def test_nothing_is_stated_by_default() -> None:
    read = facts("kind: HostFacts\n")
    assert read.addresses() == ()
    assert not read.sockets_stated
    assert facts("kind: HostFacts\nsockets: []\n").sockets_stated


def test_pipes_are_sockets_with_a_path() -> None:
    read = facts(
        "kind: HostFacts\nsockets: [{listen: /run/x, speaks: http, status: 204}, {listen: '@y'}, {listen: '[::]:1'}]"
    )
    assert (list(read.pipes), [each.port for each in read.sockets]) == (["/run/x", "@y"], [1])
    assert (read.pipes["/run/x"].speaks, read.pipes["/run/x"].status, read.pipes_stated) == ("http", 204, True)
    other = facts("kind: HostFacts\n")
    assert (other.over(read).pipes, other.over(read).pipes_stated) == (read.pipes, True)
    assert not other.pipes_stated


def test_addresses_are_short_for_eth0() -> None:
    assert (
        facts("kind: HostFacts\naddresses: [10.1.2.3/24]\n").interfaces
        == facts("kind: HostFacts\ninterfaces: {eth0: [10.1.2.3/24]}\n").interfaces
    )
    (held,) = facts("kind: HostFacts\naddresses: 10.1.2.3\n").interfaces["eth0"]
    assert held == parse_prefix("10.1.2.3/32")


WRONG = [
    ("intefaces: {}", ("intefaces",), "unknown-key", "did you mean interfaces?"),
    ("zzz: 1", ("zzz",), "unknown-key", "known are"),
    ("sockets: [{listen: '0.0.0.0:1', speek: http}]", ("sockets", 0, "speek"), "unknown-key", "did you mean speaks?"),
    ("sockets: [{listen: '0.0.0.0:1', tls: {alpm: []}}]", ("sockets", 0, "tls", "alpm"), "unknown-key", "alpn"),
    ("sockets: [{listen: '0.0.0.0'}]", ("sockets", 0, "listen"), "bad-host-facts", ""),
    ("sockets: [{listen: 'x:1'}]", ("sockets", 0, "listen"), "bad-host-facts", ""),
    ("sockets: [{listen: '0.0.0.0:70000'}]", ("sockets", 0, "listen"), "bad-host-facts", ""),
    ("sockets: [{listen: /run/x, speaks: udp}]", ("sockets", 0), "bad-host-facts", "stream"),
    ("sockets: [{listen: run/x}]", ("sockets", 0, "listen"), "bad-host-facts", ""),
    ("sockets: [{}]", ("sockets", 0), "bad-host-facts", "listen"),
    ("sockets: [{listen: '0.0.0.0:1', speaks: smtp}]", ("sockets", 0, "speaks"), "bad-host-facts", "http"),
    ("sockets: [{listen: '0.0.0.0:1', uid: root}]", ("sockets", 0, "uid"), "bad-host-facts", ""),
    ("sockets: [{listen: '0.0.0.0:1', status: 20}]", ("sockets", 0, "status"), "bad-host-facts", "599"),
    ("sockets: [{listen: '0.0.0.0:1', v6only: 1}]", ("sockets", 0, "v6only"), "bad-host-facts", ""),
    ("sockets: {}", ("sockets",), "bad-host-facts", ""),
    ("sockets: [x]", ("sockets", 0), "bad-host-facts", ""),
    ("interfaces: [eth0]", ("interfaces",), "bad-host-facts", ""),
    ("interfaces: {eth0: [10.0.0.300/24]}", ("interfaces", "eth0", 0), "bad-host-facts", ""),
    ("interfaces: {eth0: [10.0.0.3/240]}", ("interfaces", "eth0", 0), "bad-host-facts", ""),
    ("interfaces: {eth0: [10.0.0.3/x]}", ("interfaces", "eth0", 0), "bad-host-facts", ""),
    ("addresses: [1.2.3]", ("addresses", 0), "bad-host-facts", ""),
    ("{interfaces: {eth0: []}, addresses: [1.2.3.4]}", ("addresses",), "bad-host-facts", "keep one"),
    ("names: {a: [b]}", ("names", "a", 0), "bad-host-facts", ""),
    ("routes: [1]", ("routes",), "bad-host-facts", ""),
    ("unreachable: [10.0.0.0/33]", ("unreachable", 0), "bad-host-facts", ""),
    ("pod: 5", ("pod",), "bad-host-facts", ""),
    ("sysctls: {a: []}", ("sysctls", "a"), "bad-host-facts", ""),
]


@pytest.mark.parametrize(("text", "path", "reference", "hint"), WRONG)
def test_wrong_facts(text: str, path: tuple[str | int, ...], reference: str, hint: str) -> None:
    whole = text.replace("{", "{kind: HostFacts, ", 1) if text.startswith("{") else f"kind: HostFacts\n{text}\n"
    document = recognise(SourceText.of("host.yaml", whole))
    with pytest.raises(InputError) as caught:
        read_host_facts(document)
    assert caught.value.reference == reference
    assert caught.value.place is not None
    assert caught.value.place.path == path
    assert locate(document, path) is not None
    assert hint in caught.value.hint
    assert caught.value.hint
