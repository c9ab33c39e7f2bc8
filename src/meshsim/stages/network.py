"""network: the network filters of the chain in order; the last one sends the call on, or answers it.

Upstream: envoyproxy/envoy source/common/network/filter_manager_impl.cc and source/common/tcp_proxy/tcp_proxy.cc.
tcp_proxy dials as soon as there is a connection and reads nothing before its upstream stands: what a filter says of
the first bytes travels with it as a denial, and takes effect on the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from attrs import evolve, field, frozen

from ..choices import Choice, Chooser
from ..envoy.network_filters.base import NetworkFilter
from ..envoy.network_filters.direct_response import DETAILS, DirectResponse
from ..envoy.network_filters.hcm import HttpConnectionManager
from ..envoy.network_filters.set_filter_state import CLUSTER
from ..envoy.network_filters.tcp_proxy import TcpProxy
from ..envoy.network_filters.verdicts import Closes, NetworkFacts, Open, Option, Verdict, Writes
from ..envoy.no_upstream import describe_not_shaken
from ..envoy.runtime import NO_RUNTIME
from ..explanation import Candidate, Decision, Fate
from ..facts.residues import Residues
from ..mesh import Mesh, Pod
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Downstream, Draft
from ..states import AtCluster, AtHttp, AtNetwork, AtReturn, State
from .stage import Stage, agree
from .unread import as_dialler_sees

_FRESH = Residues()
NO_FILTERS = "no_filters"
_WATCHES = frozenset({"http", "tcp", "neutral"})


@frozen
class Course:
    """What the network filters came to."""

    ended_by: NetworkFilter | None
    """The filter that took, answered or closed the connection; None: there was none."""
    closes: Closes | None = None
    """What one of them said; of tcp_proxy's connections it takes effect once the upstream stands."""
    closed_by: NetworkFilter | None = None
    cluster: str | None = None
    """tcp_proxy's cluster."""
    taken: tuple[int, ...] = ()
    """The options taken where filters left it open, in order."""
    filter_state: Mapping[str, str] = field(factory=dict, eq=False)
    """What the filters wrote."""
    at_once: bool = False
    """Closed as a new connection, before anything was read from it."""


_Ask = Callable[[NetworkFilter, Open], int]
_Pick = Callable[[TcpProxy], str | None]


def decide(_mesh: Mesh, at: AtNetwork, chooser: Chooser) -> tuple[Course, State]:
    def ask(each: NetworkFilter, question: Open) -> int:
        options = question.options
        if len(options) == 1:
            chooser.assume(question.what)
            return 0
        site = f"{at.hop}/filter/{each.label or each.name}"
        names, shares = tuple(option.name for option in options), tuple(option.share for option in options)
        return chooser.pick(Choice(site, question.what, names, shares, each.place, question.default))

    course = _run(at, ask, lambda config: _weighted(at, config, chooser))
    by = course.ended_by
    if by is not None and by.kind == "terminal":
        chooser.assume(_terminal(by))
    if by is None or course.closed_by is by or by.kind not in ("http", "tcp"):
        return _ended(at, course)
    config = by.config
    connection = evolve(at.connection, filter_state=course.filter_state, buffer_limit=at.listener.buffer_limit)
    if isinstance(config, HttpConnectionManager):
        return course, AtHttp(at.pod, config, connection, at.conversation, at.hop, at.frames)
    assert isinstance(config, TcpProxy), "the table gives these two kinds their configuration"
    for reason in config.unmodelled:
        chooser.assume(reason)
    if config.tunnels:
        chooser.assume(because("network.tunnel-not-modelled", config.place, filter=config.name))
    if course.closes is not None:
        config = evolve(config, denial=course.closes)
    cluster = course.cluster or ""
    return course, AtCluster(at.pod, cluster, config, connection, at.conversation, (), _FRESH, at.hop, at.frames)


def _run(at: AtNetwork, ask: _Ask, pick: _Pick) -> Course:
    """Both moments of every filter; `pick` names tcp_proxy's cluster where weights decide."""
    taken: list[int] = []
    facts: dict[NetworkFilter, NetworkFacts] = {}
    state: Mapping[str, str] = {}
    last: NetworkFilter | None = None
    for each, known in _reached(at):
        last = each
        if each.kind in ("http", "tcp", "terminal"):
            break
        behaviour = each.behaviour
        facts[each] = _facts(at, state, all_known=known)
        verdict: Verdict = behaviour.new_connection(facts[each]) if behaviour is not None else _opaque_verdict(each)
        closes = _settled(each, verdict, ask, taken)
        if isinstance(verdict, Writes):
            state = verdict.filter_state
        if closes is not None:
            return Course(each, closes, each, taken=tuple(taken), at_once=True)
    if last is None or last.kind in ("neutral", "acts", "opaque"):
        return Course(None, taken=tuple(taken), at_once=True)
    if last.kind == "direct_response" or last.kind == "terminal":
        return Course(last, taken=tuple(taken))
    cluster = _cluster(last.config, state, pick) if isinstance(last.config, TcpProxy) else None
    closed, by = _first_bytes(at, facts, ask, taken)
    if closed is not None and by is not None and last.kind != "tcp":
        return Course(by, closed, by, taken=tuple(taken))
    return Course(last, closed, by, cluster, tuple(taken), state)


