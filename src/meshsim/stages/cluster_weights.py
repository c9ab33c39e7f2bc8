"""Which of its weighted clusters a route takes: by a header, by a hash, or by the stream's random value. Not a stage.

Envoy picks when it looks the route up, before the filters: an entry may carry filter configuration of its own.
envoyproxy/envoy source/common/router/weighted_cluster_specifier.cc (pickWeightedCluster).
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from attrs import evolve

from ..choices import Choice, Chooser
from ..envoy.hash_policy import NOTHING, hash_of
from ..envoy.route_actions import RouteAction, WeightedCluster
from ..envoy.runtime import NO_RUNTIME, Runtime
from ..envoy.stream import Drawn
from ..envoy.whole_numbers import whole_number
from ..facts.request import Request
from ..facts.residues import Residues
from ..reasons import because
from ..states import AtFilters, AtRouter

Weighed = tuple[tuple[WeightedCluster, int], ...]


def pick_entry(
    at: AtFilters | AtRouter, action: RouteAction, chooser: Chooser
) -> tuple[WeightedCluster | None, Residues]:
    """The entry, and what is then known of the random value."""
    if not action.weighted:
        return None, at.residues
    runtime = runtime_of(at)
    assume_weights(action, runtime, chooser)
    pot = _weighed(action, runtime)
    if not pot:
        return None, at.residues
    return _draw(pot, f"{at.hop}/cluster", action, drawn_by(at, action, at.request, at.residues), chooser)


def drawn_by(at: AtFilters | AtRouter, action: RouteAction, request: Request, residues: Residues) -> Drawn:
    """What decides; `request` is the one by which the route was looked up."""
    hashed = NOTHING
    if action.weight_policies:
        # Takes the place of the random value, unless the policies find nothing to hash.
        hashed = hash_of(action.weight_policies, at.connection, request, at.progress.filter_state)
    value = stated_value(action, request) if hashed.value is None else hashed.value
    return Drawn(value, hashed.unknown, residues)


def pot_after(
    entry: WeightedCluster | None, drawn: Drawn, action: RouteAction, runtime: Runtime
) -> tuple[Weighed, Drawn]:
    """What a retry draws from: entries that were not drawn yet, and all of them again once none is left.

    RetryPolicy.refresh_cluster_on_retry, observed on Envoy 1.40.
    """
    everyone = _weighed(action, runtime)
    before = drawn.before if entry is None else (*drawn.before, entry)
    left = tuple(pair for pair in everyone if pair[0] not in before)
    return (left, evolve(drawn, before=before)) if left else (everyone, evolve(drawn, before=()))


def draw_again(
    pot: Weighed, site: str, action: RouteAction, drawn: Drawn, chooser: Chooser
) -> tuple[WeightedCluster, Drawn]:
    """By the same value as the first time, over the weights that are in the pot."""
    entry, residues = _draw(pot, site, action, drawn, chooser)
    return entry, evolve(drawn, residues=residues)


def _draw(
    weighted: Weighed, site: str, action: RouteAction, drawn: Drawn, chooser: Chooser
) -> tuple[WeightedCluster, Residues]:
    if len(weighted) == 1:
        return weighted[0][0], drawn.residues
    bounds = tuple(pairwise(accumulate((weight for _entry, weight in weighted), initial=0)))
    total = bounds[-1][1]
    if drawn.value is not None:
        index = next(index for index, (_start, stop) in enumerate(bounds) if drawn.value % total < stop)
        return weighted[index][0], drawn.residues
    choice = Choice(
        site,
        because("router.weights-open", action.weighted_place, route=action.name),
        tuple(entry_label(entry) for entry, _weight in weighted),
        (None,) * len(weighted),
        action.weighted_place,
    )
    if drawn.unknown is not None:
        # Which value the hash has nobody stated; that it is the same every time, nobody's choice.
        default = max(range(len(weighted)), key=lambda index: weighted[index][1])
        what = because("router.weights-by-hash", action.weighted_place, route=action.name, policy=drawn.unknown)
        index = chooser.pick(Choice(choice.site, what, choice.options, choice.shares, choice.place, default))
        return weighted[index][0], drawn.residues
    index, residues = chooser.pick_residue(choice, drawn.residues, total, bounds)
    return weighted[index][0], residues


def assume_weights(action: RouteAction, runtime: Runtime, chooser: Chooser) -> None:
    """Runtime values that no input shows may replace the weights."""
    for entry in action.weighted if action.runtime_key_prefix else ():
        doubt = runtime.doubt(f"{action.runtime_key_prefix}.{entry.name}")
        if doubt is not None:
            chooser.assume(doubt)


def _weighed(action: RouteAction, runtime: Runtime) -> Weighed:
    """Those with a weight above zero."""
    weights = action.weights(runtime)
    return tuple((entry, weight) for entry, weight in zip(action.weighted, weights, strict=True) if weight)


def stated_value(action: RouteAction, request: Request) -> int | None:
    """The number in header_name, where it stands there once and is one; None: the random value decides."""
    values = request.values(action.weight_header) if action.weight_header else ()
    return whole_number(values[0]) if len(values) == 1 else None


def runtime_of(at: AtFilters | AtRouter) -> Runtime:
    return at.pod.proxy.runtime if at.pod.proxy is not None else NO_RUNTIME


def entry_label(entry: WeightedCluster) -> str:
    return entry.name or f"header {entry.cluster_header}"


def cluster_name(action: RouteAction, entry: WeightedCluster | None, request: Request) -> str:
    """The cluster a route names for the request by which it was looked up; empty where header or matcher name none."""
    if action.specifier is not None:
        return action.specifier.cluster(request)
    if entry is not None and entry.name:
        return entry.name
    header = entry.cluster_header if entry is not None else action.cluster_header
    if header is None:
        return action.cluster or ""
    values = request.values(header.lower())
    return values[0] if values else ""
