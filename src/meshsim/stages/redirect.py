"""redirect: does the proxy follow an upstream's redirect itself? Then routing and filters see the request again.

envoyproxy/envoy source/common/router/router.cc (setupRedirect) and source/common/http/conn_manager_impl.cc
(ActiveStream::recreateStream): a stream of its own, with a log line of its own; nothing of the first one's filters
and choices is left but the headers they wrote and what the client's request has met before.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..address import format_endpoint
from ..choices import Chooser
from ..envoy.http_filters.progress import Progress
from ..envoy.internal_redirects import (
    FOLLOWED,
    NOT_REDIRECTED,
    InternalRedirectPolicy,
    Redirected,
    client_is_secure,
    is_secure,
    redirected,
    target_of,
    towards,
)
from ..envoy.receive import Received, receive_again
from ..envoy.refusal import Refusal
from ..envoy.refused_lookup import looked_up
from ..envoy.request_limits import body_kept
from ..envoy.route_actions import RouteAction
from ..envoy.routes import Route
from ..envoy.stream import Stream
from ..explanation import Candidate, Decision, Fate
from ..facts.request import Headers, Request
from ..mesh import Mesh
from ..reasons import Reason, because
from ..report import Draft, Hop, InternalRedirect, RedirectTarget
from ..states import AtRedirect, AtReturn, AtTls, AtVhost, State
from .changes import request_changes
from .cluster_weights import cluster_name
from .held_request import as_held
from .refusals import ending_of
from .stage import Stage, agree


@frozen
class Judged:
    """What becomes of the redirect."""

    why: Reason
    target: RedirectTarget | None = None
    """None: no route was looked up."""
    again: Received | Refusal | None = None
    """The request as the next pass takes it; None: the redirect is the client's business."""
    before: Redirected = NOT_REDIRECTED


def decide(_mesh: Mesh, at: AtRedirect, chooser: Chooser) -> tuple[Judged, State]:
    frame, picked = at.frames, _judged(at)
    if picked.why.code == "redirect.location-unknown":
        chooser.assume(picked.why)
    if picked.again is None:
        return picked, AtReturn(at.passed, at.hop, frame.below, at.opened)
    hop = _next_hop(at)
    stream = _stream(at)
    if isinstance(picked.again, Refusal):
        ending = ending_of(picked.again, frame.pod, stream.manager, stream.connection, hop)
        return picked, AtReturn(ending, hop, frame.below)
    again = picked.again
    progress = Progress(redirected=picked.before)
    return picked, AtVhost(frame.pod, stream.manager, again.connection, again.request, hop, frame.below, progress)


def _next_hop(at: AtRedirect) -> int:
    return at.hop + 1 if at.opened else at.hop


def _stream(at: AtRedirect) -> Stream:
    stream = at.frames.stream
    assert stream is not None
    return stream


def _policy(at: AtRedirect) -> InternalRedirectPolicy:
    via = at.frames.via
    assert isinstance(via, RouteAction) and via.internal_redirects is not None
    return via.internal_redirects


def _judged(at: AtRedirect) -> Judged:
    """Pure: explaining asks it again."""
    policy, stream, ending = _policy(at), _stream(at), at.ending
    if ending.kind != "replied":
        return Judged(because("redirect.location-unknown", policy.place, status=ending.status))
    request, route = _sent(at), stream.route
    before = stream.progress.redirected
    secure = client_is_secure(request, tls=stream.connection.tls is not None)
    location = _location(ending.response_headers)
    limit = body_kept(route, stream.connection, stream.progress.body_limit)
    url = target_of(policy, request, location, before, secure=secure, limit=limit)
    if isinstance(url, Reason):
        return Judged(url)
    wanted = towards(policy, request, url, ending.response_headers)
    proxy = at.frames.pod.proxy
    vhost, found = looked_up(stream.manager.table(proxy, wanted), wanted, stream.connection)
    cluster = _cluster(found, wanted)
    target = RedirectTarget(
        vhost.name if vhost is not None else None,
        found.name or None if found is not None else None,
        cluster if cluster and proxy is not None and proxy.cluster(cluster) is not None else None,
    )
    if found is None:
        return Judged(because("redirect.no-route", policy.place, location=location), target)
    own = route.name if route is not None else ""
    for predicate in policy.predicates:
        if not predicate.accepts(before, own, found.name, secure=secure, target_secure=is_secure(url)):
            facts = {"location": location, "route": found.name, "predicate": predicate.kind}
            return Judged(because("redirect.predicate", predicate.place, **facts), target)
    why = because("redirect.followed", policy.place, location=location, number=before.count + 1, most=policy.most)
    assert ending.status is not None
    again = receive_again(stream.manager, stream.connection, redirected(wanted, request, ending.status, secure=secure))
    return Judged(why, target, again, policy.remembered(before, own, found.name))


