"""Scoped routes: a key made of request headers picks the route configuration.

envoyproxy/envoy source/common/router/scoped_config_impl.cc. Every fragment must yield something, and a scope fits whose
key is the same, case included; without one there are no routes at all.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

from ..config.view import View
from ..errors import Rejected
from ..explanation import Candidate, Check, Fate
from ..facts.request import Request
from ..place import Place
from .message_check import refuse_malformed
from .vhosts import RouteTable, compile_route_table

Key = tuple[str, ...]
_Fragment = Callable[[Request], str | None]


@define(eq=False)
class Scope:
    name: str
    key: Key
    place: Place
    table_name: str
    """Of RDS; empty for an inline one."""
    inline: RouteTable | None
    written: View | None
    """The inline one as configured."""


@frozen(eq=False)
class ScopedRoutes:
    name: str
    place: Place
    fragments: tuple[_Fragment, ...]
    listed: tuple[Scope, ...] | None
    """None: scoped_rds delivers them."""

    def key(self, request: Request) -> Key | None:
        """None where a fragment finds nothing."""
        found = []
        for fragment in self.fragments:
            part = fragment(request)
            if part is None:
                return None
            found.append(part)
        return tuple(found)


def pick_scope(scopes: dict[Key, Scope], routes: ScopedRoutes, request: Request) -> Scope | None:
    key = routes.key(request)
    return None if key is None else scopes.get(key)


def scope_candidates(scopes: dict[Key, Scope], routes: ScopedRoutes, request: Request) -> tuple[Candidate, ...]:
    """Each scope with its key beside the request's."""
    key = routes.key(request)
    seen = None if key is None else list(key)
    return tuple(_candidate(scope, seen, fits=scope.key == key) for scope in scopes.values())


def _candidate(scope: Scope, seen: list[str] | None, *, fits: bool) -> Candidate:
    check = Check("key", list(scope.key), seen, fits, scope.place)
    fate = Fate.CHOSEN if fits else Fate.FAILED
    return Candidate(scope.name, "scope", fate, (check,), scope.place, "" if fits else "key")


def compile_scoped_routes(view: View) -> ScopedRoutes:
    builder = view.view("scope_key_builder")
    listed = view.view("scoped_route_configurations_list")
    return ScopedRoutes(
        name=view.text("name", ""),
        place=view.place,
        fragments=tuple(_fragment(each) for each in (builder.views("fragments") if builder is not None else ())),
        listed=None if listed is None else _inline_scopes(listed.views("scoped_route_configurations")),
    )


def _inline_scopes(views: tuple[View, ...]) -> tuple[Scope, ...]:
    scopes = compile_scopes(views)
    for scope in scopes:
        words = None
        if scope.table_name:
            words = "Fetching routes via RDS (route_configuration_name) is not supported with inline scoped routes."
        elif scope.inline is None:
            words = "You must specify a route_configuration with inline scoped routes."
        if words is not None:
            raise Rejected("scoped-routes-refused", words, place=scope.place, hint="Envoy refuses it too")
    return scopes


def compile_scopes(views: tuple[View, ...]) -> tuple[Scope, ...]:
    return tuple(map(_scope, views))


def by_key(scopes: tuple[Scope, ...]) -> dict[Key, Scope]:
    """A later scope replaces one of its name, and takes the place of one of its key."""
    by_name = {scope.name: scope for scope in scopes}
    return {scope.key: scope for scope in by_name.values()}


def _scope(view: View) -> Scope:
    typed = view.unwrapped() if view.has("@type") else None
    view = typed.view if typed is not None else view
    refuse_malformed(view, "envoy.config.route.v3.ScopedRouteConfiguration")
    key = view.view("key")
    fragments = key.views("fragments") if key is not None else ()
    below = view.view("route_configuration")
    return Scope(
        name=view.text("name", ""),
        key=tuple(each.text("string_key", "") for each in fragments),
        place=view.place,
        table_name=view.text("route_configuration_name", ""),
        inline=compile_route_table(below) if below is not None else None,
        written=below,
    )


def _fragment(view: View) -> _Fragment:
    extractor = view.view("header_value_extractor")
    if extractor is None:
        return lambda _request: None
    if extractor.one_of(("index", "element")) is None:
        raise _refused(extractor, "scope-key-unread", "says neither which part of its header it takes nor by which key")
    name = extractor.text("name", "").lower()
    separator = extractor.text("element_separator", "")
    element = extractor.view("element")
    index = extractor.integer("index", 0)

    if index and not separator:
        raise _refused(extractor, "scope-key-unread", f"wants part {index} of a header that nothing separates")

    def read(request: Request) -> str | None:
        values = request.values(name)
        if not values:
            return None
        parts = values[0].split(separator) if separator else [values[0]]
        if element is None:
            return parts[index] if index < len(parts) else None
        return _of_element(parts, element.text("separator", ""), element.text("key", ""))

    return read


def _refused(view: View, code: str, text: str) -> Rejected:
    name = view.text("name", "")
    return Rejected(
        code,
        f"scope key header {name!r} {text}",
        place=view.place,
        hint="state index or element, and a separator",
    )


def _of_element(parts: list[str], separator: str, key: str) -> str | None:
    """The first part whose text before the separator is the key: what stands behind it."""
    for part in parts:
        name, _, value = part.partition(separator) if separator else (part, "", "")
        if name == key:
            return value
    return None
