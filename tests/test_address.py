"""Addresses as ints: texts in, the same texts out; families never meet."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.address import (
    V6_BIT,
    contains,
    format_endpoint,
    format_ip,
    is_loopback,
    make_prefix,
    parse_endpoint,
    parse_ip,
    parse_prefix,
    prefix_length,
    split_host_port,
)


@given(st.ip_addresses())
def test_text_and_int_round_trip(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    ip = parse_ip(str(address))
    assert ipaddress.ip_address(format_ip(ip)) == address  # their spelling of an IPv4-mapped one differs by version
    assert parse_ip(format_ip(ip)) == ip
    assert (ip >= V6_BIT) == (address.version == 6)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_endpoint_round_trip(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    ip = parse_ip(str(address))
    assert parse_endpoint(format_endpoint(ip, port)) == (ip, port)


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses())
def test_prefixes_contain_what_ipaddress_says(base: object, length: int, other: object) -> None:
    ip = parse_ip(str(base))
    width = 128 if ip >= V6_BIT else 32
    length = min(length, width)
    prefix = make_prefix(ip, length)
    network = ipaddress.ip_network(f"{base}/{length}", strict=False)
    assert contains(prefix, parse_ip(str(other))) == (ipaddress.ip_address(str(other)) in network)
    assert parse_prefix(str(network)) == prefix
    assert prefix_length(prefix[1]) == length


def test_a_length_beyond_the_family_is_clamped() -> None:
    assert make_prefix(parse_ip("10.0.0.1"), 64) == parse_prefix("10.0.0.1/32")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("reviews:9080", "reviews", 9080),
        ("reviews", "reviews", None),
        ("[::1]:80", "::1", 80),
        ("[::1]", "::1", None),
        ("::1", "::1", None),
        ("10.0.0.5:0", "10.0.0.5", 0),
    ],
)
def test_host_and_port(text: str, host: str, port: int | None) -> None:
    assert split_host_port(text) == (host, port)


@pytest.mark.parametrize("text", ["a:99999", "a:x", "a:", "[::1", "[::1]80", "a:-1", "a:٣"])
def test_a_bad_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        split_host_port(text)


def test_loopback_is_the_whole_of_127_and_only_one_v6_address() -> None:
    assert is_loopback(parse_ip("127.0.0.6"))
    assert is_loopback(parse_ip("::1"))
    assert not is_loopback(parse_ip("::2"))
    assert not is_loopback(parse_ip("128.0.0.1"))
