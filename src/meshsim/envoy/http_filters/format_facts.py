"""What a filter's configured header values may ask."""

from __future__ import annotations

from ..format_operators import FormatFacts
from .base import FilterFacts


def format_facts(facts: FilterFacts) -> FormatFacts:
    if facts.answer is not None:
        return facts.answer
    route = facts.route
    return FormatFacts(
        facts.request,
        facts.connection,
        route.name if route is not None else "",
        route_metadata=route.metadata if route is not None else {},
        vhost_metadata=route.vhost_metadata if route is not None else {},
        metadata=facts.metadata,
        filter_state=facts.filter_state,
        cluster=facts.cluster or facts.find_cluster(),
        attempts=facts.attempts,
        upstream=facts.upstream,
    )
