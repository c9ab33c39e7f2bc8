"""One HTTP stream as its connection manager sees it: what shapes a reply that the proxy makes itself."""

from __future__ import annotations

from attrs import frozen

from ..facts.connection import Connection
from ..facts.request import Request
from .format_operators import FormatFacts
from .http_filters.progress import FRESH, Progress
from .network_filters.hcm import HttpConnectionManager
from .routes import Route
from .vhosts import VirtualHost

_NOTHING_DECODED = Request("", "", None, "", {})


@frozen
class Stream:
    manager: HttpConnectionManager
    connection: Connection
    request: Request | None
    """After normalisation; of what was refused before, as it was decoded; None: nothing was decoded."""
    route: Route | None = None
    """None: none was looked for, or none was found."""
    vhost: VirtualHost | None = None
    cluster: str = ""
    """Where the route's request would go, once that cluster is found."""
    attempts: int = 0
    """Begun before the reply."""
    progress: Progress = FRESH
    """What the filters have left behind."""

    def format_facts(self, *, details: str = "", flags: tuple[str, ...] = (), body: str | None = "") -> FormatFacts:
        """What command operators may ask while a reply is being made."""
        route = self.route
        return FormatFacts(
            self.request or _NOTHING_DECODED,
            self.connection,
            route.name if route is not None else "",
            cluster=self.cluster,
            details=details,
            flags=flags,
            body=body,
            route_metadata=route.metadata if route is not None else {},
            vhost_metadata=self.vhost.around.metadata if self.vhost is not None else {},
            attempts=self.attempts,
            metadata=self.progress.metadata,
            filter_state=self.progress.filter_state,
        )
