"""What the HTTP/2 codec refuses: each header as it is read, pseudo headers first, then the whole.

envoyproxy/envoy source/common/http/http2/codec_impl.cc (saveHeader, checkHeaderNameForUnderscores) and the header
validation of the HTTP/2 library behind it; names and bytes as observed on Envoy 1.40.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts.request import Request
from ..place import Place
from ..reasons import because
from .hcm_options import CodecOptions
from .inline_headers import INLINE_HEADERS
from .refusal import Refusal

INVALID, VIOLATION = "http2.invalid.header.field", "http2.violation.of.messaging.rule"
_CONNECTION_ERROR = "codec_error:The_user_callback_function_failed"
"""Envoy's close reason; a limit that is exceeded resets the stream only."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
UNDERSCORE = "http2.unexpected_underscore"
_AUTHORITY = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]+")
_PSEUDO = {
    ":method": _TOKEN,
    ":scheme": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*"),
    ":authority": _AUTHORITY,
    ":path": re.compile(r"[^\x00-\x20\x7f]+"),
    ":protocol": re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]+"),
}
"""In the order in which clients send them."""
_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
_ONCE = frozenset({"host", "content-length"})
_LENGTH = re.compile(r"[0-9]+")


def http2_refusal(options: CodecOptions, request: Request, place: Place) -> Refusal | None:
    """None where the codec hands the request on."""
    pseudo = pseudo_headers(request)
    count = size = 0
    once: set[str] = set()
    dropped = False
    for name, value in _lines(pseudo, request):
        if not _is_valid(options, name, value, once):
            return _broken(options, place, UNDERSCORE if dropped else INVALID, f"header {name}")
        if "_" in name and not name.startswith(":"):
            if options.underscores == "REJECT_REQUEST":
                return _limited(place, UNDERSCORE, f"header {name}")
            if options.underscores == "DROP_HEADER":
                dropped = True  # and stays the detail of whatever else is wrong
                continue
        again = name in once
        size += len(value)
        if name == "cookie":
            # put together at the end; until then its name is not counted
            count += 1
            size += len("; ") if again else 0
        elif again and name in INLINE_HEADERS:
            size += len(",")
        else:
            count += 1
            size += len(name)
        once.add(name)
        if count > options.max_headers:
            return _limited(place, UNDERSCORE if dropped else "http2.too_many_headers", f"{count} headers")
        if size > options.max_headers_bytes:
            details = UNDERSCORE if dropped else "http2.header_list_size_too_large"
            return _limited(place, details, f"headers of {size} bytes")
    wrong = _wrong_whole(pseudo, request)
    return None if wrong is None else _broken(options, place, UNDERSCORE if dropped else VIOLATION, wrong)


def pseudo_headers(request: Request) -> dict[str, tuple[str, ...]]:
    """As a client sends them: what the request's fields say, and what is stated instead."""
    stated = request.stated or {}
    made: dict[str, tuple[str, ...]] = {":method": (request.method,)}
    if request.method != "CONNECT" or ":protocol" in stated:
        made[":scheme"] = (request.scheme,)
    if request.authority is not None:
        made[":authority"] = (request.authority,)
    if ":scheme" in made:
        made[":path"] = (request.path,)
    made |= stated
    order = [*_PSEUDO, *(name for name in made if name not in _PSEUDO)]
    return {name: made[name] for name in order if made.get(name)}


def extended_connect(request: Request) -> str | None:
    """The protocol that a CONNECT request of RFC 8441 asks for."""
    values = (request.stated or {}).get(":protocol")
    return values[0] if values and request.method == "CONNECT" else None


def _lines(pseudo: dict[str, tuple[str, ...]], request: Request) -> Iterator[tuple[str, str]]:
    """Blanks around a value count in pseudo headers only."""
    for name, values in pseudo.items():
        for value in values:
            yield name, value
    for name, values in request.headers.items():
        for value in values:
            yield name, value.strip(" \t")


def _is_valid(options: CodecOptions, name: str, value: str, before: set[str]) -> bool:
    if name.startswith(":"):
        wanted = _PSEUDO.get(name)
        known = wanted is not None and (name != ":protocol" or options.allow_connect)
        return known and name not in before and wanted is not None and wanted.fullmatch(value) is not None
    if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None or name in _OF_ONE_CONNECTION:
        return False
    if name in _ONCE:
        pattern = _AUTHORITY if name == "host" else _LENGTH
        return name not in before and pattern.fullmatch(value) is not None
    return name != "te" or value.lower() == "trailers"


def _wrong_whole(pseudo: dict[str, tuple[str, ...]], request: Request) -> str | None:
    """What is missing, or has no business there."""
    method = pseudo.get(":method", ("",))[0]
    names = pseudo.keys()
    if ":protocol" in names:
        lacking = [name for name in (":scheme", ":authority", ":path") if name not in names]
        if lacking or method != "CONNECT":
            return f"no {lacking[0]}" if lacking else f":protocol with {method}"
        return None
    if method == "CONNECT":
        if names & {":scheme", ":path"}:
            return "CONNECT with :scheme or :path"
        return None if ":authority" in names else "no :authority"
    lacking = [name for name in (":method", ":scheme", ":path") if name not in names]
    if lacking:
        return f"no {lacking[0]}"
    if ":authority" not in names and "host" not in request.headers:
        return "no :authority"
    path = pseudo[":path"][0]
    return None if path.startswith("/") or (path == "*" and method == "OPTIONS") else f":path {path}"


def _broken(options: CodecOptions, place: Place, details: str, seen: str) -> Refusal:
    why = because("http.codec-refused", place, details=details, seen=seen)
    closes = None if options.keeps_bad_http2_connections else _CONNECTION_ERROR
    return Refusal(why, "closed", details=details, flags=("DPE",), closes=closes)


def _limited(place: Place, details: str, seen: str) -> Refusal:
    why = because("http.codec-refused", place, details=details, seen=seen)
    return Refusal(why, "closed", details=details, flags=("DR",))
