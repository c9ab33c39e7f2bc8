"""endpoint: which of a cluster's endpoints is dialled; nobody's endpoints are ever taken for none."""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve

from ..choices import Chooser
from ..envoy.clusters import Cluster
from ..envoy.endpoints import Endpoint, NameAddress
from ..envoy.hashing import HASHING
from ..envoy.host_retry import retry_rows
from ..envoy.http_filters.progress import passed_back
from ..envoy.no_upstream import (
    NO_HEALTHY_UPSTREAM,
    OVERFLOW,
    describe_no_upstream,
    dropped,
    no_healthy_upstream,
    too_many_connections,
)
from ..envoy.priorities import LoadPlan, PriorityShare
from ..envoy.route_actions import RouteAction
from ..explanation import Candidate, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..place import Place
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtEndpoint, AtReturn, AtTls, State
from .attempts import counted_again
from .host_choice import (
    Selection,
    doubts_of,
    dropped_of,
    is_dropped,
    load_plan,
    members_of,
    pick_member,
    rows_again,
    select,
)
from .on_demand import explain_on_demand, host_on_demand, no_host_on_demand, why_no_host
from .stage import Stage, agree
from .unread import as_dialler_sees

_SESSION_HEALTH = frozenset(("UNKNOWN", "HEALTHY", "DEGRADED"))
"""A host in another state is no longer a session's (override_host_status, where it is not set)."""


def decide(_mesh: Mesh, at: AtEndpoint, chooser: Chooser) -> tuple[Selection, State]:
    cluster = at.cluster
    part = dropped_of(at)
    if is_dropped(at, part, chooser):
        return Selection(dropped=True), AtReturn(passed_back(_dropped(at, part), at.progress), at.hop, at.frames)
    if cluster.limits.max_connections == 0 and at.via.kind == "tcp":
        ending = too_many_connections(at.hop, _overflow(at))
        return Selection(), AtReturn(as_dialler_sees(ending, at.connection, at.frames), at.hop, at.frames)
    if cluster.makes_hosts:
        picked = Selection(host_on_demand(at))
    else:
        unstated, picked = _select(at, chooser)
        if unstated is not None:
            chooser.assume(_not_in_dump(unstated, unstated.service_name, unstated.place))
            return Selection(), AtReturn(Ending("forwarded", _unstated(unstated)), at.hop, at.frames)
        cluster = _owner(at, picked)
    endpoint = picked.endpoint
    if endpoint is None:
        ending = passed_back(_nobody(at, picked), at.progress)
        return picked, AtReturn(as_dialler_sees(ending, at.connection, at.frames), at.hop, at.frames)
    if isinstance(endpoint.address, NameAddress):
        chooser.assume(_not_in_dump(cluster, endpoint.name, endpoint.place))
        ending = Ending("forwarded", _unresolved(cluster, endpoint), destination=endpoint.name)
        return picked, AtReturn(ending, at.hop, at.frames)
    return picked, AtTls(
        at.pod,
        cluster,
        endpoint,
        at.via,
        at.connection,
        at.conversation,
        at.alpn_override,
        at.hop,
        at.frames,
        at.tried,
        at.progress,
        at.stream,
        at.cluster if picked.member is not None else None,
    )


def _select(at: AtEndpoint, chooser: Chooser) -> tuple[Cluster | None, Selection]:
    """(the cluster whose endpoints no input states, what was picked)."""
    member = None
    if at.cluster.members:
        members = members_of(at)
        if members.unstated is not None:
            return members.unstated, Selection()
        member = pick_member(at, members, chooser)
        if member is None:
            return None, Selection()
    cluster = at.cluster if member is None else member.cluster
    plan = load_plan(at, cluster, None if member is None else member.only)
    if plan is None:
        return cluster, Selection()
    picked = _by_session(at, plan) or select(at, cluster, plan, chooser)
    for doubt in (*(cluster.doubts if member is not None else ()), *doubts_of(at, cluster, plan, picked)):
        chooser.assume(doubt)
    return None, evolve(picked, member=member) if member is not None else picked


def _by_session(at: AtEndpoint, plan: LoadPlan) -> Selection | None:
    """The host that a filter wants (override host), whatever load balancing would pick; None: it is left to that."""
    wanted = at.progress.host
    if wanted is None or at.tried is not None:
        return None
    for endpoint in plan.assignment.endpoints:
        if str(endpoint.address) == wanted and endpoint.health in _SESSION_HEALTH:
            return Selection(endpoint, named=True)
    return Selection(named=True) if at.progress.strict_host else None


def _owner(at: AtEndpoint, picked: Selection) -> Cluster:
    """The cluster whose endpoint it is."""
    return at.cluster if picked.member is None else picked.member.cluster


