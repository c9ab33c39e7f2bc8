"""endpoint: which of a cluster's endpoints is dialled; nobody's endpoints are ever taken for none."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from ..address import try_parse_ip
from ..choices import Choice, Chooser
from ..envoy.clusters import DNS_TYPES, HASHING, Cluster, OriginalDst
from ..envoy.endpoints import Assignment, Endpoint, NameAddress, SocketAddress
from ..envoy.host_retry import excluded_priorities, retry_rows, retry_shares
from ..envoy.host_status import described_by
from ..envoy.name_resolution import has_unresolved, resolve_assignment
from ..envoy.no_upstream import (
    NO_HEALTHY_UPSTREAM,
    OVERFLOW,
    describe_no_upstream,
    no_healthy_upstream,
    too_many_connections,
)
from ..envoy.priorities import LoadPlan, LocalityShare, PriorityShare, plan_load
from ..envoy.route_actions import RouteAction
from ..explanation import Candidate, Check, Decision, Fate
from ..facts.request import Request
from ..match.weighted import Weighted
from ..mesh import Mesh
from ..outcome import Ending
from ..place import Place
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtEndpoint, AtReturn, AtTls, State
from .stage import Stage, agree


@frozen
class Selection:
    """What was picked, level by level; an endpoint of None: there is none to dial, or nobody states them."""

    endpoint: Endpoint | None = None
    priority: PriorityShare | None = None
    locality: LocalityShare | None = None


def decide(_mesh: Mesh, at: AtEndpoint, chooser: Chooser) -> tuple[Selection, State]:
    cluster = at.cluster
    if cluster.limits.max_connections == 0 and at.via.kind == "tcp":
        return Selection(), AtReturn(too_many_connections(at.hop, _overflow(at)), at.hop, at.frames)
    if cluster.original_dst is not None:
        picked = Selection(_original_destination(at, cluster.original_dst))
    else:
        plan = _load_plan(at)
        if plan is None:
            chooser.assume(_not_in_dump(cluster, cluster.service_name, cluster.place))
            return Selection(), AtReturn(Ending("forwarded", _unstated(cluster)), at.hop, at.frames)
        for doubt in (*plan.assignment.doubts, *_unweighed(cluster, plan)):
            chooser.assume(doubt)
        picked = _select(plan, chooser, at.hop) if at.tried is None else _select_again(at, plan, chooser)
    endpoint = picked.endpoint
    if endpoint is None:
        return picked, AtReturn(_nobody(at), at.hop, at.frames)
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
        at.stream,
    )


def _unweighed(cluster: Cluster, plan: LoadPlan) -> tuple[Reason, ...]:
    """Localities share by weights that /clusters does not show."""
    assignment = plan.assignment
    if assignment.localities_weighed or not cluster.balancing.locality_weighted or len(assignment.localities) < 2:
        return ()
    return (because("endpoint.locality-weights-unstated", assignment.place, cluster=cluster.name),)


def _select(plan: LoadPlan, chooser: Chooser, hop: int) -> Selection:
    def draw(rows: Weighted[Any]) -> int:
        question = plan.questions[rows.kind]
        return chooser.pick(
            Choice(f"{hop}/{rows.kind}", question, rows.options, rows.shares, question.place, rows.likeliest)
        )

    priority = plan.priorities.pick(draw)
    if priority is None:
        return Selection()
    if priority.localities is None:
        return Selection(priority.endpoints.pick(draw), priority)
    locality = priority.localities.pick(draw)
    endpoint = locality.endpoints.pick(draw) if locality is not None else None
    return Selection(endpoint, priority, locality)


def _select_again(at: AtEndpoint, plan: LoadPlan, chooser: Chooser) -> Selection:
    """Another attempt: one draw among all that is left."""
    assert at.tried is not None
    attempt = len(at.tried.endpoints) + 1

    def draw(rows: Weighted[Endpoint]) -> int:
        question = plan.questions["endpoint"]
        site = f"{at.hop}/endpoint/{attempt}"
        return chooser.pick(Choice(site, question, rows.options, rows.shares, question.place, rows.likeliest))

    return Selection(_rows_again(at, plan).pick(draw))


def _rows_again(at: AtEndpoint, plan: LoadPlan) -> Weighted[Endpoint]:
    assert at.tried is not None
    via = at.via
    hashed = via.hash_policy if isinstance(via, RouteAction) else bool(via.hash_policies)
    shares = retry_shares(
        plan, at.cluster.balancing.policy, hashed=hashed, policy=via.retry_policy, tried=at.tried.endpoints
    )
    return retry_rows(plan, shares)


def _left_out(at: AtEndpoint) -> frozenset[int]:
    """The priorities that a retry keeps away from."""
    policy = at.via.retry_policy
    if at.tried is None or policy is None or not policy.priority_updates:
        return frozenset()
    assignment = _assignment(at, at.cluster)
    return frozenset() if assignment is None else excluded_priorities(policy, at.tried.endpoints, assignment.endpoints)


def _load_plan(at: AtEndpoint) -> LoadPlan | None:
    """None: no input states this cluster's endpoints."""
    cluster = at.cluster
    criteria = at.via.metadata_match if cluster.subsets is not None else None
    left_out = _left_out(at)
    key: Any = at.pod.name
    if criteria or left_out:
        key = (key, json.dumps(criteria, sort_keys=True), left_out)
    try:
        return cluster.plans[key]
    except KeyError:
        assignment = _assignment(at, cluster)
        plan = None
        if assignment is not None:
            member = None
            if cluster.subsets is not None:
                member = cluster.subsets.member(criteria or {}, assignment.endpoints)
            plan = plan_load(assignment, cluster.balancing, member, left_out)
            plan.questions = _questions(cluster)
        cluster.plans[key] = plan
        return plan


