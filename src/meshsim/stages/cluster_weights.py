"""Which of its weighted clusters a route takes. Not a stage.

Envoy picks when it looks the route up, before the filters: an entry may carry filter configuration of its own.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from ..choices import Choice, Chooser
from ..envoy.route_actions import RouteAction, WeightedCluster
from ..envoy.runtime import NO_RUNTIME, Runtime
from ..facts.request import Request
from ..facts.residues import Residues
from ..reasons import because
from ..states import AtFilters, AtRouter


def pick_entry(
    at: AtFilters | AtRouter, action: RouteAction, chooser: Chooser
) -> tuple[WeightedCluster | None, Residues]:
    if not action.weighted:
        return None, at.residues
    runtime = runtime_of(at)
    weighted = [
        (entry, weight) for entry, weight in zip(action.weighted, action.weights(runtime), strict=True) if weight
    ]
    if action.runtime_key_prefix:
        for entry in action.weighted:
            doubt = runtime.doubt(f"{action.runtime_key_prefix}.{entry.name}")
            if doubt is not None:
                chooser.assume(doubt)
    if not weighted:
        return None, at.residues
    entries = tuple(entry for entry, _weight in weighted)
    if len(entries) == 1:
        return entries[0], at.residues
    ends = tuple(accumulate((weight for _entry, weight in weighted), initial=0))
    choice = Choice(
        f"{at.hop}/cluster",
        because("router.weights-open", action.weighted_place, route=action.name),
        tuple(entry_label(entry) for entry in entries),
        (None,) * len(entries),
        action.weighted_place,
    )
    index, residues = chooser.pick_residue(choice, at.residues, ends[-1], tuple(pairwise(ends)))
    return entries[index], residues


def runtime_of(at: AtFilters | AtRouter) -> Runtime:
    return at.pod.proxy.runtime if at.pod.proxy is not None else NO_RUNTIME


def entry_label(entry: WeightedCluster) -> str:
    return entry.name or f"header {entry.cluster_header}"


def cluster_name(action: RouteAction, entry: WeightedCluster | None, request: Request) -> str:
    """The cluster a route names for the request by which it was looked up; empty where the header for it is absent."""
    if entry is not None and entry.name:
        return entry.name
    header = entry.cluster_header if entry is not None else action.cluster_header
    if header is None:
        return action.cluster or ""
    values = request.values(header.lower())
    return values[0] if values else ""
