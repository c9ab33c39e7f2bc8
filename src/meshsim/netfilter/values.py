"""Values of iptables options: read from text, written back as iptables-save does. ValueError when a value is none.

`UnresolvedNameError` is raised for a well-formed value that only the machine itself could resolve (a user or service).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..address import V6_BIT, format_ip, make_prefix, parse_ip, prefix_length

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ALL_BITS = 0xFFFFFFFF

PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "sctp": 132,
    "mh": 135,
    "udplite": 136,
}
_PROTOCOL_ALIASES = {"icmpv6": "ipv6-icmp", "ipv6-mh": "mh"}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}


class UnresolvedNameError(ValueError):
    """The value is a name whose number is not written anywhere."""


def decimal(text: str, largest: int) -> int:
    """A number as xtables_strtoui reads it: decimal, 0x hexadecimal or 0 octal."""
    base = 16 if text[:2].lower() == "0x" else 8 if len(text) > 1 and text[0] == "0" else 10
    digits = text[2:] if base == 16 else text
    if not re.fullmatch(r"[0-9a-fA-F]{1,32}", digits):
        raise ValueError(f"{text!r} is not a number")
    try:
        number = int(digits, base)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if number > largest:
        raise ValueError(f"{text!r} is larger than {largest}")
    return number


def protocol(text: str) -> str:
    """The name iptables-save prints; "all" for every protocol."""
    lowered = _PROTOCOL_ALIASES.get(text.lower(), text.lower())
    if lowered in ("all", "0"):
        return "all"
    if lowered in PROTOCOLS:
        return lowered
    if lowered[:1].isdigit():
        number = decimal(lowered, 255)
        return _PROTOCOL_NAMES.get(number, str(number)) if number else "all"
    raise ValueError(f"{text!r} is not a protocol")


def address(text: str, *, v6: bool) -> int:
    try:
        ip = parse_ip(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an address") from None
    if (ip >= V6_BIT) is not v6:
        raise ValueError(f"{text!r} is an IPv{6 if ip >= V6_BIT else 4} address in IPv{6 if v6 else 4} rules")
    return ip


def prefix(text: str, *, v6: bool) -> tuple[int, int]:
    """(network, mask) of `address[/length|/mask]`; masks need not be contiguous."""
    if "," in text:
        raise ValueError(f"{text!r} names several addresses, which iptables-save writes as a rule each")
    base, slash, mask_text = text.partition("/")
    ip = address(base, v6=v6)
    width = 128 if v6 else 32
    if not slash:
        return make_prefix(ip, width)
    if mask_text.isascii() and mask_text.isdigit():
        if int(mask_text[:9]) > width:
            raise ValueError(f"{text!r} has a prefix length above {width}")
        return make_prefix(ip, int(mask_text))
    mask = address(mask_text, v6=v6) | V6_BIT
    return ip & mask, mask


def prefix_text(network: int, mask: int) -> str:
    length = prefix_length(mask)
    mask_ip = mask if network >= V6_BIT else mask & ~V6_BIT
    shown = length if make_prefix(network, length)[1] == mask else address_text(mask_ip)
    return f"{address_text(network)}/{shown}"


def address_text(ip: int) -> str:
    """As inet_ntop of glibc prints it: an IPv4-compatible or IPv4-mapped address ends in a dotted quad."""
    low = ip & _ALL_BITS
    if ip >= V6_BIT and low >> 16 and (ip ^ V6_BIT) >> 32 in (0, 0xFFFF):
        return f"::{'ffff:' if (ip ^ V6_BIT) >> 32 else ''}{format_ip(low)}"
    return format_ip(ip)


def port(text: str) -> int:
    if _NAME.fullmatch(text):
        raise UnresolvedNameError(f"the port of service {text!r} is not known here")
    return decimal(text, 65535)


def port_range(text: str, separator: str = ":") -> range:
    """`80`, `80:90`, `:90`, `80:` as a range (stop is one past the last port)."""
    first_text, colon, last_text = text.partition(separator)
    if not colon:
        first = port(first_text)
        return range(first, first + 1)
    first = port(first_text) if first_text else 0
    last = port(last_text) if last_text else 65535
    if last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return range(first, last + 1)


def range_text(ports: range, separator: str = ":") -> str:
    return str(ports.start) if len(ports) == 1 else f"{ports.start}{separator}{ports.stop - 1}"


def id_range(text: str, names: Mapping[str, int]) -> range:
    """`1337`, `1000-2000` or a name that is known, as a range."""
    if text in names:
        return range(names[text], names[text] + 1)
    if _NAME.fullmatch(text):
        raise UnresolvedNameError(f"the number of user or group {text!r} is not known here")
    first_text, dash, last_text = text.partition("-")
    first = decimal(first_text, _ALL_BITS)
    last = decimal(last_text, _ALL_BITS) if dash else first
    if last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return range(first, last + 1)


def mark(text: str) -> tuple[int, int]:
    """`value[/mask]` -> (value, mask)."""
    value_text, slash, mask_text = text.partition("/")
    return decimal(value_text, _ALL_BITS), decimal(mask_text, _ALL_BITS) if slash else _ALL_BITS


def mark_text(value: int, mask: int) -> str:
    return f"{value:#x}" if mask == _ALL_BITS else f"{value:#x}/{mask:#x}"


def interface(text: str) -> str:
    if not text or len(text) > 15 or any(letter.isspace() or letter == "/" for letter in text):
        raise ValueError(f"{text!r} is not the name of an interface")
    return text
