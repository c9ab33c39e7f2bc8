"""What HTTP filters between router and upstream make of an attempt's request and of its response. Not a stage."""

from __future__ import annotations

from attrs import evolve

from ..envoy.clusters import Cluster
from ..envoy.http_filters.base import FilterFacts
from ..envoy.http_filters.progress import Progress
from ..envoy.http_filters.response import Response
from ..envoy.route_actions import RouteAction
from ..envoy.runtime import NO_RUNTIME
from ..envoy.stream import Stream
from ..envoy.upstream_filters import NONE, UpstreamFilters
from ..envoy.upstream_request import framed
from ..facts.connection import Connection
from ..facts.conversation import Conversation
from ..facts.request import Request
from ..mesh import Pod
from ..reasons import Reason
from ..states import AtEndpoint, AtTls


def filters_of(cluster: Cluster, stream: Stream | None) -> UpstreamFilters:
    """The cluster's own, else those of the router. Of an aggregate cluster, its own and not its members'."""
    if cluster.protocol.filters is not NONE or stream is None:
        return cluster.protocol.filters
    return stream.manager.router.upstream_filters


def _in_force(at: AtEndpoint) -> UpstreamFilters:
    if not isinstance(at.via, RouteAction) or at.via.tunnels:
        return NONE
    return filters_of(at.cluster, at.stream)


def doubts_about(at: AtEndpoint) -> tuple[Reason, ...]:
    """Filters on the way of which nobody says what they do."""
    return _in_force(at).unmodelled


def through_filters(at: AtEndpoint) -> tuple[Conversation, Stream | None]:
    """What goes to the endpoint, and the stream as replies from here on see it."""
    filters, request, stream = _in_force(at), at.conversation.request, at.stream
    if filters is NONE or request is None:
        return at.conversation, stream
    made = filters.sent(_facts(at, request))
    made = framed(made, at.cluster.protocol.versions(request.version)[0])
    if stream is not None and stream.request is not None:
        stream = evolve(stream, request=filters.sent(_facts(at, stream.request)))
    return evolve(at.conversation, request=made), stream


def _facts(at: AtEndpoint, request: Request) -> FilterFacts:
    attempts = 1 if at.tried is None else len(at.tried.endpoints) + 1
    return _asked(at.pod, at.connection, at.stream, at.progress, at.cluster, attempts, request)


def _asked(
    pod: Pod,
    connection: Connection,
    stream: Stream | None,
    progress: Progress,
    cluster: Cluster,
    attempts: int,
    request: Request,
) -> FilterFacts:
    route = stream.route if stream is not None else None
    return FilterFacts(
        request,
        connection,
        route.by_entry(progress.entry) if route is not None else None,
        progress.metadata,
        progress.filter_state,
        runtime=pod.proxy.runtime if pod.proxy is not None else NO_RUNTIME,
        cluster=cluster.name,
        attempts=attempts,
        upstream="request",
    )


def back_through_filters(dialled: AtTls, response: Response) -> Response:
    """A response as the router gets it."""
    cluster, stream = dialled.through or dialled.cluster, dialled.stream
    filters = filters_of(cluster, stream)
    request = dialled.conversation.request
    if filters is NONE or request is None:
        return response
    attempts = 1 if dialled.tried is None else len(dialled.tried.endpoints) + 1
    facts = _asked(dialled.pod, dialled.connection, stream, dialled.progress, cluster, attempts, request)
    return filters.received(response, facts)
