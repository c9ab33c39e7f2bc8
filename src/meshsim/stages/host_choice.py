"""How one endpoint is taken out of a cluster's: load plans, and the draws or the hash through them. Not a stage.

An aggregate cluster has no endpoints of its own: one of its members' priorities is taken first, then as always.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from attrs import frozen

from ..choices import Choice, Chooser
from ..envoy.aggregate import MemberPriority, linearised, takes_all
from ..envoy.clusters import DNS_TYPES, Cluster
from ..envoy.endpoints import Assignment, Endpoint
from ..envoy.hash_policy import NOTHING, Hashed, hash_of
from ..envoy.hashing import HASHING
from ..envoy.host_override import taken
from ..envoy.host_retry import excluded_priorities, retry_rows, retry_shares
from ..envoy.host_status import described_by
from ..envoy.name_resolution import has_unresolved, resolve_assignment
from ..envoy.priorities import EVERYBODY, LoadPlan, LocalityShare, PriorityShare, plan_load
from ..envoy.subsets import NOBODY
from ..envoy.subsets import Members as Subset
from ..match.weighted import Weighted
from ..reasons import Reason, because
from ..states import AtEndpoint

_WITH_ENDPOINTS = DNS_TYPES | {"STATIC", "EDS"}


@frozen
class Selection:
    """What was picked, level by level; an endpoint of None: there is none to dial, or nobody states them."""

    endpoint: Endpoint | None = None
    priority: PriorityShare | None = None
    locality: LocalityShare | None = None
    hashed: Hashed = NOTHING
    """What a hashing load balancer made of the call."""
    named: bool = False
    """The request itself named the endpoint."""
    dropped: bool = False
    """drop_overloads turned the request away."""
    member: MemberPriority | None = None
    """Of an aggregate cluster: whose endpoints these are."""


@frozen
class Members:
    """The priorities of an aggregate cluster's members, in order."""

    rows: Weighted[MemberPriority]
    unstated: Cluster | None
    """The first whose endpoints no input states, where those before it leave it anything."""


def members_of(at: AtEndpoint) -> Members:
    made: Members | None = at.cluster.plans.get(at.pod.name)
    if made is None:
        made = at.cluster.plans[at.pod.name] = _members_of(at)
    return made


def _members_of(at: AtEndpoint) -> Members:
    found: list[tuple[Cluster, Assignment]] = []
    unstated = None
    for name in at.cluster.members:
        member = at.pod.proxy.cluster(name) if at.pod.proxy is not None else None
        if member is None or member.discovery not in _WITH_ENDPOINTS:
            # envoy: a cluster that is not there, or whose hosts come and go with calls, adds no priority.
            continue
        assignment = assignment_of(at, member)
        if assignment is not None:
            found.append((member, assignment))
        elif not takes_all(found):
            unstated = member
            break
    return Members(linearised(found, at.cluster.balancing.panic_threshold), unstated)


def pick_member(at: AtEndpoint, members: Members, chooser: Chooser) -> MemberPriority | None:
    question = because("endpoint.member-choice", at.cluster.place, cluster=at.cluster.name)

    def draw(rows: Weighted[MemberPriority]) -> int:
        site = f"{at.hop}/priority"
        return chooser.pick(Choice(site, question, rows.options, rows.shares, question.place, rows.likeliest))

    return members.rows.pick(draw)


def dropped_of(at: AtEndpoint) -> Fraction:
    """The part of such requests that drop_overloads turns away; asked once a request, whatever is retried."""
    if at.via.kind != "http" or at.tried is not None or at.cluster.members or at.cluster.makes_hosts:
        return Fraction(0)
    assignment = assignment_of(at, at.cluster)
    return Fraction(0) if assignment is None else assignment.drops


def is_dropped(at: AtEndpoint, part: Fraction, chooser: Chooser) -> bool:
    if part in (0, 1):
        return part == 1
    why = because("endpoint.drop-choice", at.cluster.place, cluster=at.cluster.name)
    options, shares = ("pass", "drop"), (1 - part, part)
    return bool(chooser.pick(Choice(f"{at.hop}/fraction/drop_overloads", why, options, shares, why.place)))


