"""One test, asked: the states of the walk from the virtual host to the router, decided by their own stages.

No connection manager and no HTTP filters take part, as in the tool. What the router filter itself does to headers is
taken back, since the tool finalises them by the route alone.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...address import LOOPBACK_V4
from ...choices import Chooser
from ...envoy.format_operators import FormatFacts
from ...envoy.header_mutations import MutationLevel, mutated
from ...envoy.http_filters.progress import Progress
from ...envoy.redirects import Redirect, TlsRedirect
from ...envoy.route_actions import DirectResponse, NonForwarding, RouteAction, WeightedCluster
from ...envoy.routes import Route
from ...envoy.vhosts import VirtualHost
from ...envoy.virtual_clusters import virtual_cluster_of
from ...facts.connection import Connection
from ...facts.request import Headers, Request
from ...outcome import Ending
from ...reasons import Reason
from ...stages.router import Forward
from ...states import AtFilters, AtReturn, AtRoute, AtRouter, AtVhost, State
from .model import Check, Headed
from .table import RouteCheckTable

_PEER = Connection(LOOPBACK_V4, 80, LOOPBACK_V4, 40000, LOOPBACK_V4, 40000)
_BY_ROUTER_FILTER = ("x-envoy-expected-rq-timeout-ms", "x-envoy-attempt-count", "grpc-timeout")


@frozen(eq=False)
class Answer:
    """What the routes made of the request; every text is empty where it does not apply."""

    route: Route | None = None
    entry: WeightedCluster | None = None
    forwards: bool = False
    replies: bool = False
    """A redirect or a direct response."""
    cluster: str = ""
    virtual_cluster: str = ""
    virtual_host: str = ""
    path_redirect: str = ""
    code_redirect: int = 0
    timeout: str = ""
    request: Request | None = None
    """As finalised."""
    response_headers: Headers | None = None
    assumptions: tuple[Reason, ...] = ()
    unknown: Reason | None = None
    """Why configuration alone cannot say."""


def ask(table: RouteCheckTable, check: Check) -> Answer:
    given = check.input
    chooser = Chooser(random_value=given.random_value)
    state: State = AtVhost(
        table.pod_for(check), table.manager, _PEER, given.request, 0, None, Progress(metadata=given.metadata)
    )
    stages = table.mesh.stages
    while isinstance(state, AtVhost | AtRoute):
        _picked, state = stages[type(state)].decide(table.mesh, state, chooser)
    if not isinstance(state, AtFilters):
        assert isinstance(state, AtReturn)
        return Answer(assumptions=tuple(chooser.assumptions), unknown=state.ending.why)
    if state.route is None:
        return Answer(
            request=given.request, response_headers=given.response_headers, assumptions=tuple(chooser.assumptions)
        )
    at = AtRouter(
        state.pod,
        state.hcm,
        state.vhost,
        state.route,
        state.connection,
        state.request,
        state.residues,
        state.hop,
        state.frames,
        state.progress,
    )
    picked, _after = stages[AtRouter].decide(table.mesh, at, chooser)
    assert state.vhost is not None
    if isinstance(picked, Forward):
        action, entry = state.route.action, picked.entry
        timeout = action.timeout_ms if isinstance(action, RouteAction) else 0
        own = entry.request_mutations if entry is not None else MutationLevel()
        request = _finalised(given.request, picked.request, (own, *state.route.request_mutations))
        made = evolve(
            _entry(table, check, state.vhost, state.route, entry, request),
            cluster=picked.cluster,
            timeout=f"{timeout / 1000:g}s",
        )
    elif picked.kind == "unknown":
        return Answer(route=state.route, assumptions=tuple(chooser.assumptions), unknown=picked.why)
    elif isinstance(state.route.action, NonForwarding):
        request = evolve(given.request, headers=_mutated(check, state.route))
        made = _entry(table, check, state.vhost, state.route, None, request)
    else:
        made = _replied(check, state.route, picked)
    return evolve(made, assumptions=tuple(chooser.assumptions))


def _entry(
    table: RouteCheckTable,
    check: Check,
    vhost: VirtualHost,
    route: Route,
    entry: WeightedCluster | None,
    request: Request,
) -> Answer:
    """What is known of every route that does not answer itself. `request` is finalised.

    The tool asks for the virtual cluster of that one, though Envoy's router asks before it changes the request.
    """
    own = entry.response_mutations if entry is not None else MutationLevel()
    clusters = table.virtual_clusters(vhost.place)
    return Answer(
        route=route,
        entry=entry,
        forwards=True,
        virtual_cluster=virtual_cluster_of(clusters, Headed(request)),
        virtual_host=vhost.name,
        request=request,
        response_headers=_responded(
            check, check.input.response_headers, (own, *route.response_mutations), route, request
        ),
    )


def _mutated(check: Check, route: Route) -> Headers:
    request = check.input.request
    return mutated(request.headers, route.request_mutations, _facts(check, route, request))


def _facts(check: Check, route: Route, request: Request) -> FormatFacts:
    return FormatFacts(
        request,
        _PEER,
        route.name,
        route_metadata=route.metadata,
        vhost_metadata=route.vhost_metadata,
        metadata=check.input.metadata,
    )


def _finalised(given: Request, sent: Request, levels: tuple[MutationLevel, ...]) -> Request:
    """Without what the router filter writes, and with what it takes away."""
    removed = {name for level in levels for name in level.removals}
    written = {addition.name for level in levels for addition in level.additions}
    headers = dict(sent.headers)
    for name in _BY_ROUTER_FILTER:
        if name not in given.headers and name not in written:
            headers.pop(name, None)
        elif name not in written and name not in removed:
            headers[name] = given.headers[name]
    for name, values in given.headers.items():
        if name not in removed:
            headers.setdefault(name, values)
    return evolve(sent, headers=headers)


def _replied(check: Check, route: Route, ending: Ending) -> Answer:
    """A redirect or a direct response. The tool puts no Location on what it sends: path_redirect asks for that."""
    given, action = check.input, route.action
    assert isinstance(action, Redirect | TlsRedirect | DirectResponse)
    location = ending.location
    if isinstance(action, DirectResponse):
        location = Redirect(action.name, action.place).location(_facts(check, route, given.request), route.rule)
    request = _path_rewritten(given.request, action, route)
    return Answer(
        route=route,
        replies=True,
        path_redirect=location or "",
        code_redirect=action.status,
        request=request,
        response_headers=_responded(check, _local_reply(check, route), route.response_mutations, route, request),
    )


def _path_rewritten(request: Request, action: Redirect | TlsRedirect | DirectResponse, route: Route) -> Request:
    """A redirect's prefix or regex rewrite changes the request itself, before it is answered (rewritePathHeader)."""
    if not isinstance(action, Redirect):
        return request
    made: str | None = None
    if action.prefix_rewrite is not None:
        made = route.rule.replaced(request.path, action.prefix_rewrite)
    elif action.regex_rewrite is not None:
        made = action.regex_rewrite.rewritten(request.path)
    if not made:
        return request
    return evolve(request, path=made, headers={**request.headers, "x-envoy-original-path": (request.path,)})


def _local_reply(check: Check, route: Route) -> Headers:
    """What the tool adds to the response headers of the test."""
    action = route.action
    assert isinstance(action, Redirect | TlsRedirect | DirectResponse)
    headers = {**check.input.response_headers, ":status": (str(action.status),)}
    body = action.body if isinstance(action, DirectResponse) else ""
    if isinstance(action, DirectResponse) and action.body_format is not None and body is not None:
        body = action.body_format.render(evolve(_facts(check, route, check.input.request), body=body))
    if body is None:
        headers["content-length"] = ()
    elif body:
        length = str(len(body.encode("utf-8", "surrogateescape")))
        headers["content-length"] = (",".join((*headers.get("content-length", ()), length)),)
    if body != "":
        headers["content-type"] = (",".join((*headers.get("content-type", ()), "text/plain")),)
    return headers


def _responded(
    check: Check, headers: Headers, levels: tuple[MutationLevel, ...], route: Route, request: Request
) -> Headers:
    facts = _facts(check, route, request)
    return mutated(headers, tuple(level for level in levels if level), facts, response=True)
