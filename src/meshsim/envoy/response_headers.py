"""Response header mutations of a route on replies the proxy makes itself."""

from __future__ import annotations

from attrs import evolve

from ..facts.connection import Connection
from ..facts.request import Request
from ..outcome import Ending
from .format_operators import FormatFacts
from .header_mutations import mutated
from .routes import Route


def with_response_mutations(ending: Ending, route: Route | None, request: Request, connection: Connection) -> Ending:
    """Only where a route exists: an answer without one is left as it is."""
    if route is None or not route.response_mutations:
        return ending
    facts = FormatFacts(
        request,
        connection,
        route.name,
        details=ending.response_code_details or "",
        flags=ending.response_flags,
        route_metadata=route.metadata,
        vhost_metadata=route.vhost_metadata,
    )
    headers = mutated(ending.response_headers, route.response_mutations, facts, response=True)
    location = headers.get("location")
    return evolve(ending, response_headers=headers, location=location[0] if location else None)
