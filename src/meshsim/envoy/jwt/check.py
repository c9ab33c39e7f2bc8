"""One provider's (or all providers') check of a request's tokens: a status text and what a good token leaves behind.

envoyproxy/envoy source/extensions/filters/http/jwt_authn/authenticator.cc. Nothing here knows the time: a token that
ended before this Envoy was released is expired, one that ends later is in doubt.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, evolve, field

from ...facts.request import Request
from ..query_parameters import decoded_parameters, with_parameters
from .keys import problem_with_signature
from .providers import Location, Provider
from .tokens import (
    AUDIENCE,
    CODES,
    EXPIRED,
    FAILS,
    FETCH_FAILED,
    MISSING,
    NOT_YET_VALID,
    UNKNOWN_ISSUER,
    Jwt,
    normal_audience,
    parse,
)

RELEASED = 1_790_812_800
"""2026-10-01: nobody asks Envoy 1.40 anything before that."""
PROVIDER = "provider "


@define(eq=False)
class Session:
    """What the checks of one request share, and what they have found out."""

    request: Request
    distrusts: str | None
    """What nobody can say (signatures by remote keys, the time) is in the token's favour, but for this one doubt."""
    missing_cluster: Mapping[str, bool]
    only_provider: Provider | None = None
    """Where the filter has no other, failures are noted for it even where no token names its issuer."""
    noted: dict[str, Any] = field(factory=dict)
    doubts: list[str] = field(factory=list)
    """What could not be decided: `start`, `time`, `lifetime`, `signature`, or `provider` and another one's name."""
    clears_route: bool = False

    def doubt(self, what: str, problem: str) -> str | None:
        if what not in self.doubts:
            self.doubts.append(what)
        return problem if what == self.distrusts else None

    def one_of(self, found: Sequence[Provider]) -> Provider | None:
        """Of several providers with one issuer Envoy takes any: another one with each start of the process."""
        others = {f"{PROVIDER}{each.name}": each for each in found[1:]}
        self.doubts += [what for what in others if what not in self.doubts]
        return others.get(self.distrusts or "", found[0] if found else None)


def check_tokens(
    session: Session,
    providers: Sequence[Provider],
    audiences: frozenset[str] | None = None,
    *,
    named: bool,
    allow_failed: bool = False,
    allow_missing: bool = False,
    unverified_header: str = "",
) -> str | None:
    """None: it passes. `named`: one provider is asked for by name, else the token's issuer finds it.

    `unverified_header` says `false` to the upstream where the last token that was looked at is no good one.
    """
    _sanitize(session, providers)
    found = _found(session.request, providers)
    status: str | None = MISSING
    provider = providers[0] if named and found else session.only_provider
    if not found:
        _note_failure(session, provider, status)
    for location, token, askers in reversed(found):
        # where a token has no readable issuer, what was found for the one before it stays
        provider, status = _check(session, location, token, askers, providers, provider, audiences, named=named)
        _note_failure(session, provider, status)
        if status is not None and not (allow_failed or allow_missing):
            break
    if unverified_header and status not in (None, MISSING):
        session.request = evolve(session.request, headers={**session.request.headers, unverified_header: ("false",)})
    if allow_failed or (allow_missing and status == MISSING):
        return None
    return status


def _note_failure(session: Session, provider: Provider | None, status: str | None) -> None:
    if status is not None and provider is not None and provider.failed_key:
        session.noted[provider.failed_key] = {"code": CODES.get(status, 0), "message": status}


def _sanitize(session: Session, providers: Sequence[Provider]) -> None:
    headers = session.request.headers
    dropped = {name for provider in providers for name in provider.sanitized if name in headers}
    if dropped:
        kept = {name: values for name, values in headers.items() if name not in dropped}
        session.request = evolve(session.request, headers=kept)


def _found(request: Request, providers: Sequence[Provider]) -> list[tuple[Location, str, list[Provider]]]:
    """Every token with the providers that look where it stands, in the order of extraction."""
    askers: dict[Location, list[Provider]] = {}
    for provider in providers:
        for location in provider.locations:
            askers.setdefault(location, []).append(provider)
    return [
        (location, token, askers[location])
        for location in sorted(askers, key=lambda each: each.order)
        for token in location.tokens(request)
    ]


