"""network: the network filters of the chain in order; the last one sends the call on, or answers it.

Upstream: envoyproxy/envoy source/common/network/filter_manager_impl.cc and source/common/tcp_proxy/tcp_proxy.cc.
"""

from __future__ import annotations

from fractions import Fraction

from attrs import frozen

from ..choices import Choice, Chooser
from ..envoy.network_filters.base import NetworkFilter
from ..envoy.network_filters.hcm import HttpConnectionManager
from ..envoy.network_filters.tcp_proxy import TcpProxy
from ..explanation import Candidate, Decision, Fate
from ..facts.residues import Residues
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Downstream, Draft
from ..states import AtCluster, AtHttp, AtNetwork, AtReturn, State
from .stage import Stage, agree
from .unread import as_dialler_sees

_OPTIONS = ("pass", "blocks")
_FRESH = Residues()
NO_FILTERS = "no_filters"
DIRECT_RESPONSE = "direct_response"


@frozen
class Course:
    """What the network filters came to."""

    ended_by: NetworkFilter | None
    """The filter that took, answered or closed the connection; None: there was none."""
    blocked: bool = False
    cluster: str | None = None
    """tcp_proxy's cluster."""


def decide(_mesh: Mesh, at: AtNetwork, chooser: Chooser) -> tuple[Course, State]:
    by_sni = False
    for each in at.chain.filters:
        kind = each.kind
        if kind == "http" or kind == "tcp":
            break
        if kind == "opaque":
            choice = Choice(f"{at.hop}/filter/{each.name}", _opaque(each), _OPTIONS, (None, None), each.place, 0)
            if chooser.pick(choice) == 1:
                return _ended(at, Course(each, blocked=True))
        elif kind == "sni_cluster":
            by_sni = True
        elif kind == "terminal":
            chooser.assume(_terminal(each))
            return _ended(at, Course(each))
        elif kind == "direct_response":
            return _ended(at, Course(each))
    else:
        return _ended(at, Course(None))
    config = each.config
    if isinstance(config, HttpConnectionManager):
        return Course(each), AtHttp(at.pod, config, at.connection, at.conversation, at.hop, at.frames)
    assert isinstance(config, TcpProxy), "the table gives these two kinds their configuration"
    for reason in config.unmodelled:
        chooser.assume(reason)
    if config.tunnels:
        chooser.assume(because("network.tunnel-not-modelled", config.place, filter=config.name))
    cluster = _cluster(at, config, by_sni=by_sni, chooser=chooser)
    state = AtCluster(at.pod, cluster, config, at.connection, at.conversation, (), _FRESH, at.hop, at.frames)
    return Course(each, cluster=cluster), state


def _cluster(at: AtNetwork, config: TcpProxy, *, by_sni: bool, chooser: Chooser) -> str:
    weighted = config.weighted_clusters
    if weighted:
        total = sum(weight for _name, weight in weighted)
        choice = Choice(
            f"{at.hop}/cluster",
            because("network.weighted-clusters", config.place, filter=config.name),
            tuple(name for name, _weight in weighted),
            tuple(Fraction(weight, total) for _name, weight in weighted),
            config.place,
        )
        return weighted[chooser.pick(choice)][0]
    if by_sni and at.connection.sni:
        return at.connection.sni
    return config.cluster or ""


def _ended(at: AtNetwork, course: Course) -> tuple[Course, State]:
    ending = _ending(at, course)
    if course.ended_by is None:
        ending = as_dialler_sees(ending, at.connection, at.frames)
    return course, AtReturn(ending, at.hop, at.frames)


def _ending(at: AtNetwork, course: Course) -> Ending:
    reason = _reason(at, course)
    by = course.ended_by
    if by is None and at.chain.filters:
        return Ending("unknown", reason)
    if by is None or course.blocked:
        return Ending("closed", reason, answered_by=at.hop)
    if by.kind == "direct_response":
        return Ending("closed", reason, response_code_details=DIRECT_RESPONSE, answered_by=at.hop, client_sees="data")
    return Ending("unknown", reason)


