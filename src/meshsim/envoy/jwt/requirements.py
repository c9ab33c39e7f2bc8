"""JwtRequirement: which providers' tokens a request needs.

envoyproxy/envoy source/extensions/filters/http/jwt_authn/verifier.cc. Where none of several is met, the last error
that says more than "missing" or "unknown issuer" is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...config.view import View
from ...errors import Rejected
from .check import Session, check_tokens
from .providers import Provider
from .refusals import check_several
from .tokens import MISSING, UNKNOWN_ISSUER, normal_audience

Requirement = Callable[[Session], str | None]
"""The status text of why the request is refused; None: it passes."""

_KINDS = (
    "provider_name",
    "provider_and_audiences",
    "requires_any",
    "requires_all",
    "allow_missing_or_failed",
    "allow_missing",
    "extract_only_without_validation",
)
_BYPASSES = ("allow_missing", "allow_missing_or_failed")
_UNVERIFIED = "x-jwt-signature-verified"
_DEEPEST = 50
_NEVER, _ALWAYS, _IF_MISSING = (lambda _status: False), (lambda _status: True), MISSING.__eq__


def compile_requirement(view: View, providers: Mapping[str, Provider], depth: int = 0) -> Requirement | None:
    """None: it asks for nothing."""
    kind = view.one_of(_KINDS)
    if kind is None or depth > _DEEPEST:
        return None
    if kind == "provider_name":
        return _of_provider(_named(view.text(kind, ""), providers, view), None)
    below = view.view(kind)
    if kind == "provider_and_audiences" and below is not None:
        audiences = frozenset(map(normal_audience, below.texts("audiences"))) or None
        return _of_provider(_named(below.text("provider_name", ""), providers, below), audiences)
    if kind in _BYPASSES:
        return _bypass(tuple(providers.values()), allow_failed=kind == "allow_missing_or_failed")
    if kind == "extract_only_without_validation":
        # what does not check signatures but claims to, checks them all the same
        header = below.text("verification_status_header", "") if below is not None else ""
        return _extraction(tuple(providers.values()), header.lower() or _UNVERIFIED)
    listed = below.views("requirements") if below is not None else ()
    check_several(kind, below if below is not None else view, len(listed))
    if kind == "requires_any":
        return _alternatives(listed, providers, depth)
    made = (compile_requirement(each, providers, depth + 1) for each in listed)
    return _all([each for each in made if each is not None])


def _named(name: str, providers: Mapping[str, Provider], view: View) -> Provider:
    found = providers.get(name)
    if found is None:
        message = f"required provider {name!r} is not configured"
        raise Rejected("unknown-jwt-provider", message, place=view.place, hint="Envoy refuses this configuration too")
    return found


def _of_provider(provider: Provider, audiences: frozenset[str] | None) -> Requirement:
    asked = (provider,)
    return lambda session: check_tokens(session, asked, audiences, named=True)


def _bypass(providers: Sequence[Provider], *, allow_failed: bool) -> Requirement:
    return lambda session: check_tokens(session, providers, named=False, allow_failed=allow_failed, allow_missing=True)


def _extraction(providers: Sequence[Provider], header: str) -> Requirement:
    return lambda session: check_tokens(
        session, providers, named=False, allow_failed=True, allow_missing=True, unverified_header=header
    )


def _alternatives(views: Sequence[View], providers: Mapping[str, Provider], depth: int) -> Requirement:
    """requires_any: of several bypasses the laxer one counts.

    Beside others, a bypass looks at no token itself: it only forgives that none of them found one, or whatever they
    found. Alone it checks every token, and for allow_missing the one that stands first decides (measured on 1.40).
    """
    made: list[Requirement] = []
    bypass: View | None = None
    for view in views:
        kind = view.one_of(_KINDS)
        if kind in _BYPASSES:
            if bypass is None or bypass.one_of(_KINDS) == "allow_missing":
                bypass = view
            continue
        made.append(compile_requirement(view, providers, depth + 1) or _nothing)
    if bypass is None:
        return _any(made, _NEVER)
    if made:
        return _any(made, _IF_MISSING if bypass.one_of(_KINDS) == "allow_missing" else _ALWAYS)
    return compile_requirement(bypass, providers, depth + 1) or _nothing


def _nothing(_session: Session) -> None:
    return None


def _any(requirements: Sequence[Requirement], forgives: Callable[[str], bool]) -> Requirement:
    def ask(session: Session) -> str | None:
        worst = MISSING
        for requirement in requirements:
            status = requirement(session)
            if status is None:
                return None
            if _rank(status) >= _rank(worst):
                worst = status
        return None if forgives(worst) else worst

    return ask


def _rank(status: str) -> int:
    return {MISSING: 0, UNKNOWN_ISSUER: 1}.get(status, 2)


def _all(requirements: Sequence[Requirement]) -> Requirement:
    def ask(session: Session) -> str | None:
        for requirement in requirements:
            status = requirement(session)
            if status is not None:
                return status
        return None

    return ask
