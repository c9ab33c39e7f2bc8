"""What the HTTP filters of one stream have left behind for those after them, for routing again, and for the reply.

envoyproxy/envoy source/common/http/filter_manager.cc: the route is looked up before the first filter; a filter that
clears the route cache makes the next one ask again, with the request as it is by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from ...facts.request import Request
from ...facts.residues import Residues
from ...outcome import Ending
from ..internal_redirects import NOT_REDIRECTED, Redirected
from ..route_actions import WeightedCluster
from ..routes import Route
from .response import Memories, WayBack

Metadata = Mapping[str, Mapping[str, Any]]
"""Dynamic metadata: namespace -> its struct."""
FilterState = Mapping[str, str]
"""Key -> the object as text."""


@frozen
class Decider:
    """Who decided which filters run: Envoy makes the filter chain by the first route it finds."""

    route: Route | None


@frozen
class Progress:
    """How far a stream's filters have come. `FRESH`: none has run."""

    position: int = 0
    """Of the filter to go on with, in the chain."""
    metadata: Metadata = field(factory=dict)
    filter_state: FilterState = field(factory=dict)
    flags: tuple[str, ...] = ()
    """Response flags that the log shows whatever comes later."""
    host: str | None = None
    """ip:port that a filter wants as upstream; None: load balancing decides."""
    strict_host: bool = False
    """No other host will do."""
    residues: Residues = field(factory=Residues)
    looked_up: Request | None = None
    """The request as it was when its route was looked up; None: as it still is."""
    entry: WeightedCluster | None = None
    """The weighted cluster that was picked with the route; None: there are none."""
    decider: Decider | None = None
    """None: the route at hand."""
    redirected: Redirected = NOT_REDIRECTED
    """How often, and where to, the stream was redirected before its filters ran."""
    body_limit: int | None = None
    """How many bytes of a body a filter lets be kept; None: the connection's own limit holds."""
    held_ms: float = 0
    """How long filters have kept the request."""
    memories: Memories = field(factory=dict, eq=False)
    way_back: WayBack | None = field(default=None, eq=False)
    """Set behind the last filter, where any of them acts on responses."""


FRESH = Progress()


def passed_back(ending: Ending, progress: Progress) -> Ending:
    """A reply of the proxy's own behind its filters: with the flags they had raised."""
    if ending.kind != "replied" or not progress.flags:
        return ending
    return evolve(ending, response_flags=(*progress.flags, *ending.response_flags))


def with_metadata(before: Metadata, namespace: str, values: Mapping[str, Any]) -> Metadata:
    """The struct of a namespace merged with further values, as Envoy's setDynamicMetadata merges."""
    return {**before, namespace: merged(before.get(namespace, {}), values)}


def merged(before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, Any]:
    """Structs merge key by key, lists add up, the rest is replaced (StructUtil::update)."""
    made = dict(before)
    for key, value in after.items():
        old = made.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            made[key] = merged(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            made[key] = [*old, *value]
        else:
            made[key] = value
    return made