def _opaque(each: NetworkFilter) -> Reason:
    return because("network.opaque-filter", each.place, filter=each.name, type=each.type_url)


def _terminal(each: NetworkFilter) -> Reason:
    clusters = ", ".join(each.clusters) or "none"
    return because("network.terminal-not-modelled", each.place, filter=each.name, type=each.type_url, clusters=clusters)


def _reason(at: AtNetwork, course: Course) -> Reason:
    by = course.ended_by
    if by is None:
        code = "network.no-terminal-filter" if at.chain.filters else "network.no-filters"
        return because(code, at.chain.place, chain=at.chain.label)
    if course.blocked:
        return because("network.filter-blocks", by.place, filter=by.name)
    if by.kind == "http":
        return because("network.to-http", by.place, filter=by.short_name)
    if by.kind == "direct_response":
        return because("network.direct-response", by.place, filter=by.name)
    config = by.config
    if not isinstance(config, TcpProxy):
        return _terminal(by)
    code = "network.to-cluster"
    if not config.weighted_clusters and course.cluster != config.cluster:
        code = "network.cluster-by-sni"
    return because(code, by.place, filter=by.short_name, cluster=course.cluster)


def explain(_mesh: Mesh, at: AtNetwork, picked: Course) -> Decision:
    course = _again(at, picked)
    agree("network", at, picked, course)
    candidates = _candidates(at.chain.filters, course)
    by = course.ended_by
    modelled = by is not None and by.kind in ("http", "tcp")
    return Decision(
        stage="network",
        pod=at.pod.name,
        question=because("network.question", chain=at.chain.label),
        chosen=next((each for each in candidates if each.fate is Fate.CHOSEN and by and each.place == by.place), None),
        reason=_reason(at, course),
        candidates=candidates,
        trivial=modelled and all(each.kind in ("http", "tcp", "neutral") for each in at.chain.filters),
        deciding=not modelled or course.blocked,
        hop=at.hop,
    )


def _again(at: AtNetwork, picked: Course) -> Course:
    """The same walk over the filters, with what was left open answered as it was."""
    by_sni = False
    for each in at.chain.filters:
        if each.kind == "opaque" and picked.blocked and each is picked.ended_by:
            return Course(each, blocked=True)
        if each.kind == "sni_cluster":
            by_sni = True
        if each.kind in ("http", "terminal", "direct_response"):
            return Course(each)
        if isinstance(each.config, TcpProxy):
            if each.config.weighted_clusters:
                names = {name for name, _weight in each.config.weighted_clusters}
                return Course(each, cluster=picked.cluster if picked.cluster in names else None)
            name = at.connection.sni if by_sni and at.connection.sni else each.config.cluster
            return Course(each, cluster=name)
    return Course(None)


def _candidates(filters: tuple[NetworkFilter, ...], course: Course) -> tuple[Candidate, ...]:
    made = []
    over = False
    for each in filters:
        if over:
            fate = Fate.NOT_REACHED
        elif each is course.ended_by:
            fate, over = (Fate.FAILED if course.blocked else Fate.CHOSEN), True
        else:
            fate = Fate.UNKNOWN if each.kind == "opaque" else Fate.CHOSEN
        made.append(Candidate(each.name, "network_filter", fate, (), each.place))
    return tuple(made)


def describe(_mesh: Mesh, at: AtNetwork, picked: Course, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    by = picked.ended_by
    if by is None:
        hop.downstream_local_close_reason = NO_FILTERS if not at.chain.filters else None
        return
    hop.network_filter = by.short_name
    if by.kind == "direct_response":
        hop.response_code_details = DIRECT_RESPONSE
    if by.kind == "tcp":
        hop.cluster = picked.cluster
        before = hop.downstream
        if before is not None:
            hop.downstream = Downstream("tcp", before.remote, before.direct_remote, before.tls)


STAGE = Stage("network", AtNetwork, decide, explain, describe)
