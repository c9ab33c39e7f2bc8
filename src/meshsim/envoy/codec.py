"""What the HTTP codec takes and what it refuses before any routing.

envoyproxy/envoy source/common/http/http1/codec_impl.cc, balsa_parser.cc and http2/codec_impl.cc; statuses, flags and
details as observed on Envoy 1.40.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from attrs import evolve

from ..facts.connection import Connection
from ..facts.conversation import Conversation
from ..facts.request import Request
from ..place import Place
from ..reasons import because
from .hcm_options import CodecOptions
from .hosts import port_number
from .raw_request import WAITS, request_in
from .refusal import Refusal

_METHOD_NAMES = """
ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE MSEARCH NOTIFY
OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK
UNLOCK UNSUBSCRIBE
"""
METHODS = frozenset(_METHOD_NAMES.split())
"""What the parser knows; `M-SEARCH` is not among them, `MSEARCH` is."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NAMES = re.compile(r"(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+(?::(?!$)|$))*")
"""Header names, joined with colons: one test for all of them."""
_TARGET = re.compile(r"[\t\f!-~]*")
_AUTHORITY = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]@]*")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)(.*)", re.DOTALL)


def with_raw_request(conversation: Conversation) -> Conversation:
    """Plain bytes that are a whole request are one."""
    if conversation.request is not None or conversation.tls is not None or conversation.server_first:
        return conversation
    found = request_in(conversation.payload)
    return conversation if isinstance(found, str) else evolve(conversation, protocol=found.version, request=found)


def refused_by_codec(
    options: CodecOptions, connection: Connection, conversation: Conversation, place: Place
) -> Refusal | None:
    """Not HTTP at all, the wrong HTTP, or HTTP the parser refuses; None when it is decoded."""
    request = conversation.request
    if conversation.server_first:
        return Refusal(because("http.server-first", place), "hanging")
    if _is_http2_codec(options, connection, conversation):
        if request is None or conversation.tls is not None or request.version != "http2":
            why = because("http.not-http2", place, seen=_spoken(conversation))
            return Refusal(why, "closed", flags=("DPE",), close=_NOT_HTTP2)
        return _http2_error(request, place)
    if request is None and conversation.tls is None and request_in(conversation.payload) == WAITS:
        return Refusal(because("http.incomplete", place), "hanging")
    if request is None or conversation.tls is not None or request.version == "http2":
        return _bad(place, "http1.codec_error", _spoken(conversation), error=_parser_error(conversation))
    return _http1_error(options, request, place)


def _is_http2_codec(options: CodecOptions, connection: Connection, conversation: Conversation) -> bool:
    if options.codec_type != "AUTO":
        return options.codec_type != "HTTP1"
    if connection.tls is not None and connection.tls.alpn is not None:
        return connection.tls.alpn == "h2"
    return conversation.request is not None and conversation.tls is None and conversation.request.version == "http2"


def _spoken(conversation: Conversation) -> str:
    if conversation.tls is not None:
        return "TLS"
    return {"http2": "HTTP/2", "tcp": "bytes that are not HTTP"}.get(conversation.protocol, conversation.protocol)


_ERRORS = {
    "http1.invalid_url": "invalid_url_in_request_line",
    "http.invalid_authority": "request_headers_failed_spec_compliance_checks",
    "http1.unexpected_underscore": "header_name_contains_underscores",
    "http1.too_many_headers": "headers_count_exceeds_limit",
    "http1.content_length_and_chunked_not_allowed": "both_'Content-Length'_and_'Transfer-Encoding'_are_set.",
}
"""Details -> the codec's own words, which the close reason of the connection carries."""
_NOT_HTTP2 = "codec_error:Received_bad_client_magic_byte_string"
_NO_LINE = "NO_REQUEST_LINE_IN_REQUEST"