def select(at: AtEndpoint, cluster: Cluster, plan: LoadPlan, chooser: Chooser) -> Selection:
    named = _named(at, cluster, plan)
    if named is not None:
        return Selection(named, named=True)
    if at.tried is not None:
        return _select_again(at, cluster, plan, chooser)

    def draw(rows: Weighted[Any]) -> int:
        return chooser.pick(_choice(plan, rows, f"{at.hop}/{rows.kind}"))

    hashed = hashed_call(at, cluster)
    if hashed.value is not None:
        return _by_hash(plan, hashed, hashed.value, draw)
    priority = plan.priorities.pick(draw)
    if priority is None:
        return Selection(hashed=hashed)
    if priority.localities is None:
        return Selection(priority.endpoints.pick(draw), priority, hashed=hashed)
    locality = priority.localities.pick(draw)
    endpoint = locality.endpoints.pick(draw) if locality is not None else None
    return Selection(endpoint, priority, locality)


def _choice(plan: LoadPlan, rows: Weighted[Any], site: str) -> Choice:
    question = plan.questions[rows.kind]
    return Choice(site, question, rows.options, rows.shares, question.place, rows.likeliest)


def _named(at: AtEndpoint, cluster: Cluster, plan: LoadPlan) -> Endpoint | None:
    """The endpoint that the request names, where the cluster lets it."""
    if cluster.override is None or at.via.kind != "http":
        return None
    wanted = cluster.override.stated(at.conversation.request)
    tried = len(at.tried.endpoints) if at.tried is not None else 0
    return taken(wanted[tried:], plan.assignment.endpoints)


def _by_hash(plan: LoadPlan, hashed: Hashed, value: int, draw: Any) -> Selection:
    priority = plan.by_hash(value)
    if priority is None:
        return Selection(hashed=hashed)
    if priority.table is not None:
        return Selection(priority.table.host(value), priority, hashed=hashed)
    return Selection(priority.endpoints.pick(draw), priority, hashed=hashed)


def hashed_call(at: AtEndpoint, cluster: Cluster) -> Hashed:
    """What of the call a hashing load balancer looks at; the load balancer's own policies go before the route's."""
    if cluster.balancing.policy not in HASHING:
        return NOTHING
    request = at.conversation.request if at.via.kind == "http" else None
    return hash_of(
        cluster.balancing.hash_policies or at.via.hash_policies, at.connection, request, at.progress.filter_state
    )


def doubts_of(at: AtEndpoint, cluster: Cluster, plan: LoadPlan, picked: Selection) -> tuple[Reason, ...]:
    """What the pick rests on that no input says."""
    found = (*plan.assignment.doubts, *_unweighed(cluster, plan))
    priority = picked.priority
    if priority is not None and cluster.balancing.policy in HASHING and len(priority.endpoints.eligible) > 1:
        policy = cluster.balancing.policy
        if priority.table is None and at.tried is None:
            found += (because("endpoint.hash-table-too-large", cluster.place, cluster=cluster.name, policy=policy),)
        elif picked.hashed.unknown is not None:
            what = picked.hashed.unknown
            found += (because("endpoint.hash-unknown", cluster.place, cluster=cluster.name, source=what),)
        if cluster.balancing.hashing.balance_factor:
            factor = cluster.balancing.hashing.balance_factor
            found += (because("endpoint.hash-balance", cluster.place, cluster=cluster.name, factor=factor),)
    if cluster.override is not None and cluster.override.reads_metadata:
        found += (because("endpoint.override-metadata", cluster.place, cluster=cluster.name),)
    return found


def _unweighed(cluster: Cluster, plan: LoadPlan) -> tuple[Reason, ...]:
    """Localities share by weights that /clusters does not show."""
    assignment = plan.assignment
    if assignment.localities_weighed or not cluster.balancing.locality_weighted or len(assignment.localities) < 2:
        return ()
    return (because("endpoint.locality-weights-unstated", assignment.place, cluster=cluster.name),)