def _check(
    session: Session,
    location: Location,
    token: str,
    askers: Sequence[Provider],
    providers: Sequence[Provider],
    provider: Provider | None,
    audiences: frozenset[str] | None,
    *,
    named: bool,
) -> tuple[Provider | None, str | None]:
    """The provider that is asked, and what is wrong."""
    jwt = parse(token)
    if isinstance(jwt, str):
        return provider, jwt
    if not any(each.issuer in ("", jwt.issuer) for each in askers):
        return provider, UNKNOWN_ISSUER
    if provider is None or not named:
        provider = session.one_of([each for each in providers if each.issuer == jwt.issuer]) or session.one_of(
            [each for each in providers if not each.issuer]
        )
        if provider is None:
            return None, UNKNOWN_ISSUER
    problem = (
        _wrong_time(session, jwt, provider)
        or _wrong_audience(jwt, provider.audiences if audiences is None else audiences)
        or _wrong_claims(session, jwt, provider)
        or _wrong_signature(session, jwt, provider)
    )
    if problem is None:
        _leave(session, location, jwt, provider)
    return provider, problem


def _wrong_time(session: Session, jwt: Jwt, provider: Provider) -> str | None:
    ends, begins = jwt.seconds("exp"), jwt.seconds("nbf")
    early = session.doubt("start", NOT_YET_VALID) if begins > RELEASED + provider.skew_s else None
    if early is not None or not ends:
        return early
    return EXPIRED if ends + provider.skew_s < RELEASED else session.doubt("time", EXPIRED)


def _wrong_claims(session: Session, jwt: Jwt, provider: Provider) -> str | None:
    if provider.subjects is not None and not provider.subjects.holds(jwt.subject):
        return FAILS
    ends, lifetime = jwt.seconds("exp"), provider.max_lifetime_s
    if not ends:
        return FAILS if provider.requires_expiration or lifetime is not None else None
    if lifetime is not None and ends - RELEASED > lifetime:
        return session.doubt("lifetime", FAILS)
    return None


def _wrong_audience(jwt: Jwt, allowed: frozenset[str]) -> str | None:
    if not allowed or any(normal_audience(each) in allowed for each in jwt.audiences):
        return None
    return AUDIENCE


def _wrong_signature(session: Session, jwt: Jwt, provider: Provider) -> str | None:
    if provider.keys is None:
        if provider.keys_cluster is not None and session.missing_cluster.get(provider.keys_cluster):
            return FETCH_FAILED
        return session.doubt("signature", FAILS)
    problem = problem_with_signature(jwt, provider.keys)
    if problem is None:
        return session.doubt("signature", FAILS)
    return problem if isinstance(problem, str) else None


def _leave(session: Session, location: Location, jwt: Jwt, provider: Provider) -> None:
    """What a good token does to the request and to the metadata."""
    headers = dict(session.request.headers)
    if provider.payload_header:
        text = jwt.payload_text
        text += "=" * (-len(text) % 4) if provider.pads_payload else ""
        headers[provider.payload_header] = (*headers.get(provider.payload_header, ()), text)
    for header, claim in provider.claim_headers:
        value = _claim_text(jwt.payload, claim)
        if value:
            headers[header] = (*headers.get(header, ()), value)
    request = evolve(session.request, headers=headers)
    if not provider.forward and location.kind == "header":
        del headers[location.name]
    elif not provider.forward and location.kind == "query":
        parameters = decoded_parameters(request.path)
        parameters.pop(location.name, None)
        request = evolve(request, path=with_parameters(request.path, parameters))
    session.request = request
    if provider.header_key:
        session.noted[provider.header_key] = dict(jwt.header)
    if provider.payload_key:
        session.noted[provider.payload_key] = _normalized(jwt.payload, provider.space_delimited)
    if provider.clears_route and (provider.claim_headers or provider.payload_key):
        session.clears_route = True


def _normalized(payload: Mapping[str, Any], space_delimited: Sequence[str]) -> dict[str, Any]:
    made = dict(payload)
    for claim in space_delimited:
        if isinstance(made.get(claim), str):
            made[claim] = made[claim].split(" ")
    return made


def _claim_text(payload: Mapping[str, Any], path: Sequence[str]) -> str:
    """Lists and structs are written as base64 of their JSON."""
    value: Any = payload
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        whole = value >= 0 and float(value).is_integer() and value < 2**64
        return str(int(value)) if whole else f"{value:f}"
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
