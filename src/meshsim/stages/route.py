"""route: the first route of the virtual host whose conditions all hold."""

from __future__ import annotations

from ..choices import Choice, Chooser
from ..envoy.paths import PER_SEGMENT, without_parameters, without_query
from ..envoy.route_matches import RouteFacts
from ..envoy.routes import Route
from ..envoy.runtime import NO_RUNTIME
from ..explanation import Decision, Fate
from ..facts.residues import Residues
from ..istio.names import parse_config_path
from ..mesh import Mesh
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtFilters, AtRoute, State
from .stage import Stage, agree

_FRACTION = "runtime_fraction"


def decide(_mesh: Mesh, at: AtRoute, chooser: Chooser) -> tuple[Route | None, State]:
    facts = _facts(at)
    residues = at.progress.residues

    def ask(route: Route) -> bool:
        nonlocal residues
        if route.fraction is not None:
            fraction = route.fraction.of(facts.runtime)
            if fraction[0] < fraction[1]:
                taken, residues = _ask_fraction(at, route, fraction, chooser, residues)
                if not taken:
                    return False
        unknown = _unknown_conditions(route, facts)
        return not unknown or _ask_matcher(at, route, unknown, chooser)

    route = at.vhost.routes.pick(facts, ask)
    if route is not None:
        for reason in route.unmodelled:
            chooser.assume(reason)
        doubt = facts.runtime.doubt(route.fraction.key) if route.fraction is not None else None
        if doubt is not None:
            chooser.assume(doubt)
    return route, AtFilters(
        at.pod,
        at.hcm,
        at.vhost,
        route,
        at.connection,
        at.request,
        residues,
        at.hop,
        at.frames,
        at.progress,
    )


def _facts(at: AtRoute) -> RouteFacts:
    request, proxy = at.request, at.pod.proxy
    runtime = proxy.runtime if proxy is not None else NO_RUNTIME
    if request.method == "CONNECT" and not request.path:
        return RouteFacts(request, None, at.connection, runtime)
    path = without_query(request.path)
    if at.table.ignore_path_parameters:
        path = without_parameters(path, per_segment=runtime.guard(PER_SEGMENT))
    return RouteFacts(request, path, at.connection, runtime)


def _unknown_conditions(route: Route, facts: RouteFacts) -> list[str]:
    return [each.what for each in route.conditions if each.what != _FRACTION and each.holds(facts) is None]


def _ask_fraction(
    at: AtRoute, route: Route, fraction: tuple[int, int], chooser: Chooser, residues: Residues
) -> tuple[bool, Residues]:
    numerator, denominator = fraction
    what = because("route.fraction", route.place, route=route.label, numerator=numerator, denominator=denominator)
    choice = Choice(f"{at.hop}/fraction/{route.label}", what, ("match", "no-match"), (None, None), route.place)
    bounds = ((0, numerator), (numerator, denominator))
    index, residues = chooser.pick_residue(choice, residues, denominator, bounds)
    return index == 0, residues


def _ask_matcher(at: AtRoute, route: Route, unknown: list[str], chooser: Chooser) -> bool:
    choice = Choice(
        f"{at.hop}/matcher/{route.label}",
        because("route.matcher-open", route.place, route=route.label, conditions=", ".join(unknown)),
        ("no-match", "match"),
        (None, None),
        route.place,
        0,
    )
    return chooser.pick(choice) == 1


def explain(_mesh: Mesh, at: AtRoute, picked: Route | None) -> Decision:
    facts = _facts(at)
    winner, candidates = at.vhost.routes.explain(facts, lambda route: route is picked)
    agree("route", at, picked, winner)
    path = at.request.path
    chosen = next((candidate for candidate in candidates if candidate.fate is Fate.CHOSEN), None)
    return Decision(
        stage="route",
        pod=at.pod.name,
        question=because(
            "route.question", at.vhost.place, method=at.request.method, path=path, virtual_host=at.vhost.name
        ),
        chosen=chosen,
        reason=_reason(at, winner),
        candidates=candidates,
        notes=winner.unmodelled if winner is not None else (),
        trivial=winner is not None and len(candidates) == 1,
        deciding=winner is None,
        hop=at.hop,
    )


def _reason(at: AtRoute, winner: Route | None) -> Reason:
    if winner is not None:
        return because("route.matched", winner.place, route=winner.label)
    return because(
        "route.none",
        at.vhost.place,
        path=at.request.path,
        virtual_host=at.vhost.name,
        routes=len(at.vhost.routes.rows),
    )


def describe(_mesh: Mesh, at: AtRoute, picked: Route | None, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    hop.route = picked.name or None if picked is not None else None
    if picked is None:
        return
    if picked.origin is not None:
        hop.origin = {**hop.origin, "route": parse_config_path(picked.origin) or picked.origin}


STAGE = Stage("route", AtRoute, decide, explain, describe)