def _first_bytes(
    at: AtNetwork, facts: Mapping[NetworkFilter, NetworkFacts], ask: _Ask, taken: list[int]
) -> tuple[Closes | None, NetworkFilter | None]:
    for each in at.chain.filters:
        if each not in facts or each.behaviour is None:
            continue
        closes = _settled(each, each.behaviour.first_bytes(facts[each]), ask, taken)
        if closes is not None:
            return closes, each
    return None, None


def _reached(at: AtNetwork) -> Iterator[tuple[NetworkFilter, bool]]:
    """Each filter, and whether all those before it are modelled."""
    known = True
    for each in at.chain.filters:
        yield each, known
        known = known and each.kind != "opaque" and each.kind != "neutral"


def _settled(each: NetworkFilter, verdict: Verdict, ask: _Ask, taken: list[int]) -> Closes | None:
    if isinstance(verdict, Open):
        option = ask(each, verdict)
        taken.append(option)
        return verdict.options[option].verdict
    return verdict if isinstance(verdict, Closes) else None


def _facts(at: AtNetwork, state: Mapping[str, str], *, all_known: bool) -> NetworkFacts:
    proxy = at.pod.proxy
    runtime = proxy.runtime if proxy is not None else NO_RUNTIME
    return NetworkFacts(at.connection, state, all_known, runtime, lambda name: _has_cluster(at.pod, name))


def _has_cluster(pod: Pod, name: str) -> bool | None:
    proxy = pod.proxy
    if proxy is None or "clusters" not in proxy.document.sections:
        return None
    cluster = proxy.cluster(name)
    if cluster is None:
        return False
    own = cluster.assignment
    return False if cluster.discovery == "STATIC" and (own is None or not own.endpoints) else None


def _opaque_verdict(each: NetworkFilter) -> Verdict:
    if each.kind != "opaque":
        return None
    what = because("network.opaque-filter", each.place, filter=each.name, type=each.type_url)
    blocks = Closes(because("network.filter-blocks", each.place, filter=each.name))
    return Open(what, (Option("pass", None, None), Option("blocks", None, blocks)), default=0)


def _cluster(config: TcpProxy, state: Mapping[str, str], pick: _Pick) -> str | None:
    """Weights come first; then what filters wrote, even where it is empty; then tcp_proxy's own."""
    return pick(config) if config.weighted_clusters else state.get(CLUSTER, config.cluster or "")


def _weighted(at: AtNetwork, config: TcpProxy, chooser: Chooser) -> str:
    weighted = config.weighted_clusters
    total = sum(weight for _name, weight in weighted)
    choice = Choice(
        f"{at.hop}/cluster",
        because("network.weighted-clusters", config.place, filter=config.name),
        tuple(name for name, _weight in weighted),
        tuple(Fraction(weight, total) for _name, weight in weighted),
        config.place,
    )
    return weighted[chooser.pick(choice)][0]


def _ended(at: AtNetwork, course: Course) -> tuple[Course, State]:
    ending = _ending(at, course)
    if course.at_once:
        ending = as_dialler_sees(ending, at.connection, at.frames)
    return course, AtReturn(ending, at.hop, at.frames)


def _ending(at: AtNetwork, course: Course) -> Ending:
    reason = _reason(at, course)
    by, closes = course.ended_by, course.closes
    if closes is not None:
        return Ending(
            "closed",
            reason,
            response_flags=closes.flags,
            response_code_details=closes.response_code_details,
            answered_by=at.hop,
        )
    if by is None:
        kind = "unknown" if at.chain.filters else "closed"
        return Ending(kind, reason, answered_by=None if at.chain.filters else at.hop)
    if by.kind == "echo":
        return _echoed(at, reason)
    if isinstance(by.config, DirectResponse):
        sees = None if by.config.text == "" else "data"
        return Ending("closed", reason, response_code_details=DETAILS, answered_by=at.hop, client_sees=sees)
    return Ending("unknown", reason)


def _echoed(at: AtNetwork, reason: Reason) -> Ending:
    said = at.conversation
    if said.request is None and not said.payload:
        return Ending("hanging", reason, answered_by=at.hop)
    return Ending("replied", reason, body=said.payload or None, answered_by=at.hop, client_sees="data")


def _terminal(each: NetworkFilter) -> Reason:
    clusters = ", ".join(each.clusters) or "none"
    return because("network.terminal-not-modelled", each.place, filter=each.name, type=each.type_url, clusters=clusters)


