"""One HTTP stream as its connection manager sees it: what shapes a reply that the proxy makes itself."""

from __future__ import annotations

from attrs import field, frozen

from ..facts.connection import Connection
from ..facts.request import Request
from ..facts.residues import Residues
from .format_operators import FormatFacts
from .http_filters.progress import FRESH, Progress
from .network_filters.hcm import HttpConnectionManager
from .route_actions import WeightedCluster
from .routes import Route
from .vhosts import VirtualHost

NOTHING_DECODED = Request("", "", None, "", {})
"""What a reply sees of a request that its codec refused."""


@frozen
class Drawn:
    """By what a weighted cluster was drawn, for a retry that draws another one."""

    value: int | None = None
    """Of a header or a hash; None: the stream's random value."""
    unknown: str | None = None
    """The hash policy whose value nobody stated."""
    residues: Residues = field(factory=Residues)
    """What is known of the random value."""
    before: tuple[WeightedCluster, ...] = ()
    """Entries that are left out: those that were drawn before the one in force, since all were in the pot."""


NOT_DRAWN = Drawn()


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
    entry: WeightedCluster | None = None
    """The weighted cluster that its route stands for by now; None: the route has none."""
    drawn: Drawn = NOT_DRAWN

    def format_facts(self, *, details: str = "", flags: tuple[str, ...] = (), body: str | None = "") -> FormatFacts:
        """What command operators may ask while a reply is being made."""
        route = self.route
        return FormatFacts(
            self.request or NOTHING_DECODED,
            self.connection,
            route.name if route is not None else "",
            cluster=self.cluster,
            details=details,
            flags=tuple(dict.fromkeys((*self.progress.flags, *flags))),
            body=body,
            route_metadata=route.metadata if route is not None else {},
            vhost_metadata=self.vhost.around.metadata if self.vhost is not None else {},
            attempts=self.attempts,
            metadata=self.progress.metadata,
            filter_state=self.progress.filter_state,
        )
