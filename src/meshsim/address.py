"""An address is an int: how addresses and address:port texts are read and written.

Inside meshsim an IP address is a plain int and a port is an int; which family an int belongs to is told by the bit
`V6_BIT`: IPv4 addresses are 0 .. 2**32-1, IPv6 addresses carry the bit, so that the two families never
collide in one dictionary. `ipaddress` is used at the edges only, where its 2 us per call do not matter.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

V6_BIT = 1 << 128
"""Set in the int of every IPv6 address, so 0.0.0.5 and ::5 differ."""

_MAPPED = V6_BIT >> 32 | 0xFFFF
"""What stands above the 32 bits of an IPv4-mapped address, ::ffff:10.0.0.5."""

LOOPBACK_V4 = 0x7F000001
LOOPBACK_V6 = V6_BIT | 1
ANY_V4 = 0
ANY_V6 = V6_BIT


@lru_cache(maxsize=65536)
def parse_ip(text: str) -> int:
    """The int of an IP literal (IPv6 with or without brackets). ValueError when it is none."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    address = ipaddress.ip_address(text)
    return int(address) if address.version == 4 else V6_BIT | int(address)


@lru_cache(maxsize=65536)
def try_parse_ip(text: str) -> int | None:
    """Like parse_ip, but None when the text is no IP literal."""
    try:
        return parse_ip(text)
    except ValueError:
        return None


def is_v6(ip: int) -> bool:
    return ip >= V6_BIT


def format_ip(ip: int) -> str:
    """The text of an address as `ip` and Envoy print it (no brackets)."""
    if ip >= V6_BIT:
        if ip >> 32 == _MAPPED:
            return f"::ffff:{format_ip(ip & 0xFFFFFFFF)}"
        return str(ipaddress.IPv6Address(ip ^ V6_BIT))
    return f"{ip >> 24}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}"


@lru_cache(maxsize=65536)
def format_endpoint(ip: int, port: int) -> str:
    """10.0.0.5:80 or [::1]:80."""
    return f"[{format_ip(ip)}]:{port}" if ip >= V6_BIT else f"{format_ip(ip)}:{port}"


@lru_cache(maxsize=65536)
def split_host_port(text: str) -> tuple[str, int | None]:
    """`host:port` -> (host, port); a missing port is None. Brackets are removed. ValueError on a bad port."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not [IPv6]:port")
        return host, _port(rest[1:], text) if rest else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, _port(port, text) if colon else None


@lru_cache(maxsize=65536)
def parse_endpoint(text: str) -> tuple[int, int]:
    """`10.0.0.5:80` -> (ip, port). ValueError when it is not an IP literal with a port."""
    host, port = split_host_port(text)
    if port is None:
        raise ValueError(f"{text!r} has no port")
    return parse_ip(host), port


def _port(text: str, whole: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ValueError(f"{whole!r} has no port between 0 and 65535")
    return int(text)


def parse_prefix(text: str) -> tuple[int, int]:
    """`10.0.0.0/8` -> (masked network, mask); a bare address is a host prefix. ValueError when malformed.

    The mask of an IPv6 prefix includes V6_BIT, so `ip & mask == network` also compares the family.
    """
    network = ipaddress.ip_network(text, strict=False)
    if network.version == 4:
        return int(network.network_address), int(network.netmask) | V6_BIT
    return V6_BIT | int(network.network_address), V6_BIT | int(network.netmask)


def make_prefix(ip: int, length: int) -> tuple[int, int]:
    """(masked network, mask) for an address and a prefix length, which is clamped to the family's width."""
    if ip >= V6_BIT:
        length = min(length, 128)
        mask = V6_BIT | ((1 << 128) - (1 << (128 - length)))
    else:
        length = min(length, 32)
        mask = V6_BIT | ((1 << 32) - (1 << (32 - length)))
    return ip & mask, mask


def prefix_length(mask: int) -> int:
    """The number of address bits a mask made by parse_prefix or make_prefix covers."""
    return (mask & ~V6_BIT).bit_count()


def contains(prefix: tuple[int, int], ip: int) -> bool:
    """Whether the address lies in the prefix; families never match each other."""
    return ip & prefix[1] == prefix[0]


def is_loopback(ip: int) -> bool:
    """127.0.0.0/8 or ::1, as the kernel sees it."""
    return ip >> 24 == 127 if ip < V6_BIT else ip == LOOPBACK_V6
