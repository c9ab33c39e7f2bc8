"""A token's text -> its claims, or what is wrong with it, in the words of Envoy's status texts.

envoyproxy/envoy source/common/jwt/jwt.cc and status.cc (before: jwt_verify_lib). The checks and their order were
measured on Envoy 1.40.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

MISSING = "Jwt is missing"
UNKNOWN_ISSUER = "Jwt issuer is not configured"
EXPIRED = "Jwt is expired"
NOT_YET_VALID = "Jwt not yet valid"
AUDIENCE = "Audiences in Jwt are not allowed"
FAILS = "Jwt verification fails"
NO_KEYS = "Jwks doesn't have any valid public key"
NO_MATCHING_KEY = "Jwks doesn't have key to match kid or alg from Jwt"
WRONG_LENGTH = "Jwt ED25519 signature is wrong length"
FETCH_FAILED = "Jwks remote fetch is failed"

_FORM = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
_HEADER, _PAYLOAD = "Jwt header", "Jwt payload"
_BASE64, _JSON = "is an invalid Base64url encoded", "is an invalid JSON"
_INTEGER, _POSITIVE = "field is not an integer", "field is not a positive 64 bit integer"
CODES = {
    MISSING: 1,
    NOT_YET_VALID: 2,
    EXPIRED: 3,
    _FORM: 4,
    f"{_HEADER} {_BASE64}": 5,
    f"{_HEADER} {_JSON}": 6,
    f"{_HEADER} [alg] field is required and must be a string": 7,
    f"{_HEADER} [alg] is not supported": 8,
    f"{_HEADER} [kid] field is not a string": 9,
    f"{_PAYLOAD} {_BASE64}": 10,
    f"{_PAYLOAD} {_JSON}": 11,
    f"{_PAYLOAD} [iss] field is not a string": 12,
    f"{_PAYLOAD} [sub] field is not a string": 13,
    f"{_PAYLOAD} [iat] {_INTEGER}": 14,
    f"{_PAYLOAD} [iat] {_POSITIVE}": 15,
    f"{_PAYLOAD} [nbf] {_INTEGER}": 16,
    f"{_PAYLOAD} [nbf] {_POSITIVE}": 17,
    f"{_PAYLOAD} [exp] {_INTEGER}": 18,
    f"{_PAYLOAD} [exp] {_POSITIVE}": 19,
    f"{_PAYLOAD} [jti] field is not a string": 20,
    f"{_PAYLOAD} [aud] field is not a string or string list": 21,
    f"Jwt signature {_BASE64}": 22,
    WRONG_LENGTH: 23,
    UNKNOWN_ISSUER: 24,
    AUDIENCE: 25,
    FAILS: 26,
    NO_KEYS: 31,
    NO_MATCHING_KEY: 32,
    FETCH_FAILED: 40,
}
"""The numbers that failed_status_in_metadata notes."""
_ALGORITHMS = frozenset(
    {
        "ES256",
        "ES384",
        "ES512",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "EdDSA",
    }
)
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*=*")
_LONGEST = 64 * 1024
_INT64_MAX = (1 << 63) - 1


@frozen
class Jwt:
    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    payload_text: str
    """As it stands in the token."""
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str:
        return str(self.header.get("kid", ""))

    @property
    def issuer(self) -> str:
        return str(self.payload.get("iss", ""))

    @property
    def subject(self) -> str:
        return str(self.payload.get("sub", ""))

    @property
    def audiences(self) -> tuple[str, ...]:
        found = self.payload.get("aud", [])
        return (found,) if isinstance(found, str) else tuple(found)

    def seconds(self, claim: str) -> int:
        """exp, nbf or iat; 0 where it is not set."""
        return int(self.payload.get(claim, 0))


def parse(text: str) -> Jwt | str:
    """The token, or the status text of what is wrong with its form."""
    # dots too many are nothing to Envoy
    sections = [section for section in text.split(".") if section]
    if len(sections) != 3 or len(text) > _LONGEST:
        return _FORM
    header_bytes = decoded(sections[0])
    if header_bytes is None:
        return f"{_HEADER} {_BASE64}"
    header = _object(header_bytes)
    if header is None:
        return f"{_HEADER} {_JSON}"
    wrong = _wrong_header(header)
    if wrong is not None:
        return wrong
    payload_bytes = decoded(sections[1])
    if payload_bytes is None:
        return f"{_PAYLOAD} {_BASE64}"
    payload = _object(payload_bytes)
    if payload is None:
        return f"{_PAYLOAD} {_JSON}"
    wrong = _wrong_payload(payload)
    if wrong is not None:
        return wrong
    signature = decoded(sections[2])
    if signature is None:
        return f"Jwt signature {_BASE64}"
    return Jwt(
        header, payload, sections[1], f"{sections[0]}.{sections[1]}".encode("utf-8", "surrogateescape"), signature
    )


def decoded(text: str) -> bytes | None:
    """Base64url; blanks are passed over, and padding is there as it should be or not at all."""
    bare = "".join(text.split())
    if _ALPHABET.fullmatch(bare) is None:
        return None
    unpadded = bare.rstrip("=")
    if len(unpadded) % 4 == 1 or len(bare) not in (len(unpadded), len(unpadded) + -len(unpadded) % 4):
        return None
    bare = unpadded
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _no_constant(_name: str) -> None:
    raise ValueError


def _wrong_header(header: Mapping[str, Any]) -> str | None:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        return "Jwt header [alg] field is required and must be a string"
    if algorithm not in _ALGORITHMS:
        return "Jwt header [alg] is not supported"
    if "kid" in header and not isinstance(header["kid"], str):
        return "Jwt header [kid] field is not a string"
    return None


def _wrong_payload(payload: Mapping[str, Any]) -> str | None:
    for claim in ("iss", "sub"):
        if claim in payload and not isinstance(payload[claim], str):
            return f"Jwt payload [{claim}] field is not a string"
    for claim in ("iat", "nbf", "exp"):
        value = payload.get(claim, 0)
        if claim in payload and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"{_PAYLOAD} [{claim}] {_INTEGER}"
        if not 0 <= value <= _INT64_MAX:
            return f"{_PAYLOAD} [{claim}] {_POSITIVE}"
    if "jti" in payload and not isinstance(payload["jti"], str):
        return "Jwt payload [jti] field is not a string"
    audiences = payload.get("aud", [])
    if isinstance(audiences, str) or (isinstance(audiences, list) and all(isinstance(each, str) for each in audiences)):
        return None
    return "Jwt payload [aud] field is not a string or string list"


def normal_audience(text: str) -> str:
    """Without scheme and final slash, as Envoy compares audiences."""
    scheme = next((each for each in ("https://", "http://") if text.startswith(each)), "")
    return text.removeprefix(scheme).removesuffix("/")
