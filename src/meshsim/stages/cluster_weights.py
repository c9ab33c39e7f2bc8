"""Which of its weighted clusters a route takes: by a header, by a hash, or by the stream's random value. Not a stage.

Envoy picks when it looks the route up, before the filters: an entry may carry filter configuration of its own.
envoyproxy/envoy source/common/router/weighted_cluster_specifier.cc (pickWeightedCluster).
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from ..choices import Choice, Chooser
from ..envoy.hash_policy import NOTHING, Hashed, hash_of
from ..envoy.route_actions import RouteAction, WeightedCluster
from ..envoy.runtime import NO_RUNTIME, Runtime
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
    weighted = _weighed(at, action, chooser)
    if not weighted:
        return None, at.residues
    if len(weighted) == 1:
        return weighted[0][0], at.residues
    bounds = tuple(pairwise(accumulate((weight for _entry, weight in weighted), initial=0)))
    total = bounds[-1][1]
    hashed = _hashed(at, action)
    stated = stated_value(action, at.request) if hashed.value is None else hashed.value
    if stated is not None:
        index = next(index for index, (_start, stop) in enumerate(bounds) if stated % total < stop)
        return weighted[index][0], at.residues
    choice = Choice(
        f"{at.hop}/cluster",
        because("router.weights-open", action.weighted_place, route=action.name),
        tuple(entry_label(entry) for entry, _weight in weighted),
        (None,) * len(weighted),
        action.weighted_place,
    )
    if hashed.unknown is not None:
        # Which value the hash has nobody stated; that it is the same every time, nobody's choice.
        default = max(range(len(weighted)), key=lambda index: weighted[index][1])
        what = because("router.weights-by-hash", action.weighted_place, route=action.name, policy=hashed.unknown)
        index = chooser.pick(Choice(choice.site, what, choice.options, choice.shares, choice.place, default))
        return weighted[index][0], at.residues
    index, residues = chooser.pick_residue(choice, at.residues, total, bounds)
    return weighted[index][0], residues


def _weighed(at: AtFilters | AtRouter, action: RouteAction, chooser: Chooser) -> Weighed:
    """Those with a weight above zero."""
    if not action.weighted:
        return ()
    runtime = runtime_of(at)
    if action.runtime_key_prefix:
        for entry in action.weighted:
            doubt = runtime.doubt(f"{action.runtime_key_prefix}.{entry.name}")
            if doubt is not None:
                chooser.assume(doubt)
    weights = action.weights(runtime)
    return tuple((entry, weight) for entry, weight in zip(action.weighted, weights, strict=True) if weight)


def _hashed(at: AtFilters | AtRouter, action: RouteAction) -> Hashed:
    """What use_hash_policy takes in place of the random value; nothing where the policies find nothing to hash."""
    if not action.weight_policies:
        return NOTHING
    return hash_of(action.weight_policies, at.connection, at.request, at.progress.filter_state)


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
