"""`ipset save` text in, membership out."""

import pytest

from meshsim.address import parse_ip
from meshsim.errors import InputError
from meshsim.netfilter.ipset import Probe, parse_ipset_save
from tests.netfilter.cases import IP_SETS


def probe(ip: str, port: int = 80, protocol: str = "tcp", device: str = "eth0") -> Probe:
    return Probe(parse_ip(ip), protocol, port, device, 0)


def holds(text: str, name: str, *sides: Probe) -> bool:
    return parse_ipset_save(text, "sets")[name].holds(sides)


def test_a_longer_prefix_that_does_not_match_is_an_exception() -> None:
    assert holds(IP_SETS, "nets", probe("10.1.1.1"))
    assert not holds(IP_SETS, "nets", probe("10.99.1.1"))
    assert not holds(IP_SETS, "nets", probe("11.0.0.1"))


def test_every_dimension_must_hold() -> None:
    assert holds(IP_SETS, "services", probe("10.96.0.1", 80), probe("10.96.0.1", 80))
    assert not holds(IP_SETS, "services", probe("10.96.0.1", 81), probe("10.96.0.1", 81))
    assert not holds(IP_SETS, "services", probe("10.96.0.1", 80), probe("10.96.0.1", 80, "udp"))


def test_a_set_asked_with_too_few_directions_holds_nothing() -> None:
    assert not holds(IP_SETS, "services", probe("10.96.0.1"))


def test_a_list_holds_what_its_members_hold() -> None:
    assert holds(IP_SETS, "lists", probe("10.77.0.2"))
    assert not holds(IP_SETS, "lists", probe("9.9.9.9"))


def test_families_do_not_meet() -> None:
    assert holds(IP_SETS, "hosts6", probe("2001:db8::1"))
    assert not holds(IP_SETS, "hosts6", probe("10.96.0.1"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("create a hash:ip family inet\nadd b 10.0.0.1", 2),
        ("create a hash:ip\ncreate a hash:ip", 2),
        ("create a tree:ip", 1),
        ("create a hash:ip\nadd a 10.0.0.300", 2),
        ("create a hash:ip\nadd a 10.0.0.1,80", 2),
        ("create a hash:ip,port\nadd a 10.0.0.1,tcp:http", 2),
        ("create a list:set\nadd a nobody", 2),
        ("create a hash:ip\nadd a ::1", 2),
        ("hello", 1),
    ],
)
def test_broken_text_names_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        parse_ipset_save(text, "sets")
    assert str(caught.value.place) == f"sets:{line}"
