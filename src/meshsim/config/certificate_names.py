"""The URI names of a certificate as a dump shows it: PEM in, `spiffe://…` out. Nothing else of it is read.

RFC 5280 section 4.2.1.6: the extension 2.5.29.17 holds an OCTET STRING with a SEQUENCE of names, a URI under tag 6.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from .view import View

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")
_CRITICAL = bytes.fromhex("0101ff")
_OCTET_STRING, _SEQUENCE, _URI = 0x04, 0x30, 0x86
MOST_BYTES = 1 << 20
"""A longer chain is nobody's."""


def uri_names(pem: bytes) -> tuple[str, ...] | None:
    """Of the first certificate, which is the leaf; None where it cannot be read."""
    start, end = pem.find(_BEGIN), pem.find(_END)
    if start < 0 or end < start or len(pem) > MOST_BYTES:
        return None
    try:
        der = base64.b64decode(b"".join(pem[start + len(_BEGIN) : end].split()), validate=True)
        return tuple(_names(der))
    except (binascii.Error, UnicodeDecodeError, IndexError):
        return None


def shown_uri_names(chain: View) -> tuple[str, ...] | None:
    """The same of a DataSource that holds the text itself."""
    text = chain.text("inline_string", "")
    try:
        return uri_names(text.encode() if text else base64.b64decode(chain.text("inline_bytes", "")))
    except ValueError:
        return None


def _names(der: bytes) -> Iterator[str]:
    at = der.find(_SUBJECT_ALT_NAME)
    if at < 0:
        return
    at += len(_SUBJECT_ALT_NAME)
    if der.startswith(_CRITICAL, at):
        at += len(_CRITICAL)
    at, _end = _entered(der, at, _OCTET_STRING)
    at, end = _entered(der, at, _SEQUENCE)
    while at < end:
        tag = der[at]
        begin, after = _entered(der, at, tag)
        if tag == _URI:
            yield der[begin:after].decode("ascii")
        at = after


def _entered(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of the value at `at` begins and ends. IndexError where it is another value, or cut off."""
    if der[at] != tag:
        raise IndexError
    length, begin = der[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7F
        if not 0 < octets < 4:
            raise IndexError
        length = int.from_bytes(der[begin : begin + octets], "big")
        begin += octets
    if begin + length > len(der):
        raise IndexError
    return begin, begin + length
