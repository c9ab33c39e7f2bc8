"""The names and the kind of key of a certificate as a dump shows it. Nothing else of it is read.

RFC 5280 section 4.2.1.6: the extension 2.5.29.17 holds an OCTET STRING with a SEQUENCE of names, a DNS name under
tag 2 and a URI under tag 6; section 4.1.2.7: the key's algorithm is an object identifier.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from attrs import frozen

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")
_CRITICAL = bytes.fromhex("0101ff")
_OCTET_STRING, _SEQUENCE, _DNS, _URI = 0x04, 0x30, 0x82, 0x86
_KEYS = {
    bytes.fromhex("06092a864886f70d010101"): "RSA",
    bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"): "P-256",
    bytes.fromhex("06072a8648ce3d020106052b81040022"): "P-384",
    bytes.fromhex("06072a8648ce3d020106052b81040023"): "P-521",
}
"""The algorithm of a key, DER-encoded -> RSA, or the curve of an ECDSA key."""
MOST_BYTES = 1 << 20
"""A longer chain is nobody's."""


@frozen
class Certificate:
    """What a handshake may hang on."""

    uri_names: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    key: str | None = None
    """RSA, or the curve of an ECDSA key; None: of another kind."""


def read_certificate(pem: bytes) -> Certificate | None:
    """Of the first certificate, which is the leaf; None where it cannot be read."""
    start, end = pem.find(_BEGIN), pem.find(_END)
    if start < 0 or end < start or len(pem) > MOST_BYTES:
        return None
    try:
        der = base64.b64decode(b"".join(pem[start + len(_BEGIN) : end].split()), validate=True)
        names = tuple(_names(der))
        return Certificate(
            tuple(name for tag, name in names if tag == _URI),
            tuple(name for tag, name in names if tag == _DNS),
            next((key for algorithm, key in _KEYS.items() if algorithm in der), None),
        )
    except (binascii.Error, UnicodeDecodeError, IndexError):
        return None


def uri_names(pem: bytes) -> tuple[str, ...] | None:
    """Of the leaf; None where it cannot be read."""
    read = read_certificate(pem)
    return None if read is None else read.uri_names


def _names(der: bytes) -> Iterator[tuple[int, str]]:
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
        if tag in (_URI, _DNS):
            yield tag, der[begin:after].decode("ascii")
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
