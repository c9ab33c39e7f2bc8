"""vhost: which virtual host of the route configuration answers for the request's host."""

from __future__ import annotations

from ..choices import Chooser
from ..config.config_dump import ProxyDocument
from ..envoy.chains import never
from ..envoy.refused_routes import table_refused, update_refused
from ..envoy.routes import Route
from ..envoy.scopes import scope_candidates
from ..envoy.vhosts import ANY, RouteTable, VirtualHost
from ..explanation import Candidate, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtFilters, AtReturn, AtRoute, AtVhost, State
from .stage import Stage, agree

_EMPTY = ("",)
_BEFORE_ROUTES = ("vhost.require-tls", "vhost.no-proto")


def decide(_mesh: Mesh, at: AtVhost, chooser: Chooser) -> tuple[VirtualHost | None, State]:
    hcm = at.hcm
    table = hcm.table(at.pod.proxy, at.request)
    if table is None:
        unknown = _table_unknown(at)
        if unknown is not None:
            return None, _unknown(at, unknown, chooser)
        return None, _to_filters(at, None, None)
    for reason in table.unmodelled:
        chooser.assume(reason)
    vhost = table.pick(at.request)
    if vhost is None:
        if table.on_demand is not None:
            return None, _unknown(at, _on_demand(at, table), chooser)
        return None, _to_filters(at, None, None)
    for reason in vhost.unmodelled:
        chooser.assume(reason)
    refused = _tls_refusal(at, vhost)
    if refused is not None:
        return vhost, _to_filters(at, vhost, vhost.tls_redirect if refused.code == "vhost.require-tls" else None)
    routes = vhost
    if vhost.matcher is not None:
        found = vhost.matcher.tree.pick(at.request, never)
        if found is None:
            return vhost, _to_filters(at, vhost, None)
        routes = vhost.of(found)
    return vhost, AtRoute(at.pod, hcm, table, routes, at.connection, at.request, at.hop, at.frames, at.progress)


def _to_filters(at: AtVhost, vhost: VirtualHost | None, route: Route | None) -> State:
    return AtFilters(
        at.pod,
        at.hcm,
        vhost,
        route,
        at.connection,
        at.request,
        at.progress.residues,
        at.hop,
        at.frames,
        at.progress,
    )


def _unknown(at: AtVhost, why: Reason, chooser: Chooser) -> State:
    chooser.assume(why)
    return AtReturn(Ending("unknown", why), at.hop, at.frames)


def _table_unknown(at: AtVhost) -> Reason | None:
    """Why nobody can say which routes there are; None when Envoy itself has no such table."""
    proxy, scoped = at.pod.proxy, at.hcm.scoped
    name = at.hcm.route_config_name
    if scoped is not None:
        if at.hcm.scopes(proxy) is None:
            return because("vhost.scopes-not-in-dump", scoped.place, scopes=scoped.name)
        scope = at.hcm.scope(proxy, at.request)
        name = scope.table_name if scope is not None else None
    if name is not None and (proxy is None or "routes" not in proxy.document.sections):
        return because("vhost.table-not-in-dump", at.hcm.place, table=name)
    return None


def _scope_reason(at: AtVhost) -> Reason | None:
    """Which scope the request belongs to; None where the connection manager has no scopes."""
    scoped = at.hcm.scoped
    if scoped is None or at.hcm.scopes(at.pod.proxy) is None:
        return None
    key = scoped.key(at.request)
    scope = at.hcm.scope(at.pod.proxy, at.request)
    if key is None:
        return because("vhost.scope-no-key", scoped.place, scopes=scoped.name)
    if scope is None:
        return because("vhost.scope-none", scoped.place, scopes=scoped.name, key=", ".join(key))
    return because("vhost.scope", scope.place, scope=scope.name, key=", ".join(key))


def _scope_candidates(at: AtVhost) -> tuple[Candidate, ...]:
    scopes = at.hcm.scopes(at.pod.proxy)
    return () if scopes is None or at.hcm.scoped is None else scope_candidates(scopes, at.hcm.scoped, at.request)


def _on_demand(at: AtVhost, table: RouteTable) -> Reason:
    return because("vhost.on-demand", table.on_demand, table=table.name, host=table.host_of(at.request) or "")


def _by_matcher(at: AtVhost, vhost: VirtualHost) -> tuple[tuple[Reason, ...], tuple[Candidate, ...]]:
    """What the virtual host's matcher leads to, and the actions it does not lead to."""
    if vhost.matcher is None:
        return (), ()
    found, candidates = vhost.matcher.tree.explain(at.request, never)
    lost = tuple(each for each in candidates if each.fate is not Fate.CHOSEN)
    if found is None:
        return (because("vhost.matcher-none", vhost.place / "matcher", virtual_host=vhost.name),), lost
    return (because("vhost.matcher", found.place, virtual_host=vhost.name, routes=found.label),), lost


