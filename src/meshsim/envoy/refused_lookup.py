"""The route that Envoy looks up for a request it has already refused: it is logged, and its response headers apply.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (a reply before the filter chain still creates it, and with it
the route); observed on Envoy 1.40. Without x-forwarded-proto, which is not written yet, there is a virtual host only.
"""

from __future__ import annotations

from ..facts.connection import Connection
from ..facts.request import Request
from .chains import never
from .paths import without_parameters, without_query
from .route_matches import RouteFacts
from .routes import Route
from .vhosts import RouteTable, VirtualHost


def looked_up(
    table: RouteTable | None, request: Request, connection: Connection
) -> tuple[VirtualHost | None, Route | None]:
    """What only run time can say of a route (fractions, unknown matchers) does not hold here."""
    vhost = table.pick(request) if table is not None else None
    if table is None or vhost is None:
        return vhost, None
    proto = ",".join(request.headers.get("x-forwarded-proto", ()))
    if not proto:
        return vhost, None
    if vhost.require_tls != "NONE" and proto != "https":
        return vhost, vhost.tls_redirect
    path = without_query(request.path)
    facts = RouteFacts(request, without_parameters(path) if table.ignore_path_parameters else path, connection)
    found = vhost.matcher.tree.pick(request, never) if vhost.matcher is not None else None
    if vhost.matcher is not None and found is None:
        return vhost, None
    routes = vhost if found is None else vhost.of(found)
    return vhost, routes.routes.pick(facts, lambda _route: False)
