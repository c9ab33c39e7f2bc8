"""What is wrong with one key of a JWKS document, in the words of Envoy's status texts; such a key is left out.

envoyproxy/envoy source/common/jwt/jwks.cc. Where `cryptography` is not installed, numbers are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .tokens import decoded

Fields = Mapping[str, Any]
CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_FEWEST_BITS = 512
"""Of an RSA modulus that Envoy's library reads."""
_EXPONENTS = (3, 65537)
_ED25519_BYTES = 32


def problem_with_key(fields: Fields) -> str | None:
    """None: it is a good key."""
    if "kty" not in fields:
        return "[kty] is missing in [keys]"
    kind = fields["kty"]
    if not isinstance(kind, str):
        return "[kty] is bad in [keys]"
    return _CHECKS[kind](fields) if kind in _CHECKS else "[kty] is not supported in [keys]"


def text_of(fields: Fields, name: str) -> str:
    """What is no text counts as absent."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _unreadable(fields: Fields, kind: str, *names: str) -> str | None:
    for name in names:
        if name not in fields:
            return f"[{name}] field is missing for {kind} key"
        if not isinstance(fields[name], str):
            return f"[{name}] field is not string for {kind} key"
    return None


def _rsa(fields: Fields) -> str | None:
    algorithm = text_of(fields, "alg")
    if algorithm and algorithm[:2] not in ("RS", "PS"):
        return "[alg] is not started with [RS] or [PS] for an RSA key"
    problem = _unreadable(fields, "a RSA", "n", "e")
    if problem is not None:
        return problem
    modulus, exponent = _number(fields, "n"), _number(fields, "e")
    if modulus % 2 and modulus.bit_length() >= _FEWEST_BITS and exponent in _EXPONENTS:
        return None
    return "Jwks RSA [n] or [e] field is missing or has a parse error"


def _number(fields: Fields, name: str) -> int:
    return int.from_bytes(decoded(fields[name]) or b"", "big")


def _elliptic(fields: Fields) -> str | None:
    algorithm = text_of(fields, "alg")
    if algorithm and not algorithm.startswith("ES"):
        return "[alg] is not started with [ES] for an EC key"
    if not isinstance(fields.get("crv", ""), str):
        return "[crv] field is not string for an EC key"
    named = {made: curve for curve, made in CURVES.items()}
    curve = fields.get("crv") or named.get(algorithm or "ES256", "")
    if curve not in CURVES or (algorithm and algorithm not in named):
        return "[crv] or [alg] field is not supported for an EC key"
    if algorithm and named[algorithm] != curve:
        return "[crv] field specified is not compatible with [alg] for an EC key"
    problem = _unreadable(fields, "an EC", "x", "y")
    if problem is not None:
        return problem
    good = _on_curve(curve, _number(fields, "x"), _number(fields, "y"))
    return None if good else "Jwks EC [x] and [y] fields have a parse error."


def _on_curve(curve: str, x: int, y: int) -> bool:
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        return True
    kinds: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    try:
        ec.EllipticCurvePublicNumbers(x, y, kinds[curve]).public_key()
    except ValueError:
        return False
    return True


def _secret(fields: Fields) -> str | None:
    if text_of(fields, "alg") not in ("", "HS256", "HS384", "HS512"):
        return "[alg] does not start with [HS] for an HMAC key"
    problem = _unreadable(fields, "an HMAC", "k")
    return problem or (None if decoded(fields["k"]) else "Jwks Oct key is an invalid Base64")


def _edwards(fields: Fields) -> str | None:
    if text_of(fields, "alg") not in ("", "EdDSA"):
        return "[alg] is not [EdDSA] for an OKP key"
    problem = _unreadable(fields, "an OKP", "crv")
    if problem is not None:
        return problem
    if fields["crv"] != "Ed25519":
        return "[crv] field is not supported for an OKP key"
    problem = _unreadable(fields, "an OKP", "x")
    if problem is not None:
        return problem
    raw = decoded(fields["x"])
    if raw is None:
        return "Jwks OKP [x] field is an invalid Base64."
    return None if len(raw) == _ED25519_BYTES else "Jwks OKP [x] field is wrong length."


_CHECKS: Mapping[str, Callable[[Fields], str | None]] = {
    "RSA": _rsa,
    "EC": _elliptic,
    "oct": _secret,
    "OKP": _edwards,
}