def _cluster(route: Route | None, request: Request) -> str:
    """Where the target's route leads; empty where that is nowhere, or chance picks."""
    action = route.action if route is not None else None
    if not isinstance(action, RouteAction) or len(action.weighted) > 1:
        return ""
    return cluster_name(action, action.weighted[0] if action.weighted else None, request)


def _location(headers: Headers) -> str | None:
    values = headers.get("location")
    return values[0] if values else None


def _sent(at: AtRedirect) -> Request:
    """The request as the proxy's own headers held it when the answer came."""
    dialled, via = at.frames.dialled, at.frames.via
    assert isinstance(dialled, AtTls) and isinstance(via, RouteAction)
    return as_held(_stream(at), dialled, via)


def explain(_mesh: Mesh, at: AtRedirect, picked: Judged) -> Decision:
    again = _judged(at)
    agree("redirect", at, picked, again)
    policy = _policy(at)
    location = _location(at.ending.response_headers)
    followed = again.again
    target = again.target.route if again.target is not None else None
    return Decision(
        stage="redirect",
        pod=at.frames.pod.name,
        question=because("redirect.question", policy.place, location=location, policy=at.frames.via.name),
        chosen=None if followed is None else Candidate(target or "", "route", Fate.CHOSEN, place=policy.place),
        reason=again.why,
        changes=request_changes(_sent(at), followed.request) if isinstance(followed, Received) else (),
        deciding=followed is not None,
        hop=at.frames.hop,
    )


def describe(_mesh: Mesh, at: AtRedirect, picked: Judged, draft: Draft) -> None:
    near = draft.hop(at.frames.hop, at.frames.pod.name)
    followed = picked.again is not None
    near.internal_redirect = InternalRedirect(_location(at.ending.response_headers), followed, picked.target)
    if picked.again is None:
        return
    near.response_code_details = FOLLOWED
    hop = draft.hop(_next_hop(at), near.pod)
    _same_connection(near, hop, at)
    if isinstance(picked.again, Refusal):
        _describe_refused(at, picked.again, hop)


def _same_connection(near: Hop, hop: Hop, at: AtRedirect) -> None:
    """The next pass has everything of the first that came before routing."""
    hop.from_hop, hop.cause = at.frames.hop, FOLLOWED
    hop.direction = near.direction
    hop.original_destination = near.original_destination
    hop.received_by, hop.listener = near.received_by, near.listener
    hop.filter_chain, hop.network_filter = near.filter_chain, near.network_filter
    hop.downstream_local_close_reason = near.downstream_local_close_reason
    hop.downstream_transport_failure_reason = near.downstream_transport_failure_reason
    hop.config_version = near.config_version
    hop.origin = {name: value for name, value in near.origin.items() if name == "listener"}
    known = _stream(at).connection.before_detection
    if near.downstream is not None:
        hop.downstream = near.downstream if known is None else evolve(near.downstream, remote=format_endpoint(*known))


def _describe_refused(at: AtRedirect, refusal: Refusal, hop: Hop) -> None:
    stream = _stream(at)
    ending = ending_of(refusal, at.frames.pod, stream.manager, stream.connection, at.frames.hop)
    hop.status = ending.status
    hop.response_flags = ending.response_flags
    hop.response_code_details = ending.response_code_details
    hop.downstream_local_close_reason = ending.local_close_reason


STAGE = Stage("redirect", AtRedirect, decide, explain, describe)
