"""Absolute request targets and CONNECT targets, by the URL parser behind Envoy's HTTP/1 codec.

envoyproxy/envoy source/common/http/utility.cc (Url::initialize); which hosts and ports it takes was seen on Envoy 1.40.
"""

from __future__ import annotations

import re

from attrs import frozen

from ..address import try_parse_ip

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9.-]+")
_REFERENCE = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:@/?]*")
_PORT = re.compile(r"[0-9]+")
_MAX_PORT = 65535


@frozen
class AbsoluteUrl:
    """`authority` without user information; `path` is `/` where the target has neither path nor query."""

    scheme: str
    authority: str
    path: str


def split_absolute(target: str) -> tuple[str, str, str] | None:
    """(scheme, authority, rest) where the target has the shape of an absolute one, whatever stands in it."""
    found = None if target.startswith("/") else _ABSOLUTE.fullmatch(target)
    return None if found is None else (found.group(1).lower(), found.group(2), found.group(3))


def absolute_url(target: str) -> AbsoluteUrl | None:
    """None where the target is no absolute URL, or one whose host or port the parser refuses."""
    parts = split_absolute(target)
    if parts is None:
        return None
    scheme, authority, rest = parts
    authority = authority.partition("@")[2] if "@" in authority else authority
    return AbsoluteUrl(scheme, authority, rest or "/") if is_host(authority) else None


def is_referer(text: str) -> bool:
    """Whether a referer is kept: an absolute URL without user and fragment, or a relative reference without colons."""
    parts = split_absolute(text)
    if parts is not None and is_host(parts[1].rpartition("@")[2]):
        return "@" not in parts[1] and "#" not in text
    return _REFERENCE.fullmatch(text) is not None and ":" not in text.partition("/")[0]


def is_host(text: str, *, port_required: bool = False) -> bool:
    """A name of letters, digits, dots and dashes or an address in brackets, and a port up to 65535."""
    if text.startswith("["):
        name, bracket, port = text.partition("]")
        address = try_parse_ip(name[1:].partition("%")[0])
        valid = bool(bracket) and address is not None
    else:
        name, colon, port = text.partition(":")
        valid, port = _NAME.fullmatch(name) is not None, colon + port
    if not port:
        return valid and not port_required
    digits = port[1:]
    return valid and port[0] == ":" and _PORT.fullmatch(digits) is not None and int(digits[-9:]) <= _MAX_PORT
