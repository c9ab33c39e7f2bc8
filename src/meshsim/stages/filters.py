"""filters: the HTTP filters in order; each lets the request pass, answers it, or leaves that open.

The upgrade check comes first, where there is a route (envoyproxy/envoy source/common/http/conn_manager_impl.cc).
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from ..choices import Choice, Chooser
from ..envoy.forwarding import upgrade_type
from ..envoy.http_filters.base import FilterFacts, HttpFilter, Open, Reply
from ..envoy.local_reply import local_reply
from ..envoy.route_actions import RouteAction
from ..envoy.runtime import NO_RUNTIME
from ..envoy.stream import Stream
from ..explanation import Candidate, Check, Decision, Fate
from ..istio.names import parse_cluster_name
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import because
from ..report import Draft, Hop
from ..states import AtFilters, AtReturn, AtRouter, State
from .stage import Stage, agree


@frozen
class Ran:
    """How the filters ended: which one answered (-1: none) and which options were taken, in order."""

    answered: int
    taken: tuple[int, ...]
    ending: Ending | None


PASSED = Ran(-1, (), None)
_Ask = Callable[[HttpFilter, Open], int]


def decide(_mesh: Mesh, at: AtFilters, chooser: Chooser) -> tuple[Ran, State]:
    def ask(http_filter: HttpFilter, question: Open) -> int:
        names = tuple(option.name for option in question.options)
        shares = tuple(option.share for option in question.options)
        site = f"{at.hop}/filter/{http_filter.label}"
        return chooser.pick(Choice(site, question.what, names, shares, http_filter.place, question.default))

    picked = _run(at, ask)
    if picked.ending is not None:
        if picked.ending.kind == "unknown":
            chooser.assume(picked.ending.why)
        return picked, AtReturn(picked.ending, at.hop, at.frames)
    return picked, AtRouter(
        at.pod, at.hcm, at.vhost, at.route, at.connection, at.request, at.residues, at.hop, at.frames
    )


def _run(at: AtFilters, ask: _Ask) -> Ran:
    refused = _refused_upgrade(at)
    if refused is not None:
        return Ran(-1, (), refused)
    filters = at.hcm.http_filters
    acting = at.hcm.acting_filters
    runtime = at.pod.proxy.runtime if at.pod.proxy is not None else NO_RUNTIME
    facts = FilterFacts(at.request, at.connection, at.route, runtime)
    taken: tuple[int, ...] = ()
    for index, http_filter in acting:
        verdict = http_filter.ask(facts)
        if isinstance(verdict, Open):
            option = ask(http_filter, verdict)
            taken = (*taken, option)
            verdict = verdict.options[option].reply
        if verdict is not None:
            return Ran(index, taken, _ending(at, verdict))
    if not filters:
        return Ran(-1, taken, Ending("hanging", because("filter.none-answers", at.hcm.place), answered_by=at.hop))
    last = filters[-1]
    if not last.terminal:
        why = because("filter.no-router", last.place, filter=last.name, type=last.type_name)
        return Ran(-1, taken, Ending("unknown", why))
    return Ran(-1, taken, None) if taken else PASSED


def _refused_upgrade(at: AtFilters) -> Ending | None:
    if at.route is None:
        return None
    upgrade = upgrade_type(at.request)
    if upgrade is None:
        return None
    allowed = at.route.upgrade_allowed(upgrade)
    if at.hcm.upgrade_allowed(upgrade) if allowed is None else allowed:
        return None
    why = because("filter.upgrade-refused", at.route.place, upgrade=upgrade)
    return local_reply(
        _stream(at),
        at.hop,
        why,
        status=403,
        details="upgrade_failed",
        by_route=isinstance(at.route.action, RouteAction),
        ends_connection=True,
    )


def _stream(at: AtFilters) -> Stream:
    return Stream(at.hcm, at.connection, at.request, at.route, at.vhost, _cluster(at))


def _ending(at: AtFilters, reply: Reply) -> Ending:
    if reply.status is None:
        return Ending(
            "replied",
            reply.why,
            response_flags=reply.flags,
            response_code_details=reply.details,
            answered_by=at.hop,
        )
    return local_reply(
        _stream(at),
        at.hop,
        reply.why,
        status=reply.status,
        details=reply.details,
        flags=reply.flags,
        body=reply.body,
        headers=reply.headers,
        grpc_status=reply.grpc_status,
    )


def explain(_mesh: Mesh, at: AtFilters, picked: Ran) -> Decision:
    options = iter(picked.taken)
    open_filters: dict[HttpFilter, Open] = {}

    def ask(http_filter: HttpFilter, question: Open) -> int:
        open_filters[http_filter] = question
        return next(options)

    again = _run(at, ask)
    agree("filters", at, picked, again)
    filters = at.hcm.http_filters
    stopped = again.ending is not None
    candidates = tuple(
        _candidate(index, http_filter, again, open_filters.get(http_filter))
        for index, http_filter in enumerate(filters)
    )
    chosen = next((candidate for candidate in candidates if candidate.fate is Fate.CHOSEN), None)
    return Decision(
        stage="filters",
        pod=at.pod.name,
        question=because("filter.question", at.hcm.place, filters=", ".join(each.name for each in filters)),
        chosen=chosen,
        reason=again.ending.why if again.ending is not None else because("filter.all-passed", at.hcm.place),
        candidates=candidates,
        notes=tuple(question.what for question in open_filters.values()),
        trivial=not stopped and not open_filters,
        deciding=stopped,
        hop=at.hop,
    )


def _candidate(index: int, http_filter: HttpFilter, ran: Ran, question: Open | None) -> Candidate:
    """Which filter answers? The router, unless one before it does."""
    answers = index == ran.answered
    reached = ran.ending is None or (ran.answered >= 0 and index <= ran.answered)
    if not reached:
        return Candidate(http_filter.label, "http_filter", Fate.NOT_REACHED, place=http_filter.place)
    if answers or (ran.ending is None and http_filter.terminal):
        check = Check("verdict", "reply", "reply", True, http_filter.place)
        return Candidate(http_filter.label, "http_filter", Fate.CHOSEN, (check,), http_filter.place)
    fate = Fate.FAILED if question is None or question.options[0].share is not None else Fate.UNKNOWN
    ok = False if fate is Fate.FAILED else None
    check = Check("verdict", "reply", "continue", ok, http_filter.place)
    return Candidate(http_filter.label, "http_filter", fate, (check,), http_filter.place, "verdict")


def describe(_mesh: Mesh, at: AtFilters, picked: Ran, draft: Draft) -> None:
    ending = picked.ending
    if ending is None:
        return
    hop = draft.hop(at.hop, at.pod.name)
    hop.filters_not_reached = tuple(each.name for each in at.hcm.http_filters[picked.answered + 1 :])
    if ending.kind == "replied":
        hop.status = ending.status
        hop.response_flags = ending.response_flags
        hop.response_code_details = ending.response_code_details
        hop.downstream_local_close_reason = ending.local_close_reason
    if picked.answered >= 0 or ending.kind == "replied":
        _describe_cluster(at, hop)


def _describe_cluster(at: AtFilters, hop: Hop) -> None:
    cluster = _cluster(at)
    if not cluster:
        return
    hop.cluster = cluster
    name = parse_cluster_name(cluster)
    if name is not None:
        hop.service, hop.port, hop.subset = name.service, name.port, name.subset


def _cluster(at: AtFilters) -> str:
    """Envoy looks a route's cluster up before its filters run, and logs it although the request never goes there."""
    action = at.route.action if at.route is not None else None
    name = action.cluster if isinstance(action, RouteAction) else None
    return name if name and at.pod.proxy is not None and at.pod.proxy.cluster(name) is not None else ""


STAGE = Stage("filters", AtFilters, decide, explain, describe)