def _plan_of(at: AtEndpoint, picked: Selection) -> LoadPlan | None:
    return load_plan(at, _owner(at, picked), None if picked.member is None else picked.member.only)


def _dropped(at: AtEndpoint, part: Fraction) -> Ending:
    sends = isinstance(at.via, RouteAction) and at.via.envoy_headers
    why = because("endpoint.dropped", at.cluster.place, cluster=at.cluster.name, percent=float(100 * part))
    return dropped(at.stream, at.hop, why, always=part == 1, envoy_headers=sends)


def _overflow(at: AtEndpoint) -> Reason:
    return because("endpoint.limit-is-zero", at.cluster.place, cluster=at.cluster.name, limit="max_connections")


def _unstated(cluster: Cluster) -> Reason:
    return because("endpoint.unstated", cluster.place, cluster=cluster.name)


def _unresolved(cluster: Cluster, endpoint: Endpoint) -> Reason:
    return because("endpoint.name-not-resolved", endpoint.place, cluster=cluster.name, name=endpoint.name)


def _not_in_dump(cluster: Cluster, name: str, place: Place) -> Reason:
    """What was looked for and is not there; the name only where it is not the cluster's own."""
    discovery = cluster.discovery if name == cluster.name else f"{cluster.discovery} {name}"
    return because("endpoints-not-in-dump", place, cluster=cluster.name, discovery=discovery)


def _nobody(at: AtEndpoint, picked: Selection) -> Ending:
    if at.cluster.makes_hosts:
        return no_host_on_demand(at)
    return no_healthy_upstream(at.via.kind, at.stream, at.hop, _why_nobody(at, picked))


def _why_nobody(at: AtEndpoint, picked: Selection) -> Reason:
    cluster = _owner(at, picked)
    if cluster.makes_hosts:
        return why_no_host(at)
    plan = None if cluster.members else _plan_of(at, picked)
    if plan is None or plan.hosts == 0:
        place = cluster.place if plan is None else plan.assignment.place
        return because("endpoint.none", place, cluster=cluster.name)
    if at.progress.host is not None and at.progress.strict_host:
        return because("endpoint.session-gone", plan.assignment.place, cluster=cluster.name, host=at.progress.host)
    return because("endpoint.none-eligible", plan.assignment.place, cluster=cluster.name, hosts=plan.hosts)


def explain(_mesh: Mesh, at: AtEndpoint, picked: Selection) -> Decision:
    question = because("endpoint.question", at.cluster.place, cluster=at.cluster.name)
    if picked.dropped:
        why = _dropped(at, dropped_of(at)).why
        return Decision("endpoint", at.pod.name, question, None, why, deciding=True, hop=at.hop)
    if at.cluster.limits.max_connections == 0 and at.via.kind == "tcp":
        return Decision("endpoint", at.pod.name, question, None, _overflow(at), deciding=True, hop=at.hop)
    if at.cluster.makes_hosts:
        return explain_on_demand(at, picked.endpoint, question)
    of_members: tuple[Candidate, ...] = ()
    unstated = None
    if at.cluster.members:
        members = members_of(at)
        unstated = members.unstated
        member, of_members = members.rows.explain(picked.member)
        agree("endpoint", at, picked.member, member)
    plan = None if at.cluster.members and picked.member is None else _plan_of(at, picked)
    if plan is None:
        stated = unstated is None and bool(at.cluster.members)
        reason = _why_nobody(at, picked) if stated else _unstated(unstated or at.cluster)
        return Decision(
            "endpoint", at.pod.name, question, None, reason, candidates=of_members, deciding=True, hop=at.hop
        )
    winner: Endpoint | None = None
    candidates: tuple[Candidate, ...] = ()
    if picked.named and picked.endpoint is None:
        pass  # the only host that may be asked is none of these
    elif picked.named and picked.endpoint is not None:
        winner, candidates = retry_rows(plan, {picked.endpoint: Fraction(1)}).explain(picked.endpoint)
    elif at.tried is None:
        winner, candidates = _explain_plan(plan, picked)
    else:
        winner, candidates = rows_again(at, _owner(at, picked), plan).explain(picked.endpoint)
    agree("endpoint", at, picked.endpoint, winner)
    chosen = next((entry for entry in candidates if entry.kind == "endpoint" and entry.fate is Fate.CHOSEN), None)
    return Decision(
        stage="endpoint",
        pod=at.pod.name,
        question=question,
        chosen=chosen,
        reason=_why_nobody(at, picked) if winner is None else _why_chosen(at, plan, picked, winner),
        candidates=(*of_members, *candidates),
        notes=(*plan.assignment.unmodelled, *_notes(at, picked)),
        trivial=winner is not None and plan.hosts == 1 and len(of_members) < 2,
        deciding=winner is None or isinstance(winner.address, NameAddress),
        hop=at.hop,
    )


