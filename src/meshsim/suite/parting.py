"""The decision where what was expected and what happened part, and who should have won it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..envoy.route_actions import RouteAction
from ..explanation import Candidate, Decision
from ..istio.names import parse_cluster_name
from ..pipeline import cause, explain
from ..place import Place
from ..states import AtRoute
from ..suite_results import Parting
from .matching import Unmet, holds
from .model import PACKET_ROLES, TRACE, Want
from .observe import Observed

_CLUSTER = ("router", "cluster", "network")
_DECIDED_BY = {
    "received_by": ("hook",),
    "original_destination": ("hook",),
    "listener": ("listener", "hook"),
    "filter_chain": ("chain",),
    "network_filter": ("network",),
    "downstream": ("handshake", "inspect"),
    "route_config": ("vhost", "chain"),
    "virtual_host": ("vhost",),
    "route": ("route", "vhost"),
    **dict.fromkeys(("cluster", "service", "port", "subset", "aggregate"), _CLUSTER),
    "endpoint": ("endpoint",),
    "attempts": ("endpoint",),
    "tls": ("tls",),
    "upstream": ("router", "cluster"),
}
"""Field of a hop -> the stages that decide it."""
DETAILS = "response_code_details"
_DETAILS_DECIDED_BY = {
    "rbac_access_denied": ("filters",),
    "ext_authz_": ("filters",),
    "jwt_authn_": ("filters",),
    "fault_filter_abort": ("filters",),
    "local_rate_limited": ("filters",),
    "filter_chain_not_found": ("chain",),
    "route_not_found": ("vhost", "route"),
    "direct_response": ("route", "vhost"),
    "cluster_not_found": ("cluster",),
    "no_healthy_upstream": ("endpoint",),
}
"""How the details that were wanted begin -> the stages that would have set them."""
_OF_A_CLUSTER_NAME = ("service", "port", "subset")
_EARLIER = ("hook", "listener", "chain", "network", "vhost", "route", "router", "cluster", "endpoint", "tls")
_OF_NO_PROXY = {"hook", "wire", "app", "return"}
"""Where nothing else was asked, no proxy saw the call: a hop that is missed was lost to the packet rules."""


def parting(seen: Observed, missed: Unmet, held: Collection[str] = ()) -> Parting | None:
    """Asks the decisions of this course again. `held`: fields of the same hop that are as expected, so that the stages
    which decided them are not to blame."""
    decisions = explain(seen.mesh, seen.course.moves)
    found = _decision(seen, missed, held, decisions)
    if found is None:
        decision = cause(decisions, seen.outcome)
        found = (decision, None) if decision is not None else None
    if found is None:
        return None
    decision, expected = found
    return Parting(decision, expected, {place: seen.mesh.locate(place) for place in _places(decision, expected)})


def _decision(
    seen: Observed, missed: Unmet, held: Collection[str], decisions: tuple[Decision, ...]
) -> tuple[Decision, Candidate | None] | None:
    role, path, want = missed.expected.role, missed.expected.path, missed.expected.want
    if not path or not isinstance(want, Want):
        return None
    if path[-1] == DETAILS:
        return _of_details(want, missed.index, decisions)
    if role == TRACE:
        return None
    if role in PACKET_ROLES:
        packets = [decision for decision in decisions if decision.stage == "hook"]
        return (packets[missed.index], None) if missed.index is not None and missed.index < len(packets) else None
    if missed.index is None:
        return _of_missing_hop(seen, decisions)
    own = [decision for decision in decisions if decision.hop == missed.index]
    if path[:2] == ("upstream", "headers") and len(path) > 2:
        writers = [
            decision for decision in own if any(change.field == f"header {path[2]}" for change in decision.changes)
        ]
        if writers:
            return writers[-1], None
    stages = _DECIDED_BY.get(path[0], ())
    deciders = [decision for stage in stages for decision in own if decision.stage == stage]
    for decision in deciders:
        for candidate in decision.candidates:
            if candidate is not decision.chosen and holds(want, _value(path[0], candidate)) and not want.negated:
                return decision, candidate
    if path[0] in ("cluster", *_OF_A_CLUSTER_NAME):
        led = _route_to(seen, path[0], want, own)
        if led is not None:
            return led
    right = {stage for field in held for stage in _before(_DECIDED_BY.get(field, ()))}
    suspects = set(_before(stages)) - right
    turned = [decision for decision in own if decision.deciding and decision.stage in suspects]
    if turned and not want.negated:
        return turned[0], None
    telling = [decision for decision in deciders if not decision.trivial]
    return ((telling or deciders)[0], None) if deciders else None


def _of_missing_hop(seen: Observed, decisions: tuple[Decision, ...]) -> tuple[Decision, Candidate | None] | None:
    """The packet's decision that led past the hop: by the rules of the first pod, or out of every known one."""
    if {decision.stage for decision in decisions} <= _OF_NO_PROXY:
        return next(((decision, None) for decision in decisions if decision.stage == "hook"), None)
    left = [decision for decision in decisions if decision.stage == "wire"]
    return (left[-1], None) if left and seen.outcome.kind == "forwarded" else None


