"""What the HTTP/1 codec refuses, in the order in which it reads: request line, header lines, then the whole.

envoyproxy/envoy source/common/http/http1/codec_impl.cc and balsa_parser.cc; statuses, details and close reasons as
observed on Envoy 1.40.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from itertools import chain

from ..facts.request import Request
from ..place import Place
from ..reasons import because
from .absolute_url import absolute_url, is_host, split_absolute
from .hcm_options import CodecOptions
from .inline_headers import INLINE_HEADERS
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
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ORIGIN = re.compile(r"/[!-~]*")
_PATH = re.compile(r"[\t\f!-~]*")
_URL_HOST = re.compile(r"(?:[A-Za-z0-9!$%&'()*+,\-.:;=\[\]_~]|@(?!@))*")
_AUTHORITY = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:@\[\]]*")
_BLANK = re.compile(r"[ \t]")
_LENGTH = re.compile(r"[0-9]+")
_MOST_LENGTH = (1 << 63) - 1

_HTTP = "codec_error:http/1.1_protocol_error:_"
_CLOSES = {
    "low_version": "codec_error:Upgrade_required_for_HTTP/1.0_or_HTTP/0.9",
    "http1.invalid_characters": f"{_HTTP}header_value_contains_invalid_chars",
    "http1.invalid_url": f"{_HTTP}invalid_url_in_request_line",
    "http1.invalid_scheme": f"{_HTTP}invalid_scheme",
    "http1.https_url_on_plaintext_connection": f"{_HTTP}https_in_the_clear",
    "http.invalid_authority": f"{_HTTP}request_headers_failed_spec_compliance_checks",
    "http1.unexpected_underscore": f"{_HTTP}header_name_contains_underscores",
    "http1.too_many_headers": f"{_HTTP}headers_count_exceeds_limit",
    "http1.headers_too_large": f"{_HTTP}headers_size_exceeds_limit",
    "http1.invalid_transfer_encoding": f"{_HTTP}unsupported_transfer_encoding",
    "http1.content_length_and_chunked_not_allowed": (f"{_HTTP}both_'Content-Length'_and_'Transfer-Encoding'_are_set."),
}
"""Details -> %DOWNSTREAM_LOCAL_CLOSE_REASON%."""
_NAME_CHARACTER = "INVALID_HEADER_NAME_CHARACTER"
_PARSER_ERROR = "http1.codec_error"


def refused(place: Place, details: str, seen: str, status: int = 400, parser: str = "") -> Refusal:
    """The codec's own answer. `parser` names what the parser behind it stumbled over, where that is the detail."""
    why = because("http.codec-refused", place, details=details, seen=seen)
    closes = f"{_HTTP}{parser}" if details == _PARSER_ERROR and parser else _CLOSES.get(details)
    return Refusal(why, "replied", status, details, ("DPE",), HTTPStatus(status).phrase, closes=closes)


def parser_error(place: Place, seen: str, parser: str) -> Refusal:
    return refused(place, _PARSER_ERROR, seen, parser=parser)


def http1_refusal(options: CodecOptions, request: Request, place: Place, *, secure: bool) -> Refusal | None:
    """None where the codec hands the request on."""
    return (
        _line_refusal(options, request, place)
        or _header_refusal(options, request, place)
        or _whole_refusal(options, request, place, secure=secure)
    )


def _line_refusal(options: CodecOptions, request: Request, place: Place) -> Refusal | None:
    method, target = request.method, request.path
    if method in METHODS and _ORIGIN.fullmatch(target) is not None and method != "CONNECT":
        return None
    connects = method == "CONNECT"
    if connects:
        target = request.authority or ""
    if _CONTROL.search(target) is not None:
        return refused(place, "http1.invalid_characters", target)
    if method not in METHODS and not (options.allow_custom_methods and _TOKEN.fullmatch(method) is not None):
        return parser_error(place, method, "HPE_INVALID_METHOD")
    if _BLANK.search(target) is not None:
        return parser_error(place, target, "HPE_INVALID_VERSION")
    if not (_URL_HOST.fullmatch(target) is not None if connects else _is_target(target)):
        return parser_error(place, target, "HPE_INVALID_URL")
    return None


def _is_target(target: str) -> bool:
    """Origin, asterisk or absolute form, of the bytes that the parser takes for it."""
    if target.startswith(("/", "*")):
        return _PATH.fullmatch(target) is not None
    parts = split_absolute(target)
    return parts is not None and _URL_HOST.fullmatch(parts[1]) is not None and _PATH.fullmatch(parts[2]) is not None