def _bad(place: Place, details: str, seen: str, status: int = 400, *, error: str | None = None) -> Refusal:
    why = because("http.codec-refused", place, details=details, seen=seen)
    close = f"codec_error:http/1.1_protocol_error:_{error or _ERRORS[details]}"
    return Refusal(why, "replied", status, details, ("DPE",), HTTPStatus(status).phrase, close=close)


def _parser_error(conversation: Conversation) -> str:
    """What the parser stumbled over first in bytes that are no request."""
    if conversation.tls is not None or conversation.request is not None:
        return _NO_LINE
    line, _, rest = conversation.payload.lstrip("\r\n").partition("\n")
    if not line or line[0] <= " ":
        return _NO_LINE
    method, *others = line.split()
    if method not in METHODS:
        return "HPE_INVALID_METHOD"
    if len(others) > 1 and not others[-1].startswith("HTTP/"):
        return "HPE_INVALID_VERSION"
    first = rest.partition("\n")[0]
    return "HEADER_MISSING_COLON" if ":" not in first else "INVALID_HEADER_FORMAT"


def _http2_error(request: Request, place: Place) -> Refusal | None:
    authority = request.authority is not None or "host" in request.headers
    if request.method != "CONNECT" and (not authority or not request.path.startswith(("/", "*"))):
        empty = authority and not request.path
        details = "http2.invalid.header.field" if empty else "http2.violation.of.messaging.rule"
        why = because("http.codec-refused", place, details=details, seen=request.path if authority else "no authority")
        return Refusal(why, "closed", None, details, ("DPE",))
    return None


def _http1_error(options: CodecOptions, request: Request, place: Place) -> Refusal | None:
    method, target = request.method, request.path
    known = method in METHODS or (options.allow_custom_methods and _TOKEN.fullmatch(method) is not None)
    if not known:
        return _bad(place, "http1.codec_error", method, error="HPE_INVALID_METHOD")
    if method == "CONNECT":
        if request.authority is None or port_number(request.authority) is None:
            return _bad(place, "http1.invalid_url", request.authority or "no authority")
    elif not _is_target(target):
        return _bad(place, "http1.codec_error", target, error="HPE_INVALID_URL")
    elif target.startswith("*") and not (target == "*" and method == "OPTIONS"):
        return _bad(place, "http1.invalid_url", target)
    if request.authority is not None and _AUTHORITY.fullmatch(request.authority) is None:
        return _bad(place, "http.invalid_authority", request.authority)
    return _http1_header_error(options, request, place)


def _is_target(target: str) -> bool:
    """Origin, asterisk or absolute form, without spaces, control characters and bytes beyond ASCII."""
    form = target.startswith(("/", "*")) or _ABSOLUTE.fullmatch(target) is not None
    return form and _TARGET.fullmatch(target) is not None


def _http1_header_error(options: CodecOptions, request: Request, place: Place) -> Refusal | None:
    headers = request.headers
    if _NAMES.fullmatch(":".join(headers)) is None:
        broken = next((name for name in headers if _TOKEN.fullmatch(name) is None), "")
        error = "INVALID_HEADER_NAME_CHARACTER" if broken else "INVALID_HEADER_FORMAT"
        return _bad(place, "http1.codec_error", broken, error=error)
    if options.underscores == "REJECT_REQUEST":
        for name in headers:
            if "_" in name:
                return _bad(place, "http1.unexpected_underscore", name)
    # one line more for Host
    count = sum(map(len, headers.values())) + 1
    if count > options.max_headers and (request.authority is not None or count > options.max_headers + 1):
        return _bad(place, "http1.too_many_headers", str(count), 431)
    if "transfer-encoding" in headers and "content-length" in headers:
        return _bad(place, "http1.content_length_and_chunked_not_allowed", "transfer-encoding and content-length")
    return None


def absolute_form(target: str) -> tuple[str, str, str] | None:
    """(scheme, authority, path) of an absolute request target; None for the usual origin form."""
    if target.startswith("/"):
        return None
    found = _ABSOLUTE.fullmatch(target)
    return None if found is None else (found.group(1).lower(), found.group(2), found.group(3) or "/")
