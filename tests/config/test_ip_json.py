"""`ip -j` as host facts: addresses as ints, routes and rules as the lines that ip takes back."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.address import make_prefix, parse_ip
from meshsim.config.documents import Kind
from meshsim.config.ip_json import read_addresses, read_routes, read_rules
from meshsim.errors import InputError
from tests.config.texts import of


def link(name: str, *held: tuple[str, int]) -> dict[str, Any]:
    family = {True: "inet6", False: "inet"}
    listed = [{"family": family[":" in ip], "local": ip, "prefixlen": length} for ip, length in held]
    return {"ifname": name, "flags": ["UP"], "link_type": "ether", "addr_info": listed}


def test_addresses_in_their_order_and_no_device_without_one() -> None:
    made = of([link("lo", ("127.0.0.1", 8)), link("ifb0"), link("eth0", ("10.0.0.7", 24), ("fd00::7", 64)), {}])
    assert made.kind is Kind.ADDRESSES
    facts = read_addresses(made)
    assert list(facts.interfaces) == ["lo", "eth0"]
    assert facts.addresses() == (parse_ip("10.0.0.7"), parse_ip("fd00::7"))
    assert facts.interfaces["eth0"][1] == (parse_ip("fd00::7"), make_prefix(parse_ip("fd00::"), 64)[1])
    assert not facts.sockets_stated


def test_a_broken_address_names_its_place() -> None:
    with pytest.raises(InputError) as caught:
        read_addresses(of([link("eth0", ("10.0.0.300", 24))]))
    assert str(caught.value.place) == "f#/0/addr_info/0"
    assert "ip -j addr" in caught.value.hint


def routes(*entries: dict[str, Any]) -> tuple[str, ...]:
    made = of(list(entries))
    assert made.kind is Kind.ROUTES
    return read_routes(made).routes


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"dst": "default", "gateway": "10.0.0.1", "dev": "eth0", "flags": []}, "default via 10.0.0.1 dev eth0"),
        ({"dst": "10.0.0.0/24", "dev": "eth0", "prefsrc": "10.0.0.7"}, "10.0.0.0/24 dev eth0 src 10.0.0.7"),
        (
            {"type": "local", "dst": "10.0.0.0/8", "dev": "lo", "table": "133", "scope": "host"},
            "local 10.0.0.0/8 dev lo table 133",
        ),
        ({"type": "local", "dst": "::1", "dev": "lo", "metric": 0, "pref": "medium"}, "local ::1 dev lo metric 0"),
        ({"dst": "default", "dev": "eth0", "pref": "medium"}, "v6: default dev eth0"),
        (
            {"dst": "default", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth0"},
            "default via inet6 fe80::1 dev eth0",
        ),
        (
            {"dst": "default", "nexthops": [{"gateway": "10.0.0.1", "dev": "eth0"}, {"gateway": "10.0.0.2"}]},
            "default via 10.0.0.1 dev eth0",
        ),
    ],
)
def test_a_route_becomes_the_line_that_ip_takes(entry: dict[str, Any], line: str) -> None:
    assert routes(entry) == (line,)


STANDARD = [{"priority": 0, "src": "all", "table": "local"}, {"priority": 32766, "src": "all", "table": "main"}]
DEFAULT = {"priority": 32767, "src": "all", "table": "default"}
MARKED = {"priority": 32765, "src": "all", "fwmark": "0x539", "table": "133"}


def rules(*entries: dict[str, Any]) -> tuple[str, ...]:
    made = of(list(entries))
    assert made.kind is Kind.RULES
    return read_rules(made).rules


def test_the_rules_that_are_always_there_are_left_out() -> None:
    assert rules(*STANDARD, DEFAULT) == ()
    assert rules(*STANDARD, DEFAULT, MARKED) == ("priority 32765 from all fwmark 0x539 lookup 133",)
    moved = {"priority": 100, "src": "all", "table": "local"}
    assert rules(moved, *STANDARD[1:], DEFAULT) == ("priority 100 from all lookup local",)


def test_without_the_default_table_the_rules_are_of_ipv6() -> None:
    assert rules(*STANDARD, MARKED) == ("v6: priority 32765 from all fwmark 0x539 lookup 133",)
    assert rules(*STANDARD, {**MARKED, "src": "fd00::", "srclen": 64}) == (
        "priority 32765 from fd00::/64 fwmark 0x539 lookup 133",
    )


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"priority": 9, "not": None, "src": "10.0.0.0", "srclen": 8, "dst": "10.1.2.3", "iif": "lo", "table": 5},
            "priority 9 not from 10.0.0.0/8 to 10.1.2.3 iif lo lookup 5",
        ),
        (
            {
                "priority": 9,
                "src": "all",
                "fwmark": "0x1",
                "fwmask": "0xff",
                "uid_start": 1,
                "uid_end": 7,
                "table": "x",
            },
            "priority 9 from all fwmark 0x1/0xff uidrange 1-7 lookup x",
        ),
        ({"priority": 9, "src": "all", "action": "unreachable"}, "priority 9 from all unreachable"),
        ({"priority": 9, "src": "all", "goto": 40}, "priority 9 from all goto 40"),
        (
            {"priority": 9, "src": "all", "ipproto": "tcp", "dport_start": 80, "dport_end": 90, "table": "7"},
            "priority 9 from all ipproto tcp dport 80-90 lookup 7",
        ),
        (
            {"priority": 9, "src": "all", "dport": 53, "table": "main", "suppress_prefixlen": 0},
            "priority 9 from all dport 53 lookup main suppress_prefixlength 0",
        ),
    ],
)
def test_a_rule_becomes_the_line_that_ip_takes(entry: dict[str, Any], line: str) -> None:
    assert rules(entry) == (line,)
