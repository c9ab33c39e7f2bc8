"""The host of a request: where its port starts, and how the connection manager normalises it.

envoyproxy/envoy source/common/http/header_utility.cc (getPortStart, stripPortFromHost, stripTrailingHostDot).
"""

from __future__ import annotations

_MAX_UINT32 = (1 << 32) - 1


def port_start(host: str) -> int | None:
    """The index of the colon before the port; None without one. A bare IPv6 address has none."""
    colon = host.rfind(":")
    if colon < 0 or host.rfind("]") > colon:
        return None
    return colon


def without_port(host: str) -> str:
    """Cut at the port, whatever stands there (ignore_port_in_host_matching)."""
    start = port_start(host)
    return host if start is None else host[:start]


def port_number(host: str) -> int | None:
    """The port as a number, a plus sign before it allowed; None where none is, or none of unsigned 32 bits."""
    start = port_start(host)
    if start is None:
        return None
    text = host[start + 1 :].removeprefix("+")
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text) if len(text) <= 40 else _MAX_UINT32 + 1
    return number if number <= _MAX_UINT32 else None


def strip_port(host: str, only: int | None = None) -> str:
    """Without its numeric port; with `only`, just where it equals that port."""
    number = port_number(host)
    if number is None or (only is not None and number != only):
        return host
    return without_port(host)


def strip_trailing_dot(host: str) -> str:
    """Without its last dot, where that ends the host or stands before a colon: `a.com.:80` -> `a.com:80`."""
    dot = host.rfind(".")
    if dot < 0 or host[dot + 1 : dot + 2] not in ("", ":"):
        return host
    return host[:dot] + host[dot + 1 :]
