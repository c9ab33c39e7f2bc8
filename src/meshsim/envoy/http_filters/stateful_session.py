"""stateful_session: a cookie or header names the host of the cluster that the request goes to.

envoyproxy/envoy source/extensions/filters/http/stateful_session and source/extensions/http/stateful_session. The
cookie is base64 of a message whose first field is the address; a bare address is taken too.
"""

from __future__ import annotations

import base64
import binascii

from attrs import frozen

from ...config.view import TypedConfig, View
from ...errors import Rejected
from ...facts.request import Request
from ...match.strings import cookies
from ...place import Place
from ...reasons import because
from ..jwt.check import RELEASED
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Verdict
from .per_route import PerRoute

TYPE_NAME = "envoy.extensions.filters.http.stateful_session.v3.StatefulSession"
_COOKIE = "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"
_HEADER = "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"
_NAMES = tuple(f"envoy.http.stateful_session.{kind}" for kind in ("cookie", "header", "envelope"))
_ADDRESS_FIELD, _ENDS_FIELD = 0x0A, 0x10


@frozen(eq=False)
class Session:
    kind: str
    """cookie or header; empty: none, or of a kind that names no host."""
    name: str
    path: str
    strict: bool

    def host(self, request: Request) -> str | None:
        if self.kind == "header":
            values = request.headers.get(self.name)
            return _decoded(values[0]) if values else None
        if self.kind != "cookie" or not _below(request.path.partition("?")[0], self.path):
            return None
        found = cookies(request.headers.get("cookie", ())).get(self.name)
        return _address(found) if found else None


def _below(path: str, of: str) -> bool:
    if not of or of == "/" or path == of:
        return True
    return path.startswith(of if of.endswith("/") else of + "/")


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("ascii") or None
    except (binascii.Error, ValueError):
        return None


def _address(text: str) -> str | None:
    """Field 1 of a small protobuf message, or the whole where it is none; None where field 2 says that it has ended."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) > 2 and data[0] == _ADDRESS_FIELD and data[1] < 0x80 and len(data) >= 2 + data[1]:
        data, rest = data[2 : 2 + data[1]], data[2 + data[1] :]
        if rest[:1] == bytes((_ENDS_FIELD,)) and 0 < _number(rest[1:]) < RELEASED:
            return None
    try:
        return data.decode("ascii") or None
    except ValueError:
        return None


def _number(data: bytes) -> int:
    """A varint."""
    made = 0
    for index, byte in enumerate(data[:10]):
        made |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            break
    return made


def compile_session(view: View) -> Session:
    state = view.view("session_state")
    typed = state.any("typed_config") if state is not None else None
    if state is not None:
        _check(state, typed)
    strict = view.boolean("strict", False)
    if typed is not None and typed.type_name == _HEADER:
        return Session("header", typed.view.text("name", "").lower(), "", strict)
    cookie = typed.view.view("cookie") if typed is not None and typed.type_name == _COOKIE else None
    if cookie is not None:
        return Session("cookie", cookie.text("name", ""), cookie.text("path", ""), strict)
    return Session("", "", "", strict)


def _check(state: View, typed: TypedConfig | None) -> None:
    """Envoy finds this extension by its name alone."""
    name = state.text("name", "")
    if name not in _NAMES:
        raise _refused(f"{name!r} is none of {', '.join(_NAMES)}", state)
    if typed is None:
        raise _refused("session_state has no typed_config", state)
    if typed.type_name == _HEADER and not typed.view.text("name", ""):
        raise _refused("a session kept in a header needs the header's name", typed.view)
    cookie = typed.view.view("cookie")
    if typed.type_name == _COOKIE and (cookie is None or not cookie.text("name", "")):
        raise _refused("a session kept in a cookie needs the cookie's name", typed.view)


def _refused(reason: str, view: View) -> Rejected:
    return Rejected("session-refused", reason, place=view.place, hint="Envoy refuses this filter too")


def _of_route(view: View) -> Session:
    below = view.view("stateful_session")
    off = below is None or view.boolean("disabled", False)
    return Session("", "", "", strict=False) if off or below is None else compile_session(below)


@frozen(eq=False)
class StatefulSession:
    name: str
    place: Place
    sessions: PerRoute[Session]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        session = self.sessions.of(own)
        host = session.host(facts.request)
        if host is None:
            return None
        why = because("filter.session-host", self.place, filter=self.name, host=host)
        return Change(why, host=host, strict_host=session.strict)


def compile_stateful_session(view: View, name: str) -> StatefulSession:
    return StatefulSession(name, view.place, PerRoute(compile_session(view), _of_route))