def _tls_refusal(at: AtVhost, vhost: VirtualHost) -> Reason | None:
    """require_tls looks at x-forwarded-proto, before any route (RouteMatcher, VirtualHostImpl::getRouteFromEntries)."""
    requires = vhost.require_tls
    headers = at.request.headers
    if headers.get("x-forwarded-proto", _EMPTY) == _EMPTY:
        return because("vhost.no-proto", vhost.place, virtual_host=vhost.name)
    if requires == "NONE":
        return None
    if requires == "EXTERNAL_ONLY" and headers.get("x-envoy-internal") == ("true",):
        return None
    proto = ",".join(headers.get("x-forwarded-proto", ()))
    if proto == "https":
        return None
    place = vhost.tls_redirect.place
    return because("vhost.require-tls", place, virtual_host=vhost.name, requires=requires, proto=proto)


def explain(_mesh: Mesh, at: AtVhost, picked: VirtualHost | None) -> Decision:
    table = at.hcm.table(at.pod.proxy, at.request)
    name = table.name if table is not None else _table_name(at)
    if table is None:
        agree("vhost", at, picked, None)
        scope = _scope_reason(at)
        no_scope = scope if scope is not None and scope.code != "vhost.scope" else None
        reason = _table_unknown(at) or no_scope or _table_missing(at, name)
        host = at.request.authority or ""
        candidates = _scope_candidates(at) if no_scope is not None else ()
        return _decision(at, host, name, None, reason, candidates, deciding=True)
    scope = _scope_reason(at)
    scope_notes = () if scope is None else (scope,)
    winner, candidates = table.explain(at.request)
    agree("vhost", at, picked, winner)
    host = table.host_of(at.request) or ""
    near = next((candidate for candidate in candidates if candidate.near_miss), None)
    if winner is None:
        reason = _none(at, table, host, near)
        return _decision(at, host, name, None, reason, candidates, deciding=True)
    by_any = table.domain_of(at.request, winner).kind == ANY and len(table.vhosts) > 1
    reason = _tls_refusal(at, winner) or _matched(at, table, winner, host, near)
    deciding = by_any or reason.code in _BEFORE_ROUTES or winner.matcher is not None
    by_matcher, lost = _by_matcher(at, winner) if reason.code not in _BEFORE_ROUTES else ((), ())
    if by_matcher and by_matcher[0].code == "vhost.matcher-none":
        reason, by_matcher = by_matcher[0], ()
    candidates = (*candidates, *lost)
    chosen = next(candidate for candidate in candidates if candidate.fate is Fate.CHOSEN)
    return _decision(
        at,
        host,
        name,
        chosen,
        reason,
        candidates,
        deciding=deciding,
        notes=(
            *scope_notes,
            *by_matcher,
            *table.unmodelled,
            *winner.unmodelled,
            *_rejected_update(at),
        ),
    )


def _table_missing(at: AtVhost, name: str) -> Reason:
    return table_refused(_document(at), name) or because("vhost.table-missing", at.hcm.place, table=name)


def _rejected_update(at: AtVhost) -> tuple[Reason, ...]:
    refused = update_refused(_document(at), at.hcm.route_config_name)
    return () if refused is None else (refused,)


def _document(at: AtVhost) -> ProxyDocument | None:
    return at.pod.proxy.document if at.pod.proxy is not None else None


def _table_name(at: AtVhost) -> str:
    scope = at.hcm.scope(at.pod.proxy, at.request)
    return scope.table_name if scope is not None else at.hcm.route_config_name or ""


def _none(at: AtVhost, table: RouteTable, host: str, near: Candidate | None) -> Reason:
    if table.on_demand is not None:
        return _on_demand(at, table)
    if near is not None:
        return because(
            "vhost.near", near.place, host=host, table=table.name, near=near.label, domain=_near_domain(near)
        )
    return because("vhost.none", table.place, host=host, table=table.name)


def _matched(at: AtVhost, table: RouteTable, winner: VirtualHost, host: str, near: Candidate | None) -> Reason:
    domain = table.domain_of(at.request, winner)
    if domain.kind != ANY or len(table.vhosts) == 1:
        return because("vhost.matched", winner.place, virtual_host=winner.name, domain=domain.text)
    if near is None:
        return because("vhost.by-any", winner.place, host=host, virtual_host=winner.name)
    return because(
        "vhost.only-another-port",
        near.place,
        host=host,
        virtual_host=winner.name,
        near=near.label,
        domain=_near_domain(near),
    )


def _near_domain(near: Candidate) -> str:
    return "".join(str(check.want) for check in near.checks)


def _decision(
    at: AtVhost,
    host: str,
    table: str,
    chosen: Candidate | None,
    reason: Reason,
    candidates: tuple[Candidate, ...],
    *,
    deciding: bool,
    notes: tuple[Reason, ...] = (),
) -> Decision:
    return Decision(
        stage="vhost",
        pod=at.pod.name,
        question=because("vhost.question", host=host, table=table),
        chosen=chosen,
        reason=reason,
        candidates=candidates,
        notes=notes,
        trivial=chosen is not None and len(candidates) == 1 and not deciding,
        deciding=deciding,
        hop=at.hop,
    )


def describe(_mesh: Mesh, at: AtVhost, picked: VirtualHost | None, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    table = at.hcm.table(at.pod.proxy, at.request)
    hop.route_config = _table_name(at) or None if table is None else table.name or None
    hop.virtual_host = picked.name if picked is not None else None
    if table is not None:
        hop.rejected_updates += _rejected_update(at)


STAGE = Stage("vhost", AtVhost, decide, explain, describe)
