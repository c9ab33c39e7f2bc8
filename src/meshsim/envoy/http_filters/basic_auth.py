"""basic_auth: user and password against a list of SHA-1 digests.

envoyproxy/envoy source/extensions/filters/http/basic_auth; what its scheme check says was measured on Envoy 1.40.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..base64_text import decoded
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .original_uri import original_uri
from .per_route import PerRoute

TYPE_NAME = "envoy.extensions.filters.http.basic_auth.v3.BasicAuth"
_PREFIX = "Basic "
_FAILED = "User authentication failed. "
_MISSING = ("no_credential_for_basic_auth", "Missing username and password.")
_SCHEME = ("invalid_scheme_for_basic_auth", "Expected 'Basic' authentication scheme.")
_FORMAT = ("invalid_format_for_basic_auth", "Invalid basic credential format.")
_WRONG = ("invalid_credential_for_basic_auth", "Invalid username/password combination.")


def compile_users(view: View) -> Mapping[str, str] | None:
    """User -> digest; None where the list is not in the configuration itself."""
    source = view.view("users")
    text = source.text("inline_string") if source is not None else None
    if source is not None and text is None:
        encoded = source.text("inline_bytes")
        try:
            text = base64.b64decode(encoded).decode() if encoded is not None else None
        except (binascii.Error, ValueError):
            text = None
    if text is None:
        return None
    users = {}
    for line in text.splitlines():
        user, colon, digest = line.strip().partition(":")
        if colon and digest.startswith("{SHA}"):
            users[user] = digest.removeprefix("{SHA}")
    return users


@frozen(eq=False)
class BasicAuth:
    name: str
    place: Place
    users: PerRoute[Mapping[str, str] | None]
    header: str
    forwarded: str

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        values = facts.request.values(self.header)
        if not values:
            return self._denied(facts, _MISSING)
        if not values[0].startswith(_PREFIX):
            return self._denied(facts, _SCHEME)
        credentials = decoded(values[0].removeprefix(_PREFIX)) or b""
        user_bytes, colon, password = credentials.partition(b":")
        if not colon:
            return self._denied(facts, _FORMAT)
        user = user_bytes.decode("utf-8", "surrogateescape")
        users = self.users.of(own)
        wrong = self._denied(facts, _WRONG)
        if users is None:
            what = because("filter.opaque", self.place, filter=self.name, type=TYPE_NAME)
            return Open(what, (Option("pass", None, self._passed(facts, user)), Option("denies", None, wrong)), 0)
        digest = base64.b64encode(hashlib.sha1(password, usedforsecurity=False).digest()).decode()
        return self._passed(facts, user) if users.get(user) == digest else wrong

    def _passed(self, facts: FilterFacts, user: str) -> Change | None:
        if not self.forwarded:
            return None
        headers = {**facts.request.headers, self.forwarded: (user,)}
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))

    def _denied(self, facts: FilterFacts, said: tuple[str, str]) -> Reply:
        details, text = said
        realm = {"www-authenticate": (f'Basic realm="{original_uri(facts.request)}"',)}
        why = because("filter.credentials", self.place, filter=self.name, problem=text)
        return Reply(why, 401, details, body=_FAILED + text, headers=realm)


def compile_basic_auth(view: View, name: str) -> BasicAuth:
    return BasicAuth(
        name,
        view.place,
        PerRoute(compile_users(view), compile_users),
        view.text("authentication_header", "").lower() or "authorization",
        view.text("forward_username_header", "").lower(),
    )