def _of_details(
    want: Want, hop: int | None, decisions: tuple[Decision, ...]
) -> tuple[Decision, Candidate | None] | None:
    """The last decision that could have ended the call with the details that were wanted."""
    texts = [literal for literal in want.literals if isinstance(literal, str)]
    stages = {stage for start, own in _DETAILS_DECIDED_BY.items() for stage in own if _begins(texts, start)}
    if want.negated:
        return None
    own = [decision for decision in decisions if decision.stage in stages and hop in (None, decision.hop)]
    if not own:
        return None
    named = {text.partition("[")[2].removesuffix("]") for text in texts if "[" in text}
    return own[-1], next((each for each in own[-1].candidates if each.label in named), None)


def _begins(texts: list[str], start: str) -> bool:
    return any(text.startswith(start) for text in texts)


def _before(stages: tuple[str, ...]) -> tuple[str, ...]:
    last = max((_EARLIER.index(stage) for stage in stages if stage in _EARLIER), default=-1)
    return _EARLIER[: last + 1]


def _value(field: str, candidate: Candidate) -> Any:
    """What the field would be if this candidate had won."""
    if field in _OF_A_CLUSTER_NAME:
        name = parse_cluster_name(candidate.label)
        return getattr(name, field) if name is not None else None
    return candidate.label or None


def _route_to(seen: Observed, field: str, want: Want, own: list[Decision]) -> tuple[Decision, Candidate] | None:
    """The route that would have led to the wanted cluster."""
    asked = [at for at, _picked in seen.course.moves if isinstance(at, AtRoute)]
    for decision in own:
        if decision.stage != "route" or want.negated:
            continue
        for at in asked:
            if at.hop != decision.hop:
                continue
            leading = {
                route.place
                for route in at.vhost.routes.rows
                if isinstance(route.action, RouteAction)
                and any(holds(want, _cluster_field(field, name)) for name in _clusters(route.action))
            }
            for candidate in decision.candidates:
                if candidate.place in leading and candidate is not decision.chosen:
                    return decision, candidate
    return None


def _clusters(action: RouteAction) -> Iterator[str]:
    if action.cluster is not None:
        yield action.cluster
    yield from (entry.name for entry in action.weighted)


def _cluster_field(field: str, cluster: str) -> Any:
    if field == "cluster":
        return cluster
    name = parse_cluster_name(cluster)
    return getattr(name, field) if name is not None else None


def _places(decision: Decision, expected: Candidate | None) -> set[Place]:
    """Those a reader is shown."""
    shown: list[Place | None] = [decision.reason.place]
    nearly = (candidate for candidate in decision.candidates if candidate.near_miss)
    for candidate in (expected, decision.chosen, *nearly):
        if candidate is not None:
            shown += [candidate.place, *(check.place for check in candidate.checks)]
    return {place for place in shown if place is not None}
