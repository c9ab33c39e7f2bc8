"""What a policy may ask: the connection, and over HTTP the request, its route and what filters wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ...facts.connection import Connection
from ...facts.request import Request

Metadata = Mapping[str, Mapping[str, Any]]


@define(eq=False)
class RbacFacts:
    connection: Connection
    request: Request
    """Over plain TCP an empty one: it has no headers and no path."""
    source: int
    """Who the connection is from, as listener filters left it; x-forwarded-for does not count."""
    path: str | None = None
    """As `url_path` sees it; None where there is none."""
    metadata: Metadata = field(factory=dict)
    """Dynamic metadata: namespace -> struct."""
    filter_state: Mapping[str, str] = field(factory=dict)
    filter_state_known: bool = False
    """Whether nobody else can have written filter state."""
    joins_header_values: bool = False
    """Many values of a header are tested as one, as Envoy once did."""
    route_metadata: Metadata | None = None
    """None: there is no route."""


NO_REQUEST = Request("", "", None, "", {})
