"""VirtualHost.matcher: a tree over request headers leads to a route or a list of routes, in the place of `routes`.

envoyproxy/envoy source/common/router/config_impl.cc and matcher_visitor.cc. Once an action is found its routes alone
are tried; where none of them matches, the tree is not searched further.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from ..config.view import TypedConfig, View
from ..errors import Rejected
from ..facts.request import Request
from ..place import Place
from .match_tree import CompiledMatcher, Vocabulary, compile_matcher
from .message_check import refuse_malformed

_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_ROUTE = "envoy.config.route.v3.Route"
_ROUTES = "envoy.config.route.v3.RouteList"


@frozen(eq=False)
class MatchedRoutes:
    """What an action of the tree holds: its routes, still to be matched themselves."""

    label: str
    views: tuple[View, ...]
    place: Place


RouteTree = CompiledMatcher[Request, MatchedRoutes]


def compile_vhost_matcher(view: View, virtual_host: str) -> RouteTree:
    made = compile_matcher(view, _VOCABULARY)
    if made.keeps_matching:
        raise Rejected(
            "keep-matching",
            f"the matcher of virtual host {virtual_host!r} carries keep_matching, which is not supported there",
            place=view.place,
            hint="remove keep_matching",
        )
    return made


def _header_input(view: View) -> tuple[str, Callable[[Request], str | None]]:
    """Many values are one text, joined by commas."""
    refuse_malformed(view, _HEADER)
    name = view.text("header_name", "").lower()

    def read(request: Request) -> str | None:
        values = request.values(name)
        return ",".join(values) if values or name in request.headers else None

    return f"header {name}", read


def _action(typed: TypedConfig) -> tuple[str, MatchedRoutes]:
    view = typed.view
    if typed.type_name == _ROUTE:
        views: tuple[View, ...] = (view,)
    elif typed.type_name == _ROUTES:
        views = view.views("routes")
    else:
        raise Rejected(
            "bad-route-action",
            f"an action of a virtual host's matcher is a {_ROUTE} or a {_ROUTES}, not a {typed.type_name}",
            place=view.place,
            hint="mend the matcher; Envoy refuses it too",
        )
    label = ", ".join(each.text("name") or "unnamed" for each in views) or "no routes"
    return label, MatchedRoutes(label, views, view.place)


_VOCABULARY: Vocabulary[Request, MatchedRoutes] = Vocabulary(
    "route_action", {_HEADER: _header_input}, _action, "Route table can only match on request headers"
)
