"""Lines of `ip route` and `ip rule` in, routes out."""

import pytest

from meshsim.address import format_ip, parse_ip
from meshsim.netfilter.addresses import Addresses
from meshsim.netfilter.netns import read_routes, read_routing_rules
from meshsim.netfilter.routing import Flow, Route, parse_route, parse_routing_rule
from tests.netfilter.packets import prefix


def addresses(*routes: str, rules: tuple[str, ...] = ()) -> Addresses:
    return Addresses(
        {"eth0": (prefix("10.77.0.1/24"), prefix("fd77::1/64")), "eth1": (prefix("10.88.0.1/24"),)},
        routes=read_routes(routes),
        rules_v4=read_routing_rules(rules, v6=False),
        rules_v6=read_routing_rules(rules, v6=True),
    )


def told(route: Route | None) -> str:
    if route is None:
        return "none"
    gateway = "" if route.gateway is None else f" via {format_ip(route.gateway)}"
    return f"{route.kind} {route.device}{gateway}".strip()


def ask(held: Addresses, destination: str, *, source: str = "10.77.0.1", mark: int = 0, uid: int | None = None) -> str:
    return told(held.route(Flow(parse_ip(destination), parse_ip(source), mark, uid=uid)))


def test_without_routes_the_interfaces_tell_the_way() -> None:
    held = addresses()
    ways = {
        "10.77.0.1": "local lo",
        "127.0.0.9": "local lo",
        "10.88.0.7": "unicast eth1",
        "10.77.0.7": "unicast eth0",
        "9.9.9.9": "unicast eth0",
        "::1": "local lo",
        "fd77::9": "unicast eth0",
    }
    assert {ip: ask(held, ip) for ip in ways} == ways


def test_the_longest_prefix_and_then_the_smallest_metric_decide() -> None:
    held = addresses(
        "default via 10.77.0.254 dev eth0",
        "10.0.0.0/8 via 10.88.0.254 dev eth1 metric 200",
        "10.0.0.0/8 via 10.77.0.253 dev eth0 metric 100",
        "blackhole 10.66.0.0/16",
        "local 10.55.0.0/16 dev lo",
    )
    assert ask(held, "10.1.1.1") == "unicast eth0 via 10.77.0.253"
    assert ask(held, "10.66.1.1") == "blackhole"
    assert ask(held, "10.55.1.1") == "local lo"
    assert ask(held, "8.8.8.8") == "unicast eth0 via 10.77.0.254"
    assert held.is_local(parse_ip("10.55.1.1"))
    assert not held.is_local(parse_ip("10.66.1.1"))


def test_stated_routes_without_a_default_reach_nothing_else() -> None:
    assert ask(addresses("10.99.0.0/16 dev eth1"), "9.9.9.9") == "none"
    assert ask(addresses("local 10.99.0.0/16 dev lo"), "9.9.9.9") == "unicast eth0"


@pytest.mark.parametrize(
    ("rule", "question", "way"),
    [
        ("fwmark 1337 lookup 133", {"mark": 1337}, "local lo"),
        ("fwmark 1337 lookup 133", {"mark": 1}, "unicast eth0"),
        ("fwmark 0x10/0xf0 lookup 133", {"mark": 0x31 | 0x10}, "unicast eth0"),
        ("fwmark 0x10/0xf0 lookup 133", {"mark": 0x15}, "local lo"),
        ("from 10.88.0.1 lookup 133", {"source": "10.88.0.1"}, "local lo"),
        ("not from 10.88.0.1 lookup 133", {"source": "10.88.0.1"}, "unicast eth0"),
        ("uidrange 1000-1400 lookup 133", {"uid": 1337}, "local lo"),
        ("uidrange 1000-1400 lookup 133", {"uid": 0}, "unicast eth0"),
        ("to 9.0.0.0/8 prohibit", {}, "prohibit"),
        ("32765: from all fwmark 0x539 lookup 133", {"mark": 0x539}, "local lo"),
        ("pref 40000 fwmark 1337 lookup 133", {"mark": 1337}, "unicast eth0"),
        ("ipproto udp lookup 133", {}, "unicast eth0"),
    ],
)
def test_rules_choose_the_table(rule: str, question: dict[str, object], way: str) -> None:
    held = addresses("local default dev lo table 133", rules=(rule,))
    assert ask(held, "9.9.9.9", **question) == way  # type: ignore[arg-type]


def test_what_ip_prints_in_full_reads_like_its_additions() -> None:
    listing = ("0:\tfrom all lookup local", "32766:\tfrom all lookup main", "32767:\tfrom all lookup default")
    held = addresses("default via 10.77.0.254 dev eth0 proto dhcp src 10.77.0.1 metric 100", rules=listing)
    assert ask(held, "9.9.9.9") == "unicast eth0 via 10.77.0.254"


def test_a_family_is_told_by_addresses_or_by_its_mark() -> None:
    assert [route.kind for route in read_routes(("v6: local default dev lo table 1", "fe80::/64 dev eth0"))] == [
        "local", "unicast",
    ]  # fmt: skip
    assert read_routing_rules(("fwmark 1 lookup 2",), v6=True) == ()
    assert len(read_routing_rules(("v6: fwmark 1 lookup 2", "from fd00::/8 lookup 3"), v6=True)) == 2


@pytest.mark.parametrize("line", ["", "via", "10.0.0.0/33", "default via", "default mood good", "x" * 2000])
def test_a_line_that_is_no_route_says_so(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_route(line, v6=False)


@pytest.mark.parametrize("line", ["fwmark", "fwmark red lookup 1", "from 10.0.0.0/8", "mood good lookup 1"])
def test_a_line_that_is_no_rule_says_so(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_routing_rule(line, v6=False)


def test_addresses_have_the_types_addrtype_knows() -> None:
    held = addresses("blackhole 10.66.0.0/16", "default via 10.77.0.254 dev eth0")
    kinds = {
        "10.77.0.1": "LOCAL",
        "127.9.9.9": "LOCAL",
        "10.77.0.255": "BROADCAST",
        "224.0.0.1": "MULTICAST",
        "9.9.9.9": "UNICAST",
        "10.66.0.9": "BLACKHOLE",
        "ff02::1": "MULTICAST",
        "fd77::1": "LOCAL",
    }
    assert {ip: held.type_of(parse_ip(ip)) for ip in kinds} == kinds
    assert held.type_of(parse_ip("10.77.0.1"), "eth1") == "UNICAST"
