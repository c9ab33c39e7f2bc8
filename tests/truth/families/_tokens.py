"""Tokens that are good, and tokens that are wrong in every way one can be."""

import base64
import hashlib
import hmac
import json
from typing import Any

SECRET = b"a secret that is only good for tests"
LATER = 4_102_444_800
"""2100-01-01."""
GOOD: dict[str, Any] = {"iss": "one", "sub": "me", "exp": LATER}
HEADER: dict[str, Any] = {"alg": "HS256", "kid": "k"}


def _encoded(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(payload: Any = None, header: Any = None, *, secret: bytes = SECRET, signature: str | None = None) -> str:
    signed = f"{_encoded(HEADER if header is None else header)}.{_encoded(GOOD if payload is None else payload)}"
    made = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode() if signature is None else signature}"


def keys(**fields: Any) -> str:
    secret = base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()
    return json.dumps({"keys": [{"kty": "oct", "kid": "k", "alg": "HS256", "k": secret, **fields}]})


def claims(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


WRONG: dict[str, str] = {
    "two sections": "a.b",
    "four sections": "a.b.c.d",
    "no dots": "abc",
    "header not base64": "!!." + token().split(".", 1)[1],
    "header not base64 at its end": "x." + token().split(".", 1)[1],
    "header no json": token(header=b"{"),
    "header a list": token(header=b"[]"),
    "no algorithm": token(header={"kid": "k"}),
    "algorithm a number": token(header={"alg": 1}),
    "algorithm none": token(header={"alg": "none"}),
    "algorithm in small letters": token(header={"alg": "hs256"}),
    "key id a number": token(header={"alg": "HS256", "kid": 1}),
    "other key id": token(header={"alg": "HS256", "kid": "z"}),
    "other algorithm": token(header={"alg": "HS384", "kid": "k"}),
    "other family": token(header={"alg": "RS256", "kid": "k"}),
    "payload not base64": token().split(".")[0] + ".!!!.x",
    "payload no json": token(b"{"),
    "payload a list": token(b"[]"),
    "a claim twice": token(b'{"iss":"one","iss":"x"}'),
    "issuer a number": token(claims(iss=1)),
    "issuer null": token(claims(iss=None)),
    "subject a number": token(claims(sub=1)),
    "audience a number": token(claims(aud=1)),
    "audiences mixed": token(claims(aud=["a", 1])),
    "expiry a text": token(claims(exp="x")),
    "expiry negative": token(claims(exp=-5)),
    "expiry enormous": token(claims(exp=10**20)),
    "issued at a text": token(claims(iat="x")),
    "not before a text": token(claims(nbf="x")),
    "id a number": token(claims(jti=1)),
    "other issuer": token(claims(iss="x")),
    "no issuer": token({"sub": "me"}),
    "expired": token(claims(exp=1_000_000_000)),
    "other secret": token(secret=b"x"),
    "signature not base64": token(signature="!!"),
    "signature empty": token(signature=""),
    "trailing word": token() + " x",
}
FINE: dict[str, str] = {
    "good": token(),
    "no expiry": token({"iss": "one"}),
    "expiry zero": token(claims(exp=0)),
    "expiry no whole number": token(claims(exp=LATER + 0.5)),
    "no key id": token(header={"alg": "HS256"}),
    "padded": token() + "=",
    "critical header": token(header={**HEADER, "crit": ["x"]}),
    "long ago": token(claims(nbf=5, iat=5)),
}
