"""What becomes of a request that the connection manager refuses: its ending, and the route it is logged with.

Not a stage.
"""

from __future__ import annotations

from attrs import evolve

from ..envoy.http_filters.base import NONE_REACHED, FilterFacts, ResponsePath
from ..envoy.http_filters.progress import Progress
from ..envoy.local_reply import local_reply
from ..envoy.network_filters.hcm import HttpConnectionManager
from ..envoy.refusal import Refusal
from ..envoy.refused_lookup import looked_up
from ..envoy.route_actions import RouteAction, WeightedCluster
from ..envoy.routes import Route
from ..envoy.runtime import NO_RUNTIME
from ..envoy.stream import NOTHING_DECODED, Stream
from ..envoy.vhosts import VirtualHost
from ..facts.connection import Connection
from ..mesh import Pod
from ..outcome import Ending


def ending_of(refusal: Refusal, pod: Pod, hcm: HttpConnectionManager, connection: Connection, hop: int) -> Ending:
    if refusal.kind != "replied" or refusal.status is None:
        return Ending(
            refusal.kind,
            refusal.why,
            response_flags=refusal.flags,
            response_code_details=refusal.details,
            answered_by=hop,
            local_close_reason=refusal.closes,
            after=refusal.after,
        )
    request = refusal.request
    grpc_redirect = refusal.location is not None and request is not None and request.replied_as_grpc()
    vhost, route = route_of(refusal, pod, hcm, connection)
    entry = only_entry(route, pod)
    progress = Progress(entry=entry, way_back=_way_back(refusal, route and route.by_entry(entry), pod, hcm, connection))
    ending = local_reply(
        Stream(hcm, connection, request, route, vhost, progress=progress),
        hop,
        refusal.why,
        status=400 if grpc_redirect else refusal.status,
        details=refusal.details,
        flags=refusal.flags,
        body=refusal.body,
        location=None if grpc_redirect else refusal.location,
        located_late=True,
        by_route=route is not None and isinstance(route.action, RouteAction),
        ends_connection=refusal.closes is not None,
    )
    return ending if refusal.closes is None else evolve(ending, local_close_reason=refusal.closes, after=refusal.after)


def _way_back(
    refusal: Refusal, route: Route | None, pod: Pod, hcm: HttpConnectionManager, connection: Connection
) -> ResponsePath | None:
    """The filters are made for the reply's sake; none of them has seen the request."""
    if not hcm.acts_on_responses:
        return None
    proxy = pod.proxy
    facts = FilterFacts(
        refusal.request or NOTHING_DECODED,
        connection,
        route,
        runtime=proxy.runtime if proxy is not None else NO_RUNTIME,
        service_cluster=proxy.document.service_cluster if proxy is not None else None,
    )
    return ResponsePath(hcm.http_filters, facts, route, reached=NONE_REACHED)


def only_entry(route: Route | None, pod: Pod) -> WeightedCluster | None:
    """The weighted cluster that the look-up picked, where only one has any weight; else nobody can say."""
    action = route.action if route is not None else None
    if not isinstance(action, RouteAction) or not action.weighted:
        return None
    weights = action.weights(pod.proxy.runtime if pod.proxy is not None else NO_RUNTIME)
    heavy = [entry for entry, weight in zip(action.weighted, weights, strict=True) if weight]
    return heavy[0] if len(heavy) == 1 else None


def route_of(
    refusal: Refusal, pod: Pod, hcm: HttpConnectionManager, connection: Connection
) -> tuple[VirtualHost | None, Route | None]:
    """None where nothing was decoded that a route could be looked up for."""
    if refusal.request is None:
        return None, None
    return looked_up(hcm.table(pod.proxy, refusal.request), refusal.request, connection)
