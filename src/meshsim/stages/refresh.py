"""refresh: a retry whose policy says refresh_cluster_on_retry: which cluster does the route name this time?

envoyproxy/envoy source/common/router/router.cc (doRetry) and weighted_cluster_specifier.cc, observed on Envoy 1.40:
the request goes as it was written for the first attempt, the matcher sees it so; the response header mutations and the
metadata_match are the new entry's.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..choices import Chooser
from ..envoy.route_actions import RouteAction, WeightedCluster
from ..envoy.runtime import NO_RUNTIME
from ..envoy.stream import Drawn
from ..explanation import Candidate, Check, Decision, Fate
from ..facts.conversation import Conversation
from ..mesh import Mesh
from ..reasons import Reason, because
from ..states import AtCluster, AtRefresh, State
from .cluster_weights import Weighed, cluster_name, draw_again, entry_label, pot_after
from .held_request import as_held, counted_to
from .stage import Stage, agree, nothing_to_describe


@frozen
class Refreshed:
    cluster: str
    """Empty where the header that should name it is missing."""
    entry: WeightedCluster | None
    """None: a specifier named the cluster."""
    drawn: Drawn


def decide(_mesh: Mesh, at: AtRefresh, chooser: Chooser) -> tuple[Refreshed, State]:
    picked = _by_specifier(at, chooser) if at.stream.entry is None else _by_weight(at, chooser)
    dialled, via, stream = at.dialled, _via(at), at.stream
    if picked.entry is not None:
        via = evolve(via, metadata_match=picked.entry.via.metadata_match)
    request = stream.request
    assert request is not None
    found = dialled.pod.proxy is not None and dialled.pod.proxy.cluster(picked.cluster) is not None
    stream = evolve(
        stream, entry=picked.entry, drawn=picked.drawn, cluster=picked.cluster if found else "", attempts=_attempt(at)
    )
    request = evolve(request, headers=counted_to(request.headers, _attempt(at)))
    return picked, AtCluster(
        dialled.pod,
        picked.cluster,
        via,
        dialled.connection,
        Conversation(request.version, request=request),
        dialled.alpn_override,
        picked.drawn.residues,
        dialled.hop,
        dialled.frames,
        dialled.progress,
        stream,
        at.tried,
    )


def _via(at: AtRefresh) -> RouteAction:
    assert isinstance(at.dialled.via, RouteAction)
    return at.dialled.via


def _action(at: AtRefresh) -> RouteAction:
    """The route's own, with all that it may choose from."""
    route = at.stream.route
    assert route is not None and isinstance(route.action, RouteAction)
    return route.action


def _attempt(at: AtRefresh) -> int:
    return len(at.tried.endpoints) + 1


def _pot(at: AtRefresh) -> tuple[Weighed, Drawn]:
    proxy = at.dialled.pod.proxy
    runtime = proxy.runtime if proxy is not None else NO_RUNTIME
    return pot_after(at.stream.entry, at.stream.drawn, _action(at), runtime)


def _by_weight(at: AtRefresh, chooser: Chooser) -> Refreshed:
    pot, drawn = _pot(at)
    site = f"{at.dialled.hop}/cluster/{_attempt(at)}"
    entry, drawn = draw_again(pot, site, _action(at), drawn, chooser)
    return Refreshed(_named(at, entry), entry, drawn)


def _named(at: AtRefresh, entry: WeightedCluster) -> str:
    return cluster_name(_action(at), entry, as_held(at.stream, at.dialled, _via(at)))


def _by_specifier(at: AtRefresh, chooser: Chooser) -> Refreshed:
    """Where it names none, the cluster stays."""
    specifier = _via(at).specifier
    assert specifier is not None
    request = as_held(at.stream, at.dialled, _via(at))
    if specifier.is_open(request):
        chooser.assume(because("router.specifier-open", specifier.place, route=_via(at).name, plugin=specifier.name))
    return Refreshed(specifier.cluster(request) or _before(at), None, at.stream.drawn)


def _before(at: AtRefresh) -> str:
    return (at.dialled.through or at.dialled.cluster).name


def explain(_mesh: Mesh, at: AtRefresh, picked: Refreshed) -> Decision:
    again = picked
    candidates: tuple[Candidate, ...]
    if picked.entry is None:
        specifier = _via(at).specifier
        assert specifier is not None
        request = as_held(at.stream, at.dialled, _via(at))
        again = Refreshed(specifier.cluster(request) or _before(at), None, at.stream.drawn)
        candidates = specifier.explain(request)
        code = "refresh.by-specifier" if specifier.cluster(request) else "refresh.kept"
        reason = because(code, specifier.place, cluster=again.cluster, plugin=specifier.name)
    else:
        pot, drawn = _pot(at)
        again = Refreshed(_named(at, picked.entry), picked.entry, evolve(drawn, residues=picked.drawn.residues))
        candidates = _rows(at, pot, picked.entry)
        reason = _why_drawn(again, pot, drawn)
    agree("refresh", at, picked, again)
    return Decision(
        stage="refresh",
        pod=at.dialled.pod.name,
        question=because("refresh.question", _via(at).place, route=_via(at).name, attempt=_attempt(at)),
        chosen=next((each for each in candidates if each.fate is Fate.CHOSEN), None),
        reason=reason,
        candidates=candidates,
        hop=at.dialled.hop,
    )


def _why_drawn(picked: Refreshed, pot: Weighed, drawn: Drawn) -> Reason:
    assert picked.entry is not None
    code = "refresh.another" if drawn.before else "refresh.all-again"
    return because(code, picked.entry.place, cluster=picked.cluster, left=len(pot))


def _rows(at: AtRefresh, pot: Weighed, picked: WeightedCluster) -> tuple[Candidate, ...]:
    weights = dict(pot)
    total = sum(weights.values())
    rows = []
    for entry in _action(at).weighted:
        label, chosen = entry_label(entry), entry is picked
        if entry in weights:
            check = Check("weight", f"{weights[entry]} of {total}", "R", chosen, entry.place)
        else:
            check = Check("attempts", "a cluster not tried yet", "tried", False, entry.place)
        fate = Fate.CHOSEN if chosen else Fate.FAILED
        rows.append(Candidate(label, "weighted_cluster", fate, (check,), entry.place, "" if chosen else check.what))
    return tuple(rows)


STAGE = Stage("refresh", AtRefresh, decide, explain, nothing_to_describe)
