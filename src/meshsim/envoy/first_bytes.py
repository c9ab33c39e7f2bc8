"""What a client's first bytes look like to Envoy: silence, a ClientHello, an HTTP request line, or something else.

Shared by the listener filters that peek and by the transport socket that must understand. The findings were observed
on Envoy 1.40; the code behind them is envoyproxy/envoy source/extensions/filters/listener/{tls,http}_inspector.
"""

from __future__ import annotations

import re

from ..facts.conversation import Conversation, ProxyProtocol

PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_RECORD_HEADER = 5
"""Bytes of a TLS record header; nobody decides on fewer."""
_COMMON_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""Requests with these and a plain path need no parsing."""
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")
_SPACES = re.compile("[ \t]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")

WAITING = "waiting"
"""Too few bytes to tell."""
TOO_LONG = "too long"
"""http_inspector reads no further for the end of a line."""
_LONGEST_LINE = 64 << 10
_SSLV2_HELLO = re.compile("[\x80-\xff].\x01\x03", re.DOTALL)
_REMARK = "TLS_error|error:{}:SSL_routines:OPENSSL_internal:{}:TLS_error_end"
_KNOWN_TO_TLS = (
    (("GET ", "POST ", "HEAD ", "PUT "), _REMARK.format("1000009c", "HTTP_REQUEST")),
    (("CONNE",), _REMARK.format("1000009b", "HTTPS_PROXY_REQUEST")),
)
_OTHER_REMARK = _REMARK.format("100000f7", "WRONG_VERSION_NUMBER")
_TLS_RECORDS = ("\x14", "\x15", "\x16", "\x17")


def first_text(conversation: Conversation) -> str | None:
    """The first plaintext bytes; None while the client stays silent. Only for conversations that begin without TLS.

    "" stands for bytes nobody stated: neither TLS nor HTTP.
    """
    if conversation.proxy_protocol is not None:
        return _header_line(conversation.proxy_protocol)
    request = conversation.request
    if request is not None:
        if request.version == "http2":
            return PREFACE
        return f"{request.method} {request.path} {request.version.upper()}\r\n"
    if conversation.server_first:
        return None
    return conversation.payload


def _header_line(header: ProxyProtocol) -> str:
    """Version 1 of the PROXY header."""
    (source, source_port), (to, to_port) = (end.rsplit(":", 1) for end in (header.source, header.destination))
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source.strip('[]')} {to.strip('[]')} {source_port} {to_port}\r\n"


def http_of(conversation: Conversation) -> str:
    """What http_inspector finds in the first plaintext bytes, `waiting` for a silent client."""
    request = conversation.request
    if request is not None and conversation.proxy_protocol is None and request.method in _COMMON_METHODS:
        path = request.path
        if path.startswith("/") and path.isascii() and path.isprintable() and " " not in path:
            return "h2c" if request.version == "http2" else request.version
    text = first_text(conversation)
    return WAITING if text is None else http_in(text)


def begins_with_tls(conversation: Conversation) -> bool:
    return conversation.tls is not None and conversation.proxy_protocol is None


def tls_in(text: str) -> str:
    """`waiting`, or `""` when plaintext bytes cannot be TLS."""
    if not text:
        return ""
    if len(text) < _RECORD_HEADER:
        return WAITING
    if text.startswith("\x16\x03") and len(text) - _RECORD_HEADER < ord(text[3]) * 256 + ord(text[4]):
        return WAITING
    if _SSLV2_HELLO.match(text) and len(text) - 2 < (ord(text[0]) & 0x7F) * 256 + ord(text[1]):
        return WAITING
    return ""


def plaintext_remark(text: str) -> str | None:
    """What tls_inspector's TLS library says of bytes that are no ClientHello; None where that is not known."""
    if len(text) < _RECORD_HEADER or text.startswith(_TLS_RECORDS) or _SSLV2_HELLO.match(text):
        return None
    return next((remark for heads, remark in _KNOWN_TO_TLS if text.startswith(heads)), _OTHER_REMARK)


def http_in(text: str) -> str:
    """h2c, http/1.1 or http/1.0 as http_inspector names them, `""` for anything else, or `waiting`."""
    if text.startswith(PREFACE):
        return "h2c"
    if not text:
        return ""
    if PREFACE.startswith(text):
        return WAITING
    line, newline, _rest = text.partition("\n")
    method, space, _target = line.partition(" ")
    if not newline:
        known = _METHOD.fullmatch(method if space else method.rstrip("\r"))
        if not known or not method:
            return ""
        return WAITING if len(text) < _LONGEST_LINE else TOO_LONG
    return _request_line(line)


def _request_line(line: str) -> str:
    parts = [part for part in _SPACES.split(line.rstrip("\r")) if part]
    if line[:1].isspace() or not 2 <= len(parts) <= 3 or not _METHOD.fullmatch(parts[0]):
        return ""
    method, target = parts[:2]
    if not target.isascii() or not (
        target.startswith("/") or target == "*" or _ABSOLUTE.match(target) or method == "CONNECT"
    ):
        return ""
    if len(parts) == 2:
        return "http/1.0"
    if not _VERSION.fullmatch(parts[2]):
        return ""
    return "http/1.1" if parts[2] == "HTTP/1.1" else "http/1.0"
