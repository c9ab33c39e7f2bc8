"""JwtProvider: where its tokens are looked for, who may have issued them, and what a good one leaves behind.

envoyproxy/envoy source/extensions/filters/http/jwt_authn/extractor.cc and authenticator.cc.
"""

from __future__ import annotations

import base64
import binascii
import re

from attrs import frozen

from ...config.view import View
from ...errors import Rejected
from ...facts.request import Request
from ...match.strings import TextTest, cookies
from ...place import Place
from ..matchers import compile_string_matcher
from ..query_parameters import decoded_parameters
from .keys import Key, parse_keys
from .refusals import check_provider
from .tokens import normal_audience

_TOKEN_START = re.compile(r"[A-Za-z0-9_.-]")
_SKEW_SECONDS = 60


@frozen
class Location:
    kind: str
    """header, query or cookie."""
    name: str
    prefix: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """Headers by name and prefix, then parameters, then cookies."""
        return ("header", "query", "cookie").index(self.kind), self.name + self.prefix

    def tokens(self, request: Request) -> tuple[str, ...]:
        if self.kind == "query":
            return decoded_parameters(request.path).get(self.name, ())[:1]
        if self.kind == "cookie":
            found = cookies(request.headers.get("cookie", ())).get(self.name)
            return () if found is None else (found,)
        values = request.values(self.name)
        if not self.prefix:
            return values
        return tuple(_after(value, self.prefix) for value in values if self.prefix in value)


def _after(value: str, prefix: str) -> str:
    """From the first character that a token may have; the whole value where there is none."""
    found = _TOKEN_START.search(value, value.index(prefix) + len(prefix))
    return value if found is None else value[found.start() :]


@frozen(eq=False)
class Provider:
    name: str
    place: Place
    issuer: str
    """Empty: any."""
    audiences: frozenset[str]
    subjects: TextTest | None
    requires_expiration: bool
    max_lifetime_s: int | None
    skew_s: int
    locations: tuple[Location, ...]
    keys: tuple[Key, ...] | None
    """None: not in the configuration itself."""
    keys_cluster: str | None
    """Where remote keys are fetched from."""
    forward: bool
    payload_header: str
    pads_payload: bool
    claim_headers: tuple[tuple[str, tuple[str, ...]], ...]
    """(header, the path to the claim)."""
    payload_key: str
    header_key: str
    failed_key: str
    space_delimited: tuple[str, ...]
    clears_route: bool

    @property
    def sanitized(self) -> tuple[str, ...]:
        """Headers that only the filter itself may set."""
        own = (self.payload_header,) if self.payload_header else ()
        return (*own, *(header for header, _claim in self.claim_headers))


def compile_provider(name: str, view: View) -> Provider:
    check_provider(view, name)
    remote = view.view("remote_jwks")
    subjects = view.view("subjects")
    lifetime = view.duration_ms("max_lifetime")
    normal = view.view("normalize_payload_in_metadata")
    claims = view.views("claim_to_headers")
    return Provider(
        name=name,
        place=view.place,
        issuer=view.text("issuer", ""),
        audiences=frozenset(map(normal_audience, view.texts("audiences"))),
        subjects=compile_string_matcher(subjects) if subjects is not None else None,
        requires_expiration=view.boolean("require_expiration", False),
        max_lifetime_s=None if lifetime is None else int(lifetime // 1000),
        skew_s=view.integer("clock_skew_seconds", 0) or _SKEW_SECONDS,
        locations=_locations(view),
        keys=_keys(view.view("local_jwks"), name),
        keys_cluster=service_cluster_of(remote),
        forward=view.boolean("forward", False),
        payload_header=view.text("forward_payload_header", "").lower(),
        pads_payload=view.boolean("pad_forward_payload_header", False),
        claim_headers=tuple((each.text("header_name", "").lower(), _claim_path(each)) for each in claims),
        payload_key=view.text("payload_in_metadata", ""),
        header_key=view.text("header_in_metadata", ""),
        failed_key=view.text("failed_status_in_metadata", ""),
        space_delimited=normal.texts("space_delimited_claims") if normal is not None else (),
        clears_route=view.boolean("clear_route_cache", False),
    )


def _claim_path(view: View) -> tuple[str, ...]:
    """A name's dots lead into structs; the segments of a path may hold dots."""
    segments = tuple(each.text("key", "") for each in view.views("claim_path"))
    return segments or tuple(view.text("claim_name", "").split("."))


def _locations(view: View) -> tuple[Location, ...]:
    made = [
        Location("header", each.text("name", "").lower(), each.text("value_prefix", ""))
        for each in view.views("from_headers")
    ]
    made += [Location("query", name) for name in view.texts("from_params")]
    made += [Location("cookie", name) for name in view.texts("from_cookies")]
    return tuple(made) or (Location("header", "authorization", "Bearer "), Location("query", "access_token"))


def _keys(view: View | None, name: str) -> tuple[Key, ...] | None:
    if view is None:
        return None
    text = view.text("inline_string")
    encoded = view.text("inline_bytes")
    if text is None and encoded is not None:
        try:
            text = base64.b64decode(encoded).decode()
        except (binascii.Error, ValueError):
            text = None
    return None if text is None else _parsed(text, name, view)


def _parsed(text: str, name: str, view: View) -> tuple[Key, ...]:
    if not text:
        # a document that is not there at all is loaded, and has no keys
        return ()
    keys = parse_keys(text)
    if isinstance(keys, str):
        message = f"provider {name!r} has invalid local jwks: {keys}"
        hint = 'a JWKS document is {"keys": [...]}; Envoy refuses this configuration too'
        raise Rejected("invalid-jwks", message, place=view.place, hint=hint)
    return keys


def service_cluster_of(remote: View | None) -> str | None:
    uri = remote.view("http_uri") if remote is not None else None
    return uri.text("cluster") if uri is not None else None
