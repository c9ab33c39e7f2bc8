"""The destination of a call as its user wrote it: an address or a host name, a port, and what the kernel makes of them.

Texts and addresses only; resolving a name is `entry`'s.
"""

from __future__ import annotations

import re

from .address import (
    ANY_V4,
    ANY_V6,
    LOOPBACK_V4,
    LOOPBACK_V6,
    contains,
    parse_prefix,
    split_host_port,
    try_parse_ip,
)
from .errors import InputError

_V4_MAPPED = parse_prefix("::ffff:0:0/96")
_CONNECTED_TO = {ANY_V4: LOOPBACK_V4, ANY_V6: LOOPBACK_V6}
_NO_NAME = re.compile(r"[\x00-\x20\x7f/?#@:\[\]\\\"<>|^`{}%*]|\.\.|^\.")
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?")


def split_destination(text: str) -> tuple[str, int | None]:
    """(address or host name, port). InputError where no resolver would take it for either."""
    try:
        host, port = split_host_port(text)
    except ValueError as error:
        raise _bad_destination(text, str(error)) from None
    if not host:
        raise _bad_destination(text, f"{text!r} has no host")
    if try_parse_ip(host) is None:
        if _NUMERIC.fullmatch(host.rpartition(".")[2] or host):
            raise _bad_destination(text, f"{host!r} is no address, and no name ends in a number")
        if _NO_NAME.search(host) or not host.isprintable():
            raise _bad_destination(text, f"{host!r} is neither an address nor a host name")
    return host, port


def _bad_destination(text: str, why: str) -> InputError:
    if "@" in text:  # what stands before it may be a password
        why = "a destination holds no credentials"
    return InputError("bad-destination", f"destination: {why[:200]}", hint="write ip:port or name:port")


def as_dialled(ip: int, *, by_process: bool) -> int:
    """The address that is really meant: IPv4 behind ::ffff:0:0/96.

    A process that connects to 0.0.0.0 or :: is connected to loopback by the kernel; a packet on the wire is not.
    """
    if contains(_V4_MAPPED, ip):
        ip &= 0xFFFFFFFF
    return _CONNECTED_TO.get(ip, ip) if by_process else ip
