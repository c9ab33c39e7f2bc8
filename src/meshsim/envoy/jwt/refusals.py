"""What Envoy refuses to load of a jwt_authn configuration, each with its reason and place.

The constraints of envoyproxy/envoy api/envoy/extensions/filters/http/jwt_authn/v3/config.proto, and what
filter_config.cc checks besides; each was seen refused by Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...config.view import View
from ...errors import Rejected
from ..match_checks import match_refusals

Found = Iterator[tuple[str, View]]
"""(the reason, where it stands)."""
_PATHS = frozenset(
    {"prefix", "path", "safe_regex", "path_separated_prefix", "connect_matcher", "path_match_policy"},
)
_LINE_ENDS = "\0\r\n"
_LARGEST = (1 << 32) - 1
_LONGEST_CACHE_MS = 9_000_000_000_000
_KEYS = ("inline_string", "inline_bytes", "filename", "environment_variable")


def check_provider(view: View, name: str) -> None:
    _refuse(_provider(view), f"provider {name!r}: ")


def check_rule(view: View, known: frozenset[str]) -> None:
    _refuse(_rule(view, known), "a rule of jwt_authn: ")


def check_route_config(view: View) -> None:
    """PerRouteConfig."""
    _refuse(_route_config(view), "jwt_authn of a route: ")


def check_several(kind: str, view: View, count: int) -> None:
    """requires_any and requires_all."""
    if count < 2:
        _refuse(iter([(f"{kind} needs at least 2 requirements, not {count}", view)]), "")


def _refuse(found: Found, beginning: str) -> None:
    for reason, view in found:
        hint = "Envoy refuses this filter too; take the values it accepts"
        raise Rejected("jwt-authn-refused", f"{beginning}{reason}", place=view.place, hint=hint)


def _provider(view: View) -> Found:
    remote, local = view.view("remote_jwks"), view.view("local_jwks")
    if remote is None and local is None:
        yield "remote_jwks or local_jwks is required", view
    if remote is not None:
        yield from _remote(remote)
    if local is not None and not any(local.has(kind) for kind in _KEYS):
        yield f"local_jwks needs one of {', '.join(_KEYS)}", local
    if not 0 <= view.integer("clock_skew_seconds", 0) <= _LARGEST:
        yield f"clock_skew_seconds is not between 0 and {_LARGEST}", view
    if view.duration_ms("max_lifetime", 0) < 0:
        yield "max_lifetime is negative", view
    yield from _headers(view)


def _headers(view: View) -> Found:
    names = [(view.text("forward_payload_header", ""), view)]
    for header in view.views("from_headers"):
        names += [(header.text("name", ""), header), (header.text("value_prefix", ""), header)]
        if not header.text("name", ""):
            yield "a header of from_headers has no name", header
    for claim in view.views("claim_to_headers"):
        names.append((claim.text("header_name", ""), claim))
        if not claim.text("header_name", ""):
            yield "an entry of claim_to_headers names no header", claim
        segments = claim.views("claim_path")
        if bool(claim.text("claim_name", "")) == bool(segments):
            yield "an entry of claim_to_headers needs either claim_name or claim_path", claim
        if not all(each.text("key", "") for each in segments):
            yield "a segment of claim_path has no key", claim
    for text, place in names:
        if any(char in text for char in _LINE_ENDS):
            yield f"{text!r} holds a line end, or zero", place


def _remote(view: View) -> Found:
    uri = view.view("http_uri")
    if uri is None:
        yield "remote_jwks needs an http_uri", view
        return
    text = uri.text("uri", "")
    if not text:
        yield "http_uri needs a uri", uri
    if not text.partition("://")[2]:
        yield f"invalid URI {text!r}", uri
    if not uri.text("cluster", ""):
        yield "http_uri needs a cluster", uri
    timeout = uri.duration_ms("timeout")
    if timeout is None or not 0 <= timeout < (_LARGEST + 1) * 1000:
        yield f"http_uri needs a timeout from 0s on and shorter than {_LARGEST + 1}s", uri
    cached = view.duration_ms("cache_duration")
    if cached is not None and not 1 <= cached < _LONGEST_CACHE_MS:
        yield "cache_duration is at least 1ms and shorter than 2500000 hours", view
    policy = view.view("retry_policy")
    pause = policy.view("retry_back_off") if policy is not None else None
    if pause is not None:
        base, most = pause.duration_ms("base_interval"), pause.duration_ms("max_interval")
        if base is None or base < 1:
            yield "retry_back_off needs a base_interval of at least 1ms", pause
        elif most is not None and most < base:
            yield "max_interval of retry_back_off is shorter than its base_interval", pause


def _rule(view: View, known: frozenset[str]) -> Found:
    match = view.view("match")
    if match is None or not any(match.has(kind) for kind in _PATHS):
        yield "a match with a path specifier is required", match if match is not None else view
        return
    yield from match_refusals(match)
    name = view.text("requirement_name")
    if name is not None and not view.has("requires") and name not in known:
        yield f"wrong requirement_name {name!r}: it is one of {sorted(known)}", view


def _route_config(view: View) -> Found:
    name, disabled = view.text("requirement_name"), view.boolean("disabled")
    if name is None and disabled is None:
        yield "disabled or requirement_name is required", view
    if disabled is False:
        yield "disabled can only be true", view
    if name == "":
        yield "requirement_name is empty", view
