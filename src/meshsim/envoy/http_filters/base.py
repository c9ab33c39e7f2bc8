"""What an HTTP filter is to a walk: it lets a request pass (and may change it), answers it, or leaves that open.

Filters return data and choose nothing: what is open becomes a choice in the filters stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Protocol, runtime_checkable

from attrs import define, evolve, field, frozen

from ...explanation import Candidate
from ...facts.answer import Answer
from ...facts.connection import Connection
from ...facts.request import Headers, Request
from ...place import Place
from ...reasons import Reason
from ..format_operators import FormatFacts
from ..header_mutations import MutationLevel
from ..per_filter import PerFilter
from ..routes import Route
from ..runtime import NO_RUNTIME, Runtime
from .progress import FilterState, Metadata
from .response import STATUS, Memories, Response


@define(eq=False)
class FilterFacts:
    """What a filter may ask: the request as the filters before left it, and what they wrote down."""

    request: Request
    connection: Connection
    route: Route | None
    """The route of the moment: chosen before the first filter, and again where a filter clears the choice."""
    metadata: Metadata = field(factory=dict)
    """Dynamic metadata: namespace -> struct."""
    filter_state: FilterState = field(factory=dict)
    has_cluster: Callable[[str], bool | None] = lambda _name: None
    """Whether Envoy has that cluster; None where nobody can say."""
    runtime: Runtime = NO_RUNTIME
    ignore_path_parameters: bool = False
    """What the route configuration says of `;…` in paths."""
    filter_state_known: bool = True
    """Whether no filter before may have written what nobody can tell."""
    cluster: str = ""
    """Of a filter towards the upstream."""
    attempts: int = 0
    upstream: str = ""
    """Which way a filter towards the upstream looks: request or response."""
    find_cluster: Callable[[], str] = lambda: ""
    """The cluster of the route at hand; empty where Envoy has none of that name."""
    name_cluster: Callable[[], str] = lambda: ""
    """The same, whether Envoy has it or not."""
    answer: FormatFacts | None = None
    """Of the response on its way back: what operators may ask then."""
    memories: Memories = field(factory=dict)
    service_cluster: str | None = None
    """node.cluster of the proxy; None: nothing says it."""
    beside: Sequence[ActsOnResponses] = ()
    """On the way back: every filter of the stream that acts on responses, first to last."""

    @property
    def joins_header_values(self) -> bool:
        """As before Envoy 1.39."""
        return not self.runtime.guard("match_headers_individually")

    def after(self, change: Change) -> FilterFacts:
        """What the next filter may ask."""
        return FilterFacts(
            self.request if change.request is None else change.request,
            self.connection,
            self.route,
            self.metadata if change.metadata is None else change.metadata,
            self.filter_state if change.filter_state is None else change.filter_state,
            self.has_cluster,
            self.runtime,
            self.ignore_path_parameters,
            self.filter_state_known,
            self.cluster,
            self.attempts,
            self.upstream,
            self.find_cluster,
            self.name_cluster,
            self.answer,
            {**self.memories, **change.memories} if change.memories else self.memories,
            self.service_cluster,
        )


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
    added: Headers = field(factory=dict)
    """Come to the headers that the route's mutations wrote; `headers` take the place of those."""
    additions: tuple[MutationLevel, ...] = ()
    """Made to the reply's headers behind those of the route."""
    in_grpc_form: bool = False
    """Of a status that is not known: whether it is a local reply, which a gRPC client gets as 200."""
    metadata: Metadata | None = None
    """Dynamic metadata as the filter left it; None: as it was."""
    plain: bool = False
    """Headers only, as the filter wrote them: none of a local reply's gRPC form, and route mutations do not apply."""
    held_ms: float = 0
    """How long the filter kept the request before it answered."""
    behind: Change | None = None
    """What other filters had done before, where several act as one."""
    memories: Memories = field(factory=dict)


@frozen(eq=False)
class Change:
    """The filter lets the request pass, changed. None, or empty: that is left as it was."""

    why: Reason | None
    """None: all it did was to note what it came to."""
    request: Request | None = None
    metadata: Metadata | None = None
    filter_state: FilterState | None = None
    flags: tuple[str, ...] = ()
    """Response flags the log will show."""
    clears_route: bool = False
    host: str | None = None
    """ip:port that the request is to go to."""
    strict_host: bool = False
    body_limit: int | None = None
    """How many bytes of a body are kept from now on."""
    memories: Memories = field(factory=dict)
    held_ms: float = 0
    """How long the filter keeps the request before it goes on."""


