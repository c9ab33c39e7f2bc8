"""One HTTP stream as its connection manager sees it: what shapes a reply that the proxy makes itself."""

from __future__ import annotations

from attrs import frozen

from ..facts.connection import Connection
from ..facts.request import Request
from .network_filters.hcm import HttpConnectionManager
from .routes import Route


@frozen
class Stream:
    manager: HttpConnectionManager
    connection: Connection
    request: Request | None
    """After normalisation; of what was refused before, as it was decoded; None: nothing was decoded."""
    route: Route | None = None
    """None: none was looked for, or none was found."""
