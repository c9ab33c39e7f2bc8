"""JWKS documents, and whether a key of one signed a token.

HMAC needs nothing but Python; RSA, elliptic curves and Ed25519 need the package `cryptography`. Where that is not
installed nobody can say, and a test of theirs is None.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ..lenient_json import read_lenient_json
from .key_checks import CURVES, problem_with_key, text_of
from .tokens import FAILS, NO_KEYS, NO_MATCHING_KEY, WRONG_LENGTH, Jwt, decoded

_MOST_KEYS = 1000
_DIGESTS = {"256": "sha256", "384": "sha384", "512": "sha512"}
_ED25519_LENGTH = 64
_FAMILIES = {"RSA": ("RS", "PS"), "EC": ("ES",), "oct": ("HS",), "OKP": ("Ed",)}


@frozen
class Key:
    kind: str
    key_id: str
    algorithm: str
    curve: str
    fields: Mapping[str, Any]


def parse_keys(text: str) -> tuple[Key, ...] | str:
    """The keys of a JWKS document without those that are none, or what is wrong where that leaves nothing."""
    try:
        document = read_lenient_json(text)
    except (ValueError, RecursionError):
        return "Jwks is an invalid JSON"
    if not isinstance(document, dict):
        return "Jwks is an invalid JSON"
    if "keys" not in document:
        return "Jwks does not have [keys] field"
    if not isinstance(document["keys"], list):
        return "[keys] in Jwks is not an array"
    listed = [each for each in document["keys"][:_MOST_KEYS] if isinstance(each, dict)]
    problems = [problem_with_key(each) for each in listed]
    good = tuple(_key(each) for each, problem in zip(listed, problems, strict=True) if problem is None)
    return good or next((problem for problem in problems if problem is not None), NO_KEYS)


def _key(fields: Mapping[str, Any]) -> Key:
    return Key(fields["kty"], text_of(fields, "kid"), text_of(fields, "alg"), text_of(fields, "crv"), fields)


def problem_with_signature(jwt: Jwt, keys: tuple[Key, ...]) -> str | bool | None:
    """A status text; False: it is good; None: nobody can say."""
    if not keys:
        return NO_KEYS
    matching = [key for key in keys if _fits(jwt, key)]
    if not matching:
        return NO_MATCHING_KEY
    unknown = False
    for key in matching:
        if key.kind == "OKP" and len(jwt.signature) != _ED25519_LENGTH:
            # whatever the token's own algorithm is
            return None if unknown else WRONG_LENGTH
        signed = _signed(jwt, key) if jwt.algorithm[:2] in _FAMILIES[key.kind] else False
        if signed:
            return False
        unknown |= signed is None
    return None if unknown else FAILS


def _fits(jwt: Jwt, key: Key) -> bool:
    if jwt.key_id and key.key_id and jwt.key_id != key.key_id:
        return False
    algorithm = key.algorithm or (CURVES.get(key.curve or "P-256", "") if key.kind == "EC" else "")
    return not algorithm or algorithm == jwt.algorithm


def _signed(jwt: Jwt, key: Key) -> bool | None:
    if key.kind == "oct":
        secret = decoded(str(key.fields.get("k", "")))
        digest = hmac.new(secret or b"", jwt.signed, _DIGESTS[jwt.algorithm[2:]]).digest()
        return secret is not None and hmac.compare_digest(digest, jwt.signature)
    try:
        return _signed_asymmetrically(jwt, key)
    except ImportError:
        return None


def _number(key: Key, name: str) -> int:
    return int.from_bytes(decoded(str(key.fields.get(name, ""))) or b"\0", "big")


def _signed_asymmetrically(jwt: Jwt, key: Key) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

    size = jwt.algorithm[2:]
    digests: dict[str, hashes.HashAlgorithm] = {"384": hashes.SHA384(), "512": hashes.SHA512()}
    digest = digests.get(size, hashes.SHA256())
    curves: dict[str, ec.EllipticCurve] = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "512": ec.SECP521R1()}
    try:
        if key.kind == "RSA":
            public = rsa.RSAPublicNumbers(_number(key, "e"), _number(key, "n")).public_key()
            pad: padding.AsymmetricPadding = padding.PKCS1v15()
            if jwt.algorithm.startswith("PS"):
                pad = padding.PSS(padding.MGF1(digest), digest.digest_size)
            public.verify(jwt.signature, jwt.signed, pad, digest)
        elif key.kind == "EC":
            numbers = ec.EllipticCurvePublicNumbers(_number(key, "x"), _number(key, "y"), curves[size])
            half = len(jwt.signature) // 2
            pair = (int.from_bytes(jwt.signature[:half], "big"), int.from_bytes(jwt.signature[half:], "big"))
            numbers.public_key().verify(utils.encode_dss_signature(*pair), jwt.signed, ec.ECDSA(digest))
        else:
            raw = decoded(str(key.fields.get("x", ""))) or b""
            ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(jwt.signature, jwt.signed)
    except (InvalidSignature, ValueError):
        return False
    return True