def _questions(cluster: Cluster) -> dict[str, Reason]:
    name, place = cluster.name, cluster.place
    return {
        "priority": because("endpoint.priority-choice", place, cluster=name),
        "locality": because("endpoint.locality-choice", place, cluster=name),
        "endpoint": because("endpoint.choice", place, cluster=name, policy=cluster.balancing.policy),
    }


def _assignment(at: AtEndpoint, cluster: Cluster) -> Assignment | None:
    proxy = at.pod.proxy
    if cluster.discovery == "EDS":
        return proxy.assignment(cluster.service_name) if proxy is not None else None
    own = cluster.assignment or Assignment(cluster.name, cluster.place, ())
    if cluster.discovery not in DNS_TYPES:
        return own if proxy is None else proxy.with_health(own, cluster.name)
    names = at.pod.names
    if has_unresolved(own, names) and proxy is not None:
        # A dump with endpoints shows the addresses this Envoy's own resolver gave it.
        resolved = proxy.assignment(cluster.name)
        if resolved is not None and not has_unresolved(resolved, {}):
            return described_by(resolved, own)
    return resolve_assignment(own, names, cluster.lookup_family, only_first=cluster.discovery == "LOGICAL_DNS")


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


def _nobody(at: AtEndpoint) -> Ending:
    return no_healthy_upstream(at.via.kind, at.stream, at.hop, _why_nobody(at))


def _why_nobody(at: AtEndpoint) -> Reason:
    cluster = at.cluster
    if cluster.original_dst is not None:
        return because("endpoint.no-original-destination", cluster.place, cluster=cluster.name)
    plan = _load_plan(at)
    if plan is None or plan.hosts == 0:
        place = cluster.place if plan is None else plan.assignment.place
        return because("endpoint.none", place, cluster=cluster.name)
    return because("endpoint.none-eligible", plan.assignment.place, cluster=cluster.name, hosts=plan.hosts)


def _original_destination(at: AtEndpoint, rule: OriginalDst) -> Endpoint | None:
    """The header's address where the cluster reads one and it is an address with a port, else the restored one."""
    named = _from_header(rule, at.conversation.request) if at.via.kind == "http" else None
    connection = at.connection
    if named is not None:
        ip, port = named
    elif connection.restored:
        ip, port = connection.local, connection.local_port
    else:
        return None
    address = SocketAddress(ip, port if rule.port_override is None else rule.port_override)
    return Endpoint(str(address), at.cluster.place, address)


def _from_header(rule: OriginalDst, request: Request | None) -> tuple[int, int] | None:
    if rule.header is None or request is None:
        return None
    values = request.values(rule.header)
    host, colon, port = values[0].rpartition(":") if values else ("", "", "")
    ip = try_parse_ip(host)
    if not colon or ip is None or not port.isascii() or not port.isdigit() or int(port) > 65535:
        return None
    return ip, int(port)


