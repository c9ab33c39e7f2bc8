"""What an HTTP filter is to a walk: something that lets a request pass, answers it, or leaves that open.

Filters return data and choose nothing: what is open becomes a choice in the filters stage.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from attrs import define, field, frozen

from ...facts.connection import Connection
from ...facts.request import Headers, Request
from ...place import Place
from ...reasons import Reason
from ..per_filter import PerFilter
from ..routes import Route
from ..runtime import NO_RUNTIME, Runtime


@define(eq=False)
class FilterFacts:
    """What a filter may ask. The route was chosen before the first filter."""

    request: Request
    connection: Connection
    route: Route | None
    runtime: Runtime = NO_RUNTIME


@frozen(eq=False)
class Reply:
    """The filter answers. A status of None: what it would say is not known."""

    why: Reason
    status: int | None
    details: str | None
    flags: tuple[str, ...] = ()
    body: str = ""
    headers: Headers = field(factory=dict)
    grpc_status: int | None = None


@frozen(eq=False)
class Option:
    name: str
    share: Fraction | None
    reply: Reply | None
    """None: the request passes."""


@frozen(eq=False)
class Open:
    """Configuration leaves it open; shares of None: it cannot say how often."""

    what: Reason
    options: tuple[Option, ...]
    default: int | None = None


Verdict = Reply | Open | None
"""None: the request passes."""


class Behaviour(Protocol):
    """How one kind of filter acts."""

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        """`own` is the most specific per-filter configuration of the route, None where there is none."""
        ...


@frozen(eq=False)
class HttpFilter:
    name: str
    label: str
    """The name, with `#2` and so on where earlier filters of the chain have the same."""
    type_name: str
    """Such as envoy.extensions.filters.http.fault.v3.HTTPFault; empty when nothing says it."""
    place: Place
    behaviour: Behaviour | None
    """None: the request always passes, and where it goes does not change."""
    terminal: bool
    disabled: bool
    """Off unless a per-filter configuration switches it on."""

    def ask(self, facts: FilterFacts) -> Verdict:
        if self.behaviour is None:
            return None
        own = facts.route.per_filter.get(self.name) if facts.route is not None else None
        if own.disabled if own is not None else self.disabled:
            return None
        return self.behaviour.ask(facts, own)
