"""The PROXY protocol as a listener filter reads it: whether bytes begin with a header, whether its addresses may stand.

Follows envoyproxy/envoy source/extensions/filters/listener/proxy_protocol/proxy_protocol.cc (readProxyHeader).
"""

from __future__ import annotations

from ..address import ANY_V4, ANY_V6, V6_BIT

V1_SIGNATURE = "PROXY "
V2_SIGNATURE = "\r\n\r\n\x00\r\nQUIT\n"
_V2_HEADER = 16
"""Bytes of the fixed part of a version 2 header: on fewer nobody says that it is none."""

WAITING = "waiting"
NO_HEADER = "no header"
BROKEN = "broken"
"""It begins like a header and is none that Envoy takes."""


def header_in(text: str, *, required: bool) -> str:
    """What plain bytes are that a call does not state as a header."""
    if not required and not (V1_SIGNATURE.startswith(text[:6]) or V2_SIGNATURE.startswith(text[:12])):
        return NO_HEADER
    if len(text) >= _V2_HEADER and not text.startswith((V1_SIGNATURE, V2_SIGNATURE)):
        return BROKEN
    if text.startswith(V2_SIGNATURE):
        return BROKEN if len(text) >= _V2_HEADER else WAITING
    end = text.find("\r\n")
    # A line end at the very start may be the beginning of a version 2 header.
    return BROKEN if end > 0 else WAITING


def is_unicast(ip: int) -> bool:
    """Neither the unspecified address, nor multicast, nor IPv4 broadcast."""
    if ip >= V6_BIT:
        return ip != ANY_V6 and (ip ^ V6_BIT) >> 120 != 0xFF
    return ip != ANY_V4 and ip != 0xFFFFFFFF and ip >> 28 != 0xE