def _reason(at: AtNetwork, course: Course) -> Reason:
    by = course.ended_by
    if by is None:
        code = "network.no-terminal-filter" if at.chain.filters else "network.no-filters"
        return because(code, at.chain.place, chain=at.chain.label)
    if course.closes is not None:
        return course.closes.why
    if by.kind == "terminal":
        return _terminal(by)
    config = by.config
    if not isinstance(config, TcpProxy):
        codes = {"http": "network.to-http", "direct_response": "network.direct-response", "echo": "network.echoes"}
        return because(codes[by.kind], by.place, filter=by.short_name if by.kind == "http" else by.name)
    code = "network.to-cluster"
    if not config.weighted_clusters and course.cluster != config.cluster:
        code = "network.cluster-by-filter"
    return because(code, by.place, filter=by.short_name, cluster=course.cluster)


def explain(_mesh: Mesh, at: AtNetwork, picked: Course) -> Decision:
    options = iter(picked.taken)
    opened: dict[NetworkFilter, tuple[Open, int]] = {}

    def ask(each: NetworkFilter, question: Open) -> int:
        opened[each] = question, next(options)
        return opened[each][1]

    course = _run(at, ask, lambda config: _picked_weight(config, picked))
    agree("network", at, picked, course)
    by = course.ended_by
    own = _candidates(at.chain.filters, course, opened)
    modelled = by is not None and by.kind != "terminal"
    return Decision(
        stage="network",
        pod=at.pod.name,
        question=because("network.question", chain=at.chain.label),
        chosen=next((each for each in own if each.fate is Fate.CHOSEN and by and each.place == by.place), None),
        reason=_reason(at, course),
        candidates=tuple(_with_own_candidates(at, own, opened)),
        notes=(*(question.what for question, _option in opened.values()), *_leaks(at, course)),
        trivial=modelled and not opened and all(each.kind in _WATCHES for each in at.chain.filters),
        deciding=not modelled or course.closes is not None,
        hop=at.hop,
    )


def _leaks(at: AtNetwork, course: Course) -> tuple[Reason, ...]:
    """Where the server speaks first, the client hears it before anybody asks who the client is."""
    by = course.closed_by
    if by is None or course.ended_by is by or not at.conversation.server_first:
        return ()
    return (because("network.server-speaks-first", by.place, filter=by.name),)


def _picked_weight(config: TcpProxy, picked: Course) -> str | None:
    names = {name for name, _weight in config.weighted_clusters}
    return picked.cluster if picked.cluster in names else None


def _candidates(
    filters: tuple[NetworkFilter, ...], course: Course, opened: Mapping[NetworkFilter, object]
) -> tuple[Candidate, ...]:
    made = []
    over = False
    for each in filters:
        if over:
            fate = Fate.NOT_REACHED
        elif each is course.closed_by:
            fate, over = Fate.FAILED, each is course.ended_by
        elif each is course.ended_by:
            fate, over = Fate.CHOSEN, True
        else:
            fate = Fate.UNKNOWN if each in opened else Fate.CHOSEN
        made.append(Candidate(each.label or each.name, "network_filter", fate, (), each.place))
    return tuple(made)


def _with_own_candidates(
    at: AtNetwork, candidates: tuple[Candidate, ...], opened: Mapping[NetworkFilter, tuple[Open, int]]
) -> Iterator[Candidate]:
    """Each filter, and behind it what it chose among itself."""
    state: Mapping[str, str] = {}
    for (each, known), candidate in zip(_reached(at), candidates, strict=True):
        yield candidate
        if each.behaviour is None or candidate.fate is Fate.NOT_REACHED:
            continue
        facts = _facts(at, state, all_known=known)
        verdict = each.behaviour.new_connection(facts)
        if isinstance(verdict, Writes):
            state = verdict.filter_state
        yield from each.behaviour.candidates(facts, opened[each][1] if each in opened else None)


def describe(_mesh: Mesh, at: AtNetwork, picked: Course, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    by, closes = picked.ended_by, picked.closes
    if by is None:
        hop.downstream_local_close_reason = NO_FILTERS if not at.chain.filters else None
        return
    hop.network_filter = by.short_name
    if by.kind == "direct_response":
        hop.response_code_details = DETAILS
    if by.kind != "http" and hop.downstream is not None:
        before = hop.downstream
        hop.downstream = Downstream("tcp", before.remote, before.direct_remote, before.tls)
    if by.kind == "tcp":
        hop.cluster = picked.cluster
    elif closes is not None:
        hop.response_flags = closes.flags
        hop.response_code_details = closes.response_code_details
        hop.connection_termination_details = closes.termination_details
        hop.downstream_local_close_reason = closes.close_reason
        if picked.at_once:
            describe_not_shaken(hop, at.connection)


STAGE = Stage("network", AtNetwork, decide, explain, describe)
