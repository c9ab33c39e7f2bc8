"""A request that a call states as plain bytes: what the HTTP/1 parser makes of them.

Observed on Envoy 1.40: a first byte that no token begins with is refused at once, anything else only when its line is
complete; until then the parser waits.
"""

from __future__ import annotations

from ..facts.request import Request
from .first_bytes import http_in

WAITS, BROKEN = "waits", "broken"


def request_in(payload: str) -> Request | str:
    """The request; `waits` where bytes are missing, `broken` where the parser refuses them.

    No bytes at all stand for bytes nobody stated, which are not HTTP.
    """
    if not payload:
        return BROKEN
    text = payload.lstrip("\r\n")
    if text and text[0] <= " ":
        return BROKEN
    if "\n" not in text:
        return WAITS
    line, _, rest = text.partition("\n")
    version = http_in(text)
    if version not in ("http/1.0", "http/1.1"):
        return BROKEN
    head, ended, _body = ("\n" + rest.replace("\r\n", "\n")).partition("\n\n")
    if not ended:
        return WAITS
    headers: dict[str, tuple[str, ...]] = {}
    for field in filter(None, head.split("\n")):
        name, colon, value = field.partition(":")
        if not colon or not name or name != name.strip():
            return BROKEN
        name = name.lower()
        headers[name] = (*headers.get(name, ()), value.strip(" \t\r"))
    method, target = line.split()[:2]
    hosts = headers.pop("host", None)
    authority = ",".join(hosts) if hosts is not None else None
    if method == "CONNECT" and authority is None:
        authority = target
    return Request(method, "http", authority, target, headers, version)
