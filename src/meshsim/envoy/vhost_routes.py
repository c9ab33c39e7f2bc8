"""The routes of a virtual host: compiled in their order, each with a label of its own.

envoyproxy/envoy source/common/router/config_impl.cc (VirtualHostImpl) and config_utility.cc (parseDirectResponseBody).
"""

from __future__ import annotations

from collections import Counter

from ..config.view import View
from ..errors import Rejected
from ..match.first import FirstMatch
from .route_actions import DirectResponse
from .route_index import compile_routes
from .route_matches import RouteFacts
from .routes import Route, Surroundings, compile_route


def routes_of(views: tuple[View, ...], around: Surroundings, most_body: int) -> FirstMatch[Route, RouteFacts]:
    """`most_body`: how many bytes the body of a direct response may have."""
    names = [view.text("name", "") for view in views]
    times = Counter(names)
    rows = [
        compile_route(view, _label(name, index, times), around)
        for index, (name, view) in enumerate(zip(names, views, strict=True))
    ]
    for row in rows:
        _check_body(row, most_body)
    return compile_routes(rows)


def _label(name: str, index: int, times: Counter[str]) -> str:
    if not name:
        return f"#{index}"
    return name if times[name] == 1 else f"{name}#{index}"


def _check_body(route: Route, most_body: int) -> None:
    body = route.action.body if isinstance(route.action, DirectResponse) else None
    size = len(body.encode("utf-8", "surrogateescape")) if body is not None else 0
    if most_body and size > most_body:
        raise Rejected(
            "response-body-too-large",
            f"route {route.label!r}: response body size is {size} bytes; maximum is {most_body}",
            place=route.action.place,
            hint="raise max_direct_response_body_size_bytes of the route configuration",
        )
