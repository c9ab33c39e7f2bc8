"""filters: the HTTP filters in order; each lets the request pass, answers it, or leaves that open.

The upgrade check comes first, where there is a route (envoyproxy/envoy source/common/http/conn_manager_impl.cc).
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from ..choices import Choice, Chooser
from ..envoy.forwarding import upgrade_type
from ..envoy.http_filters.base import NONE_REACHED, FilterFacts, HttpFilter, Open, Reply, ResponsePath
from ..envoy.http_filters.base import Change as Changed
from ..envoy.http_filters.opaque import Opaque
from ..envoy.http_filters.progress import Decider, Progress
from ..envoy.local_reply import local_reply
from ..envoy.proxy import Proxy
from ..envoy.route_actions import RouteAction, WeightedCluster
from ..envoy.routes import Route
from ..envoy.runtime import NO_RUNTIME
from ..envoy.stream import Stream
from ..explanation import Candidate, Check, Decision, Fate
from ..facts.answer import Answer
from ..facts.request import Request
from ..facts.residues import Residues
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Draft, Hop
from ..states import AtFilters, AtReturn, AtRouter, AtVhost, State
from .changes import request_changes
from .cluster_names import describe_cluster
from .cluster_weights import cluster_name, pick_entry
from .held_back import cut_short
from .stage import Stage, agree


@frozen
class Ran:
    """How the filters ended: which one answered (-1: none), the options taken in order, and what they left behind."""

    answered: int
    taken: tuple[int, ...]
    ending: Ending | None
    request: Request
    """As the filters left it."""
    progress: Progress
    entry: WeightedCluster | None = None
    """What was picked before them, where it configures them."""
    answers: tuple[Answer | None, ...] = ()
    """Beside `taken`: what a call states that the one who decided there answered."""
    again: bool = False
    """A filter had the choice of the route cleared: it is made again before the next filter."""


_GRPC_OK = 200
"""Whatever grpc-status an answer has."""
_Ask = Callable[[HttpFilter, Open], tuple[int, Answer | None]]
Question = tuple[FilterFacts, Route | None]
"""What a filter was asked with, and the route that says which filters run."""


def decide(_mesh: Mesh, at: AtFilters, chooser: Chooser) -> tuple[Ran, State]:
    def ask(http_filter: HttpFilter, question: Open) -> tuple[int, Answer | None]:
        names = tuple(option.name for option in question.options)
        shares = tuple(option.share for option in question.options)
        site = f"{at.hop}/filter/{http_filter.label}"
        choice = Choice(site, question.what, names, shares, http_filter.place, question.default)
        answer = chooser.answer(choice) if question.answered is not None else None
        if answer is None or question.answered is None:
            return chooser.pick(choice), None
        return chooser.pick_answered(choice, names.index(question.answered(answer).name)), answer

    entry, residues = _entry(at, chooser)
    picked = _run(at, entry, ask, [], {})
    if entry is not None:
        picked = evolve(picked, entry=entry)
    if picked.ending is not None:
        if picked.ending.kind == "unknown":
            chooser.assume(picked.ending.why)
        return picked, AtReturn(picked.ending, at.hop, at.frames)
    request, progress = picked.request, picked.progress
    if picked.again:
        progress = evolve(progress, residues=residues)
        return picked, AtVhost(at.pod, at.hcm, at.connection, request, at.hop, at.frames, progress)
    if entry is not None:
        progress = evolve(progress, entry=entry)
    return picked, AtRouter(
        at.pod, at.hcm, at.vhost, at.route, at.connection, request, residues, at.hop, at.frames, progress
    )


def _entry(at: AtFilters, chooser: Chooser) -> tuple[WeightedCluster | None, Residues]:
    """Picked with the route, before the filters: it may configure them, and is logged whoever answers."""
    action = at.route.action if at.route is not None else None
    if not isinstance(action, RouteAction) or not action.weighted:
        return None, at.residues
    return pick_entry(at, action, chooser)


def _run(
    at: AtFilters, entry: WeightedCluster | None, ask: _Ask, did: list[Reason], asked: dict[HttpFilter, Question]
) -> Ran:
    """`did` takes what the filters changed, in order; `asked` what each was asked."""
    before = at.progress
    refused = _refused_upgrade(at, entry) if before.position == 0 else None
    if refused is not None:
        return Ran(-1, (), refused, at.request, before)
    filters = at.hcm.http_filters
    route = at.route.by_entry(entry) if at.route is not None else None
    facts = _facts(at, route, entry)
    taken: tuple[int, ...] = ()
    answers: tuple[Answer | None, ...] = ()
    progress = before
    decider = route if before.decider is None else before.decider.route
    for index, http_filter in at.hcm.acting_filters:
        if index < before.position:
            facts.filter_state_known &= _writes_nothing(http_filter)
            continue
        asked[http_filter] = facts, decider
        verdict = http_filter.ask(facts, decider)
        if isinstance(verdict, Open):
            option, answer = ask(http_filter, verdict)
            taken, answers = (*taken, option), (*answers, answer)
            verdict = _course(verdict, option, answer)
        if verdict is not None and verdict.held_ms:
            stream = _held(at, verdict, facts, decider, index, progress, entry)
            place = http_filter.place if verdict.why is None else verdict.why.place or http_filter.place
            cut = cut_short(stream, at.hop, http_filter.name, place, verdict.held_ms)
            if cut is not None:
                return Ran(index, taken, cut, stream.request or facts.request, stream.progress, answers=answers)
        if isinstance(verdict, Reply):
            if verdict.behind is not None:
                facts = facts.after(verdict.behind)
                progress = _advanced(at, progress, verdict.behind, index, facts, decider)
            if verdict.metadata is not None:
                facts.metadata, progress = verdict.metadata, evolve(progress, metadata=verdict.metadata)
            facts = evolve(facts, memories={**facts.memories, **verdict.memories})
            ending = _ending(at, verdict, facts, decider, index, progress, entry)
            return Ran(index, taken, ending, facts.request, progress, answers=answers)
        if verdict is None:
            facts.filter_state_known &= _writes_nothing(http_filter)
            continue
        if verdict.why is not None:
            did.append(verdict.why)
        facts = facts.after(verdict)
        if verdict.held_ms and facts.request.patience_ms is not None:
            facts.request = evolve(facts.request, patience_ms=facts.request.patience_ms - verdict.held_ms)
        progress = _advanced(at, progress, verdict, index + 1, facts, decider)
        if verdict.clears_route:
            return Ran(-1, taken, None, facts.request, progress, answers=answers, again=True)
    request = facts.request
    if at.hcm.acts_on_responses:
        progress = evolve(progress, way_back=ResponsePath(filters, facts, decider))
    if not filters:
        ending = Ending("hanging", because("filter.none-answers", at.hcm.place), answered_by=at.hop)
        return Ran(-1, taken, ending, request, progress, answers=answers)
    last = filters[-1]
    if not last.terminal:
        why = because("filter.no-router", last.place, filter=last.name, type=last.type_name)
        return Ran(-1, taken, Ending("unknown", why), request, progress, answers=answers)
    return Ran(-1, taken, None, request, progress, answers=answers)


def _course(question: Open, option: int, answer: Answer | None) -> Reply | Changed | None:
    if answer is None or question.answered is None:
        return question.options[option].verdict
    return question.answered(answer).verdict


def _held(
    at: AtFilters,
    verdict: Reply | Changed,
    facts: FilterFacts,
    decider: Route | None,
    index: int,
    progress: Progress,
    entry: WeightedCluster | None,
) -> Stream:
    """The stream while that filter keeps its request, with what those had done that act as one with it."""
    done = verdict.behind if isinstance(verdict, Reply) else evolve(verdict, held_ms=0)
    if done is not None:
        facts = facts.after(done)
        progress = _advanced(at, progress, done, index, facts, decider)
    progress = evolve(progress, way_back=_way_back(at, facts, decider, index))
    return evolve(_stream(at, entry), request=facts.request, progress=progress)


def _writes_nothing(http_filter: HttpFilter) -> bool:
    return not isinstance(http_filter.behaviour, Opaque)


def _advanced(
    at: AtFilters, progress: Progress, change: Changed, position: int, facts: FilterFacts, decider: Route | None
) -> Progress:
    return Progress(
        position=position,
        looked_up=at.request,
        metadata=facts.metadata,
        filter_state=facts.filter_state,
        flags=tuple(dict.fromkeys((*progress.flags, *change.flags))),
        host=progress.host if change.host is None else change.host,
        strict_host=progress.strict_host if change.host is None else change.strict_host,
        decider=progress.decider or Decider(decider),
        redirected=progress.redirected,
        body_limit=progress.body_limit if change.body_limit is None else change.body_limit,
        memories=facts.memories,
        held_ms=progress.held_ms + change.held_ms,
    )


def _clusters(at: AtFilters) -> Callable[[str], bool | None]:
    proxy = at.pod.proxy
    if proxy is None or "clusters" not in proxy.document.sections:
        return lambda _name: None
    return lambda name: _can_be_called(proxy, name)


def _can_be_called(proxy: Proxy, name: str) -> bool:
    """A cluster that is known to have no endpoint serves a filter no better than none."""
    cluster = proxy.cluster(name)
    if cluster is None:
        return False
    return cluster.discovery != "STATIC" or (cluster.assignment is not None and bool(cluster.assignment.endpoints))


def _facts(at: AtFilters, route: Route | None, entry: WeightedCluster | None) -> FilterFacts:
    proxy = at.pod.proxy
    table = at.hcm.table(proxy) if at.route is not None else None
    return FilterFacts(
        at.request,
        at.connection,
        route,
        at.progress.metadata,
        at.progress.filter_state,
        _clusters(at),
        proxy.runtime if proxy is not None else NO_RUNTIME,
        table.ignore_path_parameters if table is not None else False,
        memories=at.progress.memories,
        service_cluster=proxy.document.service_cluster if proxy is not None else None,
        find_cluster=lambda: _cluster(at, entry),
        name_cluster=lambda: _named_cluster(at, entry),
    )


def _refused_upgrade(at: AtFilters, entry: WeightedCluster | None) -> Ending | None:
    if at.route is None:
        return None
    upgrade = upgrade_type(at.request)
    if upgrade is None:
        return None
    allowed = at.route.upgrade_allowed(upgrade)
    if at.hcm.upgrade_allowed(upgrade) if allowed is None else allowed:
        return None
    why = because("filter.upgrade-refused", at.route.place, upgrade=upgrade)
    route = at.route.by_entry(entry)
    decider = route if at.progress.decider is None else at.progress.decider.route
    way_back = _way_back(at, _facts(at, route, entry), decider, NONE_REACHED)
    return local_reply(
        evolve(_stream(at, entry), progress=evolve(at.progress, way_back=way_back)),
        at.hop,
        why,
        status=403,
        details="upgrade_failed",
        by_route=isinstance(at.route.action, RouteAction),
        ends_connection=True,
    )


def _stream(at: AtFilters, entry: WeightedCluster | None) -> Stream:
    cluster = _cluster(at, entry)
    return Stream(at.hcm, at.connection, at.request, at.route, at.vhost, cluster, progress=at.progress, entry=entry)


def _way_back(at: AtFilters, facts: FilterFacts, decider: Route | None, reached: int) -> ResponsePath | None:
    return ResponsePath(at.hcm.http_filters, facts, decider, reached) if at.hcm.acts_on_responses else None


def _ending(
    at: AtFilters,
    reply: Reply,
    facts: FilterFacts,
    decider: Route | None,
    reached: int,
    progress: Progress,
    entry: WeightedCluster | None,
) -> Ending:
    flags = tuple(dict.fromkeys((*progress.flags, *reply.flags)))
    if reply.status is None:
        return Ending(
            "replied",
            reply.why,
            status=_GRPC_OK if reply.in_grpc_form and facts.request.replied_as_grpc() else None,
            response_flags=flags,
            response_code_details=reply.details,
            answered_by=at.hop,
        )
    way_back = _way_back(at, facts, decider, reached)
    ending = local_reply(
        evolve(_stream(at, entry), request=facts.request, progress=evolve(progress, way_back=way_back)),
        at.hop,
        reply.why,
        status=reply.status,
        details=reply.details,
        flags=flags,
        body=reply.body,
        headers=reply.headers,
        added=reply.added,
        additions=reply.additions,
        grpc_status=reply.grpc_status,
        by_route=at.route is not None and at.route.forwards,
        plain=reply.plain,
    )
    return evolve(ending, took_ms=progress.held_ms + reply.held_ms)


def explain(_mesh: Mesh, at: AtFilters, picked: Ran) -> Decision:
    options = iter(zip(picked.taken, picked.answers, strict=True))
    open_filters: dict[HttpFilter, Open] = {}

    def ask(http_filter: HttpFilter, question: Open) -> tuple[int, Answer | None]:
        open_filters[http_filter] = question
        return next(options)

    did: list[Reason] = []
    asked: dict[HttpFilter, Question] = {}
    again = _run(at, picked.entry, ask, did, asked)
    if picked.entry is not None:
        again = evolve(again, entry=picked.entry)
    agree("filters", at, picked, again)
    filters = at.hcm.http_filters
    stopped = again.ending is not None
    own = [_candidate(index, each, again, open_filters.get(each)) for index, each in enumerate(filters)]
    chosen = next((candidate for candidate in own if candidate.fate is Fate.CHOSEN), None)
    taken = dict(zip(open_filters, picked.taken, strict=False))
    candidates: list[Candidate] = []
    for candidate, each in zip(own, filters, strict=True):
        candidates.append(candidate)
        if each in asked:
            candidates += each.candidates(*asked[each], taken.get(each))
    return Decision(
        stage="filters",
        pod=at.pod.name,
        question=because("filter.question", at.hcm.place, filters=", ".join(each.name for each in filters)),
        chosen=chosen,
        reason=_reason(at, again, did),
        candidates=tuple(candidates),
        changes=request_changes(at.request, again.request),
        notes=(*(question.what for question in open_filters.values()), *did),
        trivial=not stopped and not open_filters and not did,
        deciding=stopped,
        hop=at.hop,
    )


def _reason(at: AtFilters, ran: Ran, did: list[Reason]) -> Reason:
    if ran.ending is not None:
        return ran.ending.why
    if ran.again:
        return because(
            "filter.route-cleared", did[-1].place, filter=at.hcm.http_filters[ran.progress.position - 1].name
        )
    return because("filter.all-passed", at.hcm.place)


def _candidate(index: int, http_filter: HttpFilter, ran: Ran, question: Open | None) -> Candidate:
    """Which filter answers? The router, unless one before it does."""
    answers = index == ran.answered
    last = ran.progress.position - 1 if ran.again else ran.answered
    reached = (ran.ending is None and not ran.again) or (last >= 0 and index <= last)
    if not reached:
        return Candidate(http_filter.label, "http_filter", Fate.NOT_REACHED, place=http_filter.place)
    if answers or (ran.ending is None and not ran.again and http_filter.terminal):
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
    if ending.kind == "hanging":
        hop.response_flags = ending.response_flags
    if ending.kind == "replied":
        hop.status = ending.status
        hop.response_flags = ending.response_flags
        hop.response_code_details = ending.response_code_details
        hop.downstream_local_close_reason = ending.local_close_reason
    if picked.answered >= 0 or ending.kind == "replied":
        _describe_cluster(at, picked.entry, hop)


def _describe_cluster(at: AtFilters, entry: WeightedCluster | None, hop: Hop) -> None:
    cluster = _cluster(at, entry)
    if cluster:
        describe_cluster(hop, cluster)


def _named_cluster(at: AtFilters, entry: WeightedCluster | None) -> str:
    action = at.route.action if at.route is not None else None
    return cluster_name(action, entry, at.request) if isinstance(action, RouteAction) else ""


def _cluster(at: AtFilters, entry: WeightedCluster | None) -> str:
    """Envoy looks a route's cluster up before its filters run, and logs it although the request never goes there."""
    name = _named_cluster(at, entry)
    return name if name and at.pod.proxy is not None and at.pod.proxy.cluster(name) is not None else ""


STAGE = Stage("filters", AtFilters, decide, explain, describe)