def _explain_plan(plan: LoadPlan, picked: Selection) -> tuple[Endpoint | None, tuple[Candidate, ...]]:
    """The winner, and every endpoint with what it lost on: its priority, its locality, its health, or the draw."""
    priority, candidates = plan.priorities.explain(picked.priority)
    if len(plan.priorities.rows) == 1:
        candidates = ()
    if priority is None:
        return None, candidates
    endpoints = priority.endpoints
    if priority.localities is not None:
        locality, localities = priority.localities.explain(picked.locality)
        candidates += localities
        if locality is None:
            return None, candidates
        endpoints = locality.endpoints
    winner, rows = endpoints.explain(picked.endpoint)
    seen = set(endpoints.rows)
    elsewhere = tuple(
        Candidate(endpoint.name, "endpoint", Fate.NOT_REACHED, (), endpoint.place, _level(endpoint, priority))
        for endpoint in plan.assignment.endpoints
        if endpoint not in seen
    )
    return winner, (*candidates, *rows, *elsewhere)


def _level(endpoint: Endpoint, taken: PriorityShare) -> str:
    same = endpoint.locality is not None and endpoint.locality.priority == taken.priority
    return "locality" if same else "priority"


def _why_chosen(at: AtEndpoint, plan: LoadPlan, picked: Selection, winner: Endpoint) -> Reason:
    if isinstance(winner.address, NameAddress):
        return _unresolved(_owner(at, picked), winner)
    if at.tried is not None:
        return because("endpoint.tried-again", winner.place, endpoint=winner.name, attempt=len(at.tried.endpoints) + 1)
    if picked.named:
        code = "endpoint.named" if at.progress.host is None else "endpoint.by-session"
        return because(code, winner.place, endpoint=winner.name)
    group = picked.locality or picked.priority
    eligible = len(group.endpoints.eligible) if group is not None else 0
    hashed = picked.hashed
    if hashed.value is not None and eligible > 1:
        policy, source = _owner(at, picked).balancing.policy, " + ".join(hashed.sources)
        facts = {"endpoint": winner.name, "policy": policy, "source": source, "hash": f"{hashed.value:016x}"}
        return because("endpoint.by-hash", winner.place, **facts)
    return because("endpoint.chosen", winner.place, endpoint=winner.name, eligible=eligible, hosts=plan.hosts)


def _notes(at: AtEndpoint, picked: Selection) -> tuple[Reason, ...]:
    cluster = _owner(at, picked)
    balancing = cluster.balancing
    notes: tuple[Reason, ...] = ()
    priority = picked.priority
    if priority is not None and priority.panic and priority.endpoints.rows:
        notes += (
            because("endpoint.panic", priority.place, priority=priority.name, threshold=balancing.panic_threshold),
        )
    hashes = balancing.policy in HASHING and at.tried is None
    if hashes and priority is not None and picked.hashed.value is None and len(priority.endpoints.eligible) > 1:
        notes += (because("endpoint.nothing-hashed", cluster.place, policy=balancing.policy),)
    return notes


def describe(_mesh: Mesh, at: AtEndpoint, picked: Selection, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    endpoint = picked.endpoint
    if picked.dropped:
        describe_no_upstream(hop, _dropped(at, dropped_of(at)), NO_HEALTHY_UPSTREAM, at.connection)
    elif at.cluster.limits.max_connections == 0 and at.via.kind == "tcp":
        describe_no_upstream(hop, too_many_connections(at.hop, _overflow(at)), OVERFLOW, at.connection)
    elif endpoint is not None:
        hop.endpoint = None if isinstance(endpoint.address, NameAddress) else endpoint.name
        sent = hop.upstream
        if at.tried is not None and sent is not None and sent.headers is not None:
            hop.upstream = evolve(sent, headers=counted_again(sent.headers, len(at.tried.endpoints) + 1))
    elif at.cluster.makes_hosts or _is_stated(at, picked):
        describe_no_upstream(hop, passed_back(_nobody(at, picked), at.progress), NO_HEALTHY_UPSTREAM, at.connection)
    if picked.member is not None:
        # Envoy's log goes on naming the cluster that was asked for.
        member = picked.member.cluster
        hop.aggregate = member.name
        request = at.conversation.request
        if at.via.speaks_http and request is not None and hop.upstream is not None:
            hop.upstream = evolve(hop.upstream, protocol=member.protocol.versions(request.version)[0])


def _is_stated(at: AtEndpoint, picked: Selection) -> bool:
    """Whether inputs say that there is no endpoint."""
    if at.cluster.members and picked.member is None:
        return members_of(at).unstated is None
    return _plan_of(at, picked) is not None


STAGE = Stage("endpoint", AtEndpoint, decide, explain, describe)
