"""The override_host load balancing policy: a request says itself which endpoint it goes to.

Semantics of envoyproxy/envoy source/extensions/load_balancing_policies/override_host/load_balancer.cc: the first source
that gives an address of the cluster decides; else the policy below does.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..config.view import View
from ..facts.request import Request
from .endpoints import Endpoint


@frozen(eq=False)
class HostOverride:
    headers: tuple[str, ...]
    """Lower case, in the order in which they are read."""
    reads_metadata: bool
    """Whether dynamic metadata, which nobody here knows, is asked first or between."""

    def stated(self, request: Request | None) -> tuple[str, ...]:
        """The addresses that the request names, the preferred one first."""
        for name in self.headers:
            values = request.values(name) if request is not None else ()
            found = tuple(part.strip() for part in values[0].split(",")) if values else ()
            if any(found):
                return found
        return ()


def taken(wanted: Sequence[str], endpoints: Sequence[Endpoint]) -> Endpoint | None:
    """The first that is an endpoint of the cluster."""
    known = {endpoint.name: endpoint for endpoint in reversed(endpoints)}
    return next((known[name] for name in wanted if name in known), None)


def compile_host_override(view: View) -> HostOverride:
    sources = view.views("override_host_sources")
    names = tuple(source.text("header", "").lower() for source in sources)
    return HostOverride(
        headers=tuple(name for name in names if name),
        reads_metadata=any(source.has("metadata") for source in sources),
    )
