"""What a filter's configured header values may ask."""

from __future__ import annotations

from ..format_strings import FormatFacts
from .base import FilterFacts


def format_facts(facts: FilterFacts) -> FormatFacts:
    name = facts.route.name if facts.route is not None else ""
    return FormatFacts(facts.request, facts.connection, name, facts.metadata, facts.filter_state)