@frozen(eq=False)
class Option:
    name: str
    share: Fraction | None
    verdict: Reply | Change | None
    """None: the request passes as it is."""

    @property
    def reply(self) -> Reply | None:
        """None: the request passes, changed or not."""
        return self.verdict if isinstance(self.verdict, Reply) else None


@frozen(eq=False)
class Open:
    """Configuration leaves it open; shares of None: it cannot say how often."""

    what: Reason
    options: tuple[Option, ...]
    default: int | None = None
    answered: Callable[[Answer], Option] | None = None
    """What a stated answer of the one who decides comes to; None: nobody beyond the proxy does."""
    waits: bool = False
    """Whether the request stands still until somebody answers."""


Verdict = Reply | Change | Open | None
"""None: the request passes as it is."""


class Behaviour(Protocol):
    """How one kind of filter acts."""

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        """`own` is the most specific per-filter configuration of the route, None where there is none."""
        ...


@runtime_checkable
class WithCandidates(Protocol):
    """A behaviour that chooses among candidates of its own, such as policies."""

    def candidates(self, facts: FilterFacts, own: PerFilter | None, option: int | None) -> tuple[Candidate, ...]:
        """`option` is the one that was taken where the filter left it open."""
        ...


@runtime_checkable
class ActsOnResponses(Protocol):
    """A behaviour that also changes responses, the proxy's own replies included."""

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """`seen`: whether the request came as far as this filter."""
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
    _responder: ActsOnResponses | None = field(init=False, repr=False)
    """The behaviour, where it also acts on responses; asked once, since asking a protocol is dear."""

    @_responder.default
    def _find_responder(self) -> ActsOnResponses | None:
        return self.behaviour if isinstance(self.behaviour, ActsOnResponses) else None

    def ask(self, facts: FilterFacts, decider: Route | None) -> Verdict:
        """`decider` is the route by which Envoy decided which filters of the chain run."""
        if self.behaviour is None or self.is_off(decider):
            return None
        return self.behaviour.ask(facts, self._own(facts.route))

    def candidates(self, facts: FilterFacts, decider: Route | None, option: int | None) -> tuple[Candidate, ...]:
        """What the filter itself chose among; empty where it is off."""
        if self.is_off(decider) or not isinstance(self.behaviour, WithCandidates):
            return ()
        return self.behaviour.candidates(facts, self._own(facts.route), option)

    @property
    def acts_on_responses(self) -> bool:
        return self._responder is not None

    def is_off(self, decider: Route | None) -> bool:
        own = self._own(decider)
        return self.disabled if own is None else own.disabled

    def _own(self, route: Route | None) -> PerFilter | None:
        return route.per_filter.get(self.name) if route is not None else None

    def respond(self, facts: FilterFacts, decider: Route | None, response: Response, *, seen: bool) -> Response:
        if self._responder is None or self.is_off(decider):
            return response
        return self._responder.respond(facts, self._own(facts.route), response, seen=seen)

    def responder(self, decider: Route | None) -> ActsOnResponses | None:
        """None: it is off, or acts on requests only."""
        return None if self._responder is None or self.is_off(decider) else self._responder


NONE_REACHED = -1
"""Of a request that was answered before the first filter."""


@frozen(eq=False)
class ResponsePath:
    """The filters on the way back of one stream, and what they know of it."""

    filters: Sequence[HttpFilter]
    facts: FilterFacts
    decider: Route | None
    reached: int | None = None
    """The request came as far as this filter; None: it passed them all."""

    def passed(self, response: Response, answer: FormatFacts) -> Response:
        """A reply after every filter, last to first; `:status` is one of the headers they see."""
        last = len(self.filters) if self.reached is None else self.reached
        responders = (each.responder(self.decider) for each in self.filters)
        beside = tuple(each for each in responders if each is not None)
        facts = evolve(self.facts, beside=beside, answer=answer)
        response = evolve(response, headers={STATUS: (str(response.status),), **response.headers})
        for index in reversed(range(len(self.filters))):
            response = self.filters[index].respond(facts, self.decider, response, seen=index <= last)
        headers = dict(response.headers)
        return evolve(response, lacks_status=headers.pop(STATUS, None) is None, headers=headers)