def explain(_mesh: Mesh, at: AtEndpoint, picked: Selection) -> Decision:
    question = because("endpoint.question", at.cluster.place, cluster=at.cluster.name)
    rule = at.cluster.original_dst
    if at.cluster.limits.max_connections == 0 and at.via.kind == "tcp":
        return Decision("endpoint", at.pod.name, question, None, _overflow(at), deciding=True, hop=at.hop)
    if rule is not None:
        return _explain_original_destination(at, rule, picked, question)
    plan = _load_plan(at)
    if plan is None:
        reason = _unstated(at.cluster)
        return Decision("endpoint", at.pod.name, question, None, reason, deciding=True, hop=at.hop)
    if at.tried is None:
        winner, candidates = _explain_plan(plan, picked)
    else:
        winner, candidates = _rows_again(at, plan).explain(picked.endpoint)
    agree("endpoint", at, picked.endpoint, winner)
    chosen = next((entry for entry in candidates if entry.kind == "endpoint" and entry.fate is Fate.CHOSEN), None)
    return Decision(
        stage="endpoint",
        pod=at.pod.name,
        question=question,
        chosen=chosen,
        reason=_why_nobody(at) if winner is None else _why_chosen(at, plan, picked, winner),
        candidates=candidates,
        notes=(*plan.assignment.unmodelled, *_notes(at, picked)),
        trivial=winner is not None and plan.hosts == 1,
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
        return _unresolved(at.cluster, winner)
    if at.tried is not None:
        return because("endpoint.tried-again", winner.place, endpoint=winner.name, attempt=len(at.tried.endpoints) + 1)
    group = picked.locality or picked.priority
    eligible = len(group.endpoints.eligible) if group is not None else 0
    return because("endpoint.chosen", winner.place, endpoint=winner.name, eligible=eligible, hosts=plan.hosts)


def _notes(at: AtEndpoint, picked: Selection) -> tuple[Reason, ...]:
    balancing = at.cluster.balancing
    notes: tuple[Reason, ...] = ()
    priority = picked.priority
    if priority is not None and priority.panic and priority.endpoints.rows:
        notes += (
            because("endpoint.panic", priority.place, priority=priority.name, threshold=balancing.panic_threshold),
        )
    if balancing.policy in HASHING and priority is not None and len(priority.endpoints.eligible) > 1:
        notes += (because("endpoint.hash-not-modelled", at.cluster.place, policy=balancing.policy),)
    return notes


def _explain_original_destination(at: AtEndpoint, rule: OriginalDst, picked: Selection, question: Reason) -> Decision:
    endpoint = _original_destination(at, rule)
    agree("endpoint", at, _name(picked.endpoint), _name(endpoint))
    named = _from_header(rule, at.conversation.request) if at.via.kind == "http" else None
    checks: tuple[Check, ...] = ()
    if rule.header is not None:
        values = at.conversation.request.values(rule.header) if at.conversation.request is not None else ()
        seen = values[0] if values else None
        checks += (Check(f"header {rule.header}", "ip:port", seen, named is not None, at.cluster.place),)
    restored = at.connection.restored
    seen = at.connection.local_text() if restored else None
    if named is None:
        checks += (Check("restored original destination", "ip:port", seen, restored, at.cluster.place),)
    if endpoint is None:
        candidate = None
        reason = _why_nobody(at)
    else:
        candidate = Candidate(endpoint.name, "endpoint", Fate.CHOSEN, checks[-1:], at.cluster.place)
        if named is not None:
            reason = because("endpoint.from-header", at.cluster.place, endpoint=endpoint.name, header=rule.header)
        else:
            reason = because("endpoint.original-destination", at.cluster.place, endpoint=endpoint.name)
    lost = Candidate("original destination", "endpoint", Fate.FAILED, checks, at.cluster.place, checks[-1].what)
    return Decision(
        stage="endpoint",
        pod=at.pod.name,
        question=question,
        chosen=candidate,
        reason=reason,
        candidates=(candidate or lost,),
        trivial=candidate is not None,
        deciding=candidate is None,
        hop=at.hop,
    )


def _name(endpoint: Endpoint | None) -> str | None:
    return None if endpoint is None else endpoint.name


def describe(_mesh: Mesh, at: AtEndpoint, picked: Selection, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    endpoint = picked.endpoint
    if at.cluster.limits.max_connections == 0 and at.via.kind == "tcp":
        describe_no_upstream(hop, too_many_connections(at.hop, _overflow(at)), OVERFLOW)
    elif endpoint is not None:
        hop.endpoint = None if isinstance(endpoint.address, NameAddress) else endpoint.name
    elif at.cluster.original_dst is not None or _load_plan(at) is not None:
        describe_no_upstream(hop, _nobody(at), NO_HEALTHY_UPSTREAM)


STAGE = Stage("endpoint", AtEndpoint, decide, explain, describe)
