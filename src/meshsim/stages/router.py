"""router: what the route does: answer, redirect, or forward to which cluster and with which request.

Order as in envoyproxy/envoy source/common/router/router.cc (Filter::decodeHeaders).
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..choices import Chooser
from ..envoy.http_filters.progress import passed_back
from ..envoy.local_reply import local_reply
from ..envoy.mirrors import Mirror, mirrors_of
from ..envoy.redirects import Redirect, TlsRedirect
from ..envoy.refused_routes import table_refused
from ..envoy.request_limits import body_kept, limited
from ..envoy.route_actions import DirectResponse, NonForwarding, RouteAction, WeightedCluster
from ..envoy.routes import Route
from ..envoy.stream import NOT_DRAWN, Stream
from ..envoy.tunnels import carries_datagrams
from ..envoy.upstream_request import upstream_request
from ..explanation import Candidate, Check, Decision, Fate
from ..facts.conversation import Conversation
from ..facts.request import Request
from ..facts.residues import Residues
from ..mesh import Mesh
from ..outcome import Ending
from ..place import Place
from ..reasons import Reason, because
from ..report import Draft, Upstream
from ..states import AtCluster, AtReturn, AtRouter, State
from .changes import request_changes
from .cluster_names import describe_cluster
from .cluster_weights import cluster_name, drawn_by, entry_label, pick_entry, runtime_of
from .stage import Stage, agree

_CREATED = 201


@frozen
class Forward:
    """The request goes to a cluster."""

    cluster: str
    """Empty where the header that should name it is missing."""
    entry: WeightedCluster | None
    request: Request


def decide(_mesh: Mesh, at: AtRouter, chooser: Chooser) -> tuple[Ending | Forward, State]:
    ending = _passed_back(at)
    if ending is not None:
        if ending.kind == "unknown":
            chooser.assume(ending.why)
        if at.route is not None:
            for reason in at.route.action.unmodelled:
                chooser.assume(reason)
        return ending, AtReturn(ending, at.hop, at.frames)
    route, action = _forwarding(at)
    for reason in (*action.unmodelled, *at.hcm.router.unmodelled):
        chooser.assume(reason)
    entry, residues = at.progress.entry, at.residues
    if entry is None:
        entry, residues = pick_entry(at, action, chooser)
    picked = _forward(at, route, action, entry)
    via = limited(
        action if entry is None else _as_configured(at, entry.via),
        at.request,
        at.hcm.stream_idle_timeout_ms,
        at.hcm.max_stream_duration_ms,
        at.progress.held_ms,
    )
    if via.retry_policy is not None and _outgrown(at) is not None:
        via = evolve(via, sends_again=False)
    return picked, AtCluster(
        at.pod,
        picked.cluster,
        via,
        at.connection,
        Conversation(picked.request.version, request=picked.request),
        _alpn_override(at, picked.cluster),
        residues,
        at.hop,
        at.frames,
        at.progress,
        _stream_on(at, picked, residues),
    )


def _forwarding(at: AtRouter) -> tuple[Route, RouteAction]:
    assert at.route is not None and isinstance(at.route.action, RouteAction)
    return at.route, _as_configured(at, at.route.action)


def _as_configured(at: AtRouter, action: RouteAction) -> RouteAction:
    options = at.hcm.router
    if options.suppress_envoy_headers or options.respects_expected_timeout:
        return evolve(
            action,
            envoy_headers=not options.suppress_envoy_headers,
            respects_expected_timeout=options.respects_expected_timeout,
        )
    return action


def _passed_back(at: AtRouter) -> Ending | None:
    ending = _answer(at)
    return None if ending is None else evolve(passed_back(ending, at.progress), took_ms=at.progress.held_ms)


def _answer(at: AtRouter) -> Ending | None:
    """What the router says itself; None when it forwards."""
    route, request = at.route, at.request
    stream = _stream(at)
    if route is None:
        why = _refused(at) or because("router.no-route", _nearest(at), host=request.authority or "", path=request.path)
        return local_reply(stream, at.hop, why, status=404, details="route_not_found", flags=("NR",))
    action = route.action
    if isinstance(action, RouteAction):
        return _unknown_action(at, action) or _failed_check(at, action)
    if isinstance(action, NonForwarding):
        if action.kind == "none":
            return Ending("unknown", because("router.action-not-modelled", action.place, route=route.label))
        why = because("router.not-forwarding", action.place, route=route.label, action=action.kind)
        return local_reply(stream, at.hop, why, status=503, details="cluster_not_found", flags=("NC",))
    if isinstance(action, DirectResponse):
        why = because("router.direct-response", action.place, route=route.label, status=action.status)
        return _direct(at, action, why)
    return _redirect(at, route, action)


def _stream(at: AtRouter) -> Stream:
    return Stream(at.hcm, at.connection, at.request, at.route, at.vhost, progress=at.progress, entry=at.progress.entry)


def _stream_on(at: AtRouter, forward: Forward, residues: Residues) -> Stream:
    """The stream once its cluster is found: replies from there on see the request as it was to leave."""
    if at.pod.proxy is None or at.pod.proxy.cluster(forward.cluster) is None:
        return evolve(_stream(at), entry=forward.entry)
    request = forward.request
    if at.request.ends_connection:
        request = evolve(request, ends_connection=True)
    _route, action = _forwarding(at)
    drawn = NOT_DRAWN
    if forward.entry is not None and action.retry_policy is not None and action.retry_policy.refreshes_cluster:
        drawn = drawn_by(at, action, at.progress.looked_up or at.request, residues)
    return Stream(
        at.hcm, at.connection, request, at.route, at.vhost, forward.cluster, 1, at.progress, forward.entry, drawn
    )


def _refused(at: AtRouter) -> Reason | None:
    """No table at all, because Envoy refused it."""
    proxy = at.pod.proxy
    return table_refused(proxy.document if proxy is not None else None, at.hcm.route_config_name)


def _unknown_action(at: AtRouter, action: RouteAction) -> Ending | None:
    specifier = action.specifier
    if specifier is not None:
        facts = {"route": action.name, "plugin": specifier.name}
        if specifier.crashes_by:
            why = because("router.specifier-crashes", specifier.place, **facts, by=specifier.crashes_by)
            return Ending("unknown", why)
        if specifier.tree is None:
            why = because("router.specifier-not-modelled", specifier.place, **facts, type=specifier.type_name)
            return Ending("unknown", why)
        if specifier.is_open(at.progress.looked_up or at.request):
            return Ending("unknown", because("router.specifier-open", specifier.place, **facts))
    if action.connect_config is not None and carries_datagrams(at.request):
        return Ending("unknown", because("router.datagrams-not-modelled", action.place, route=action.name))
    return None


def _failed_check(at: AtRouter, action: RouteAction) -> Ending | None:
    """What strict_check_headers finds, once the cluster is found."""
    failing = at.hcm.router.failing(at.request)
    cluster = "" if failing is None else _found_cluster(at, action)
    if failing is None or not cluster:
        return None
    header, value = failing
    return local_reply(
        evolve(_stream(at), cluster=cluster),
        at.hop,
        because("router.header-refused", at.hcm.http_filters[-1].place, header=header, value=value),
        status=400,
        details=f"request_headers_failed_strict_check{{{header}}}",
        flags=("IH",),
        body=f"invalid header '{header}' with value '{value}'",
    )


def _found_cluster(at: AtRouter, action: RouteAction) -> str:
    """Empty where Envoy knows no cluster of that name."""
    name = cluster_name(action, at.progress.entry, at.progress.looked_up or at.request)
    return name if name and at.pod.proxy is not None and at.pod.proxy.cluster(name) is not None else ""


def _nearest(at: AtRouter) -> Place:
    return at.vhost.place if at.vhost is not None else at.hcm.place


def _direct(at: AtRouter, action: DirectResponse, why: Reason) -> Ending:
    """Statuses that speak of another place get a Location: the one of a redirect that changes nothing."""
    stream = _stream(at)
    body, body_format = action.body, action.body_format
    if body_format is not None and body is not None:
        body = body_format.render(stream.format_facts(body=body))
    location = None
    if at.request.path and (action.status == _CREATED or 300 <= action.status < 400):
        location = f"{at.request.scheme}://{at.request.authority or ''}{at.request.path}"
    return local_reply(
        stream,
        at.hop,
        why,
        status=action.status,
        details="direct_response",
        body=body,
        content_type=body_format.content_type if body_format is not None else None,
        location=location,
    )


def _redirect(at: AtRouter, route: Route, action: Redirect | TlsRedirect) -> Ending:
    stream = _stream(at)
    location = action.location(stream.format_facts(), route.rule) if at.request.path else ""
    if isinstance(action, TlsRedirect):
        why = because("router.require-tls", action.place, location=location)
    else:
        why = because("router.redirect", action.place, route=route.label, location=location)
        stream = evolve(stream, request=_rewritten(at, route, action))
    return local_reply(stream, at.hop, why, status=action.status, details="direct_response", location=location or None)


def _rewritten(at: AtRouter, route: Route, action: Redirect) -> Request:
    """The request that a redirect's header mutations see: its path is rewritten as the Location's is."""
    path = action.rewritten(_stream(at).format_facts(), route.rule)
    if path is None:
        return at.request
    headers = dict(at.request.headers)
    if not at.hcm.router.suppress_envoy_headers:
        headers["x-envoy-original-path"] = (at.request.path,)
    return evolve(at.request, path=path, headers=headers)


def _forward(at: AtRouter, route: Route, action: RouteAction, entry: WeightedCluster | None) -> Forward:
    cluster = cluster_name(action, entry, at.progress.looked_up or at.request)
    request = upstream_request(
        at.request,
        at.connection,
        route,
        action,
        entry,
        cluster=cluster,
        metadata=at.progress.metadata,
        filter_state=at.progress.filter_state,
    )
    return Forward(cluster, entry, request)


def _outgrown(at: AtRouter) -> int | None:
    """The limit that the body is larger than: then nothing of it is kept, and there is nothing to retry."""
    limit = body_kept(at.route, at.connection, at.progress.body_limit)
    return limit if limit is not None and at.request.body > limit else None


def _alpn_override(at: AtRouter, name: str) -> tuple[str, ...]:
    """istio.alpn looks at the protocol that the chosen cluster is spoken to in."""
    overrides = at.hcm.istio_alpn
    cluster = at.pod.proxy.cluster(name) if overrides and at.pod.proxy is not None else None
    if not overrides or cluster is None:
        return ()
    return overrides.get(cluster.protocol.versions(at.request.version)[0], ())


def explain(_mesh: Mesh, at: AtRouter, picked: Ending | Forward) -> Decision:
    ending = _passed_back(at)
    question = because("router.question", route=at.route.label if at.route is not None else "none")
    if ending is not None:
        agree("router", at, picked, ending)
        chosen = None if at.route is None else _chosen(at.route)
        return Decision(
            stage="router",
            pod=at.pod.name,
            question=question,
            chosen=chosen,
            reason=ending.why,
            notes=() if at.route is None else at.route.action.unmodelled,
            # without a route, the virtual host or route stage has decided
            deciding=at.route is not None,
            hop=at.hop,
        )
    route, action = _forwarding(at)
    entry = picked.entry if isinstance(picked, Forward) else None
    again = _forward(at, route, action, entry)
    agree("router", at, picked, again)
    weights = action.weights(runtime_of(at))
    specifier = action.specifier
    candidates = specifier.explain(at.progress.looked_up or at.request) if specifier is not None else ()
    candidates += tuple(
        _weighted_candidate(each, entry, f"{weight} of {sum(weights)}")
        for each, weight in zip(action.weighted, weights, strict=True)
    )
    return Decision(
        stage="router",
        pod=at.pod.name,
        question=question,
        chosen=next((each for each in candidates if each.fate is Fate.CHOSEN), None) or _chosen(route),
        reason=_reason(again, route, action, weights),
        candidates=candidates,
        changes=request_changes(at.request, again.request),
        notes=_notes(at, action, again),
        trivial=not candidates,
        deciding=not again.cluster,
        hop=at.hop,
    )


def _chosen(route: Route) -> Candidate:
    return Candidate(route.label, "route", Fate.CHOSEN, place=route.place)


def _weighted_candidate(entry: WeightedCluster, picked: WeightedCluster | None, want: str) -> Candidate:
    if entry is picked:
        check = Check("weight", want, "R", True, entry.place)
        return Candidate(entry_label(entry), "weighted_cluster", Fate.CHOSEN, (check,), entry.place)
    check = Check("weight", want, "R", False, entry.place)
    return Candidate(entry_label(entry), "weighted_cluster", Fate.FAILED, (check,), entry.place, "weight")


def _reason(forward: Forward, route: Route, action: RouteAction, weights: tuple[int, ...]) -> Reason:
    entry, cluster = forward.entry, forward.cluster
    if action.specifier is not None:
        code = "router.by-specifier" if cluster else "router.specifier-none"
        facts = {"cluster": cluster} if cluster else {}
        return because(code, action.specifier.place, route=route.label, plugin=action.specifier.name, **facts)
    header = entry.cluster_header if entry is not None else action.cluster_header
    if header is not None and not (entry is not None and entry.name):
        if not cluster:
            return because("router.no-cluster-header", action.place, route=route.label, header=header)
        return because("router.from-header", action.place, route=route.label, cluster=cluster, header=header)
    if entry is None:
        return because("router.to-cluster", action.place, route=route.label, cluster=cluster)
    weight, total = weights[action.weighted.index(entry)], sum(weights)
    return because("router.weighted", entry.place, route=route.label, cluster=cluster, weight=weight, total=total)


def _mirrors(at: AtRouter, action: RouteAction, forward: Forward) -> tuple[Mirror, ...]:
    """Copies that go out: none where the request itself goes nowhere, none to a cluster that is not there."""
    proxy = at.pod.proxy
    if not action.mirrors or proxy is None:
        return ()
    made = tuple(mirrors_of(action.mirrors, forward.request, proxy.runtime))
    if "clusters" not in proxy.document.sections:
        return made
    if proxy.cluster(forward.cluster) is None:
        return ()
    return tuple(each for each in made if proxy.cluster(each.cluster) is not None)


def _notes(at: AtRouter, action: RouteAction, forward: Forward) -> tuple[Reason, ...]:
    notes = [*action.unmodelled, *at.hcm.router.unmodelled]
    copies = _mirrors(at, action, forward)
    if copies:
        notes.append(because("router.mirrored", action.place, clusters=", ".join(each.text() for each in copies)))
    if action.retry_policy is not None:
        policy = action.retry_policy
        limit = _outgrown(at)
        if limit is None:
            notes.append(because("router.retries", policy.place, retry_on=policy.name))
        else:
            notes.append(because("router.body-not-kept", policy.place, size=at.request.body, limit=limit))
    inside = action.internal_redirects
    if inside is not None:
        statuses = ", ".join(map(str, sorted(inside.statuses)))
        notes.append(because("router.follows-redirects", inside.place, statuses=statuses, most=inside.most))
    return tuple(notes)


def describe(_mesh: Mesh, at: AtRouter, picked: Ending | Forward, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    if isinstance(picked, Ending):
        if picked.kind == "replied":
            hop.status = picked.status
            hop.response_flags = picked.response_flags
            hop.response_code_details = picked.response_code_details
            hop.downstream_local_close_reason = picked.local_close_reason
        if at.route is not None and isinstance(at.route.action, RouteAction):
            cluster = _found_cluster(at, at.route.action)
            if cluster:
                describe_cluster(hop, cluster)
        return
    _route, action = _forwarding(at)
    request = picked.request
    hop.upstream = Upstream(request.version, request.authority, request.path, request.method, request.headers)
    hop.mirrors = tuple(each.cluster for each in _mirrors(at, action, picked))


STAGE = Stage("router", AtRouter, decide, explain, describe)