def _header_refusal(options: CodecOptions, request: Request, place: Place) -> Refusal | None:
    headers = request.headers
    text = "".join((*headers, *chain.from_iterable(headers.values())))
    count = sum(map(len, headers.values()))
    size = _head_size(request) + 4 * count + len(text)
    if count > len(headers):  # a name stands before each of its values
        size += sum((len(values) - 1) * len(name) for name, values in headers.items())
    if size > options.max_headers_bytes:
        return refused(place, "http1.headers_too_large", str(size), 431)
    if _CONTROL.search(text) is not None:
        for name, values in headers.items():
            if _CONTROL.search(name) is not None or any(map(_CONTROL.search, values)):
                return refused(place, "http1.invalid_characters", name)
    if _NAMES.fullmatch(":".join(headers)) is None:
        broken = next((name for name in headers if _TOKEN.fullmatch(name) is None), "")
        return parser_error(place, broken, _NAME_CHARACTER if broken.isascii() else "HPE_INVALID_HEADER_TOKEN")
    lengths = headers.get("content-length", ())
    if lengths and not (len(lengths) == 1 and _is_length(lengths[0].strip(" \t"))):
        parser = "HPE_UNEXPECTED_CONTENT_LENGTH" if len(lengths) > 1 else "UNPARSABLE_CONTENT_LENGTH"
        return parser_error(place, ", ".join(lengths), parser)
    if options.underscores == "REJECT_REQUEST":
        for name in headers:
            if "_" in name:
                return refused(place, "http1.unexpected_underscore", name)
    # one line more for Host
    count += 1
    if count > options.max_headers:
        drops = options.underscores == "DROP_HEADER"
        kept = ((name, values) for name, values in headers.items() if not (drops and "_" in name))
        count = sum(1 if name in INLINE_HEADERS else len(values) for name, values in kept) + 1
    if count > options.max_headers and (request.authority is not None or count > options.max_headers + 1):
        return refused(place, "http1.too_many_headers", str(count), 431)
    return None


def _is_length(text: str) -> bool:
    return _LENGTH.fullmatch(text) is not None and len(text) <= 40 and int(text) <= _MOST_LENGTH


def _head_size(request: Request) -> int:
    """Bytes of the request line, the Host line and the empty line, as a client writes them."""
    authority = request.authority
    size = len(request.method) + len(request.path) + len("  HTTP/1.1\r\n\r\n")
    if authority is not None:
        size += len("host: \r\n") + len(authority)
    return size


def _whole_refusal(options: CodecOptions, request: Request, place: Place, *, secure: bool) -> Refusal | None:
    method, target, headers = request.method, request.path, request.headers
    if request.version == "http/1.0" and not options.accept_http_10:
        why = because("http.version-refused", place, version=request.version)
        closes = _CLOSES["low_version"]
        return Refusal(why, "replied", 426, "low_version", ("DPE",), "Upgrade Required", closes=closes)
    encodings = headers.get("transfer-encoding")
    if encodings is not None:
        if "content-length" in headers and not options.allow_chunked_length:
            seen = "transfer-encoding and content-length"
            return refused(place, "http1.content_length_and_chunked_not_allowed", seen)
        if [one.strip(" \t").lower() for one in encodings] != ["chunked"]:
            return refused(place, "http1.invalid_transfer_encoding", ",".join(encodings), 501)
    if method == "CONNECT":
        if request.authority is None or not is_host(request.authority, port_required=True):
            return refused(place, "http1.invalid_url", request.authority or "no authority")
    elif target.startswith("*"):
        if options.allow_absolute_url and method != "OPTIONS":
            return refused(place, "http1.invalid_url", target)
    elif not target.startswith("/") and options.allow_absolute_url:
        url = absolute_url(target)
        if url is None:
            return refused(place, "http1.invalid_url", target)
        if url.scheme not in ("http", "https"):
            return refused(place, "http1.invalid_scheme", target)
        if url.scheme == "https" and options.refuses_https_in_the_clear and not secure:
            return refused(place, "http1.https_url_on_plaintext_connection", target, 403)
        return None
    if request.authority is not None and _AUTHORITY.fullmatch(request.authority) is None:
        return refused(place, "http.invalid_authority", request.authority)
    return None