def _select_again(at: AtEndpoint, cluster: Cluster, plan: LoadPlan, chooser: Chooser) -> Selection:
    """Another attempt: one draw among all that is left."""
    assert at.tried is not None
    attempt = len(at.tried.endpoints) + 1

    def draw(rows: Weighted[Endpoint]) -> int:
        return chooser.pick(_choice(plan, rows, f"{at.hop}/endpoint/{attempt}"))

    return Selection(rows_again(at, cluster, plan).pick(draw), hashed=hashed_call(at, cluster))


def rows_again(at: AtEndpoint, cluster: Cluster, plan: LoadPlan) -> Weighted[Endpoint]:
    assert at.tried is not None
    tried: Sequence[Endpoint] = at.tried.endpoints
    if at.tried.first is not None:
        # Other clusters may have been tried in between.
        tried = [endpoint for endpoint in tried if endpoint in plan.assignment.endpoints]
        if not tried:
            return retry_rows(plan, plan.shares())
    return retry_rows(plan, _shares_again(at, cluster, plan, tried))


def _shares_again(
    at: AtEndpoint, cluster: Cluster, plan: LoadPlan, tried: Sequence[Endpoint]
) -> Mapping[Endpoint, Fraction]:
    hashed, policy = hashed_call(at, cluster), at.via.retry_policy
    if hashed.value is not None:
        priority = plan.by_hash(hashed.value)
        if priority is not None and priority.table is not None:
            attempts = policy.host_attempts + 1 if policy is not None and policy.previous_hosts else 1
            hosts = [priority.table.host(hashed.value, number) for number in range(attempts)]
            return {next((host for host in hosts if host not in tried), hosts[-1]): Fraction(1)}
    known = hashed.value is not None or hashed.unknown is not None
    return retry_shares(plan, cluster.balancing.policy, hashed=known, policy=policy, tried=tried)


def _left_out(at: AtEndpoint, cluster: Cluster) -> frozenset[int]:
    """The priorities that a retry keeps away from."""
    policy = at.via.retry_policy
    if at.tried is None or policy is None or not policy.priority_updates:
        return frozenset()
    assignment = assignment_of(at, cluster)
    return frozenset() if assignment is None else excluded_priorities(policy, at.tried.endpoints, assignment.endpoints)


def load_plan(at: AtEndpoint, cluster: Cluster, only: tuple[int, bool] | None = None) -> LoadPlan | None:
    """None: no input states this cluster's endpoints. `only` is the one priority, or its degraded part, to be used."""
    criteria = at.via.metadata_match if cluster.subsets is not None else None
    left_out = _left_out(at, cluster)
    key: Any = at.pod.name
    if criteria or left_out or only:
        key = (key, json.dumps(criteria, sort_keys=True), left_out, only)
    try:
        plan: LoadPlan | None = cluster.plans[key]
    except KeyError:
        assignment = assignment_of(at, cluster)
        plan = None if assignment is None else _plan(cluster, assignment, criteria or {}, left_out, only)
        cluster.plans[key] = plan
    return plan


def _plan(
    cluster: Cluster,
    assignment: Assignment,
    criteria: Mapping[str, Any],
    left_out: frozenset[int],
    only: tuple[int, bool] | None,
) -> LoadPlan:
    tries: Sequence[Subset] = (EVERYBODY,)
    if cluster.subsets is not None:
        tries = cluster.subsets.tries(criteria, assignment.endpoints) or (Subset(NOBODY),)
    balancing, scales = cluster.balancing_of_subsets
    plans = (plan_load(assignment, balancing, each, left_out, only=only, scales_weights=scales) for each in tries)
    plan = next(plans)
    for other in plans:
        if plan.shares():
            break
        plan = other
    plan.questions = _questions(cluster)
    return plan


def _questions(cluster: Cluster) -> dict[str, Reason]:
    name, place = cluster.name, cluster.place
    return {
        "priority": because("endpoint.priority-choice", place, cluster=name),
        "locality": because("endpoint.locality-choice", place, cluster=name),
        "endpoint": because("endpoint.choice", place, cluster=name, policy=cluster.balancing.policy),
    }


def assignment_of(at: AtEndpoint, cluster: Cluster) -> Assignment | None:
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
