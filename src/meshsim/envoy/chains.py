"""Filter chains: what each asks for, its transport socket and its network filters; and which chain takes a connection.

Follows envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc. Compiled when first asked for.
"""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, evolve, field

from ..config.view import View
from ..explanation import Candidate, Fate
from ..facts.connection import Connection
from ..match.sieve import Ask, Sieve
from ..place import Place
from ..reasons import Reason, because
from .downstream_tls import DownstreamTlsContext, compile_downstream_tls
from .filter_chain_match import MATCH_FIELDS, compile_keys, levels
from .network_filters import compile_network_filters
from .network_filters.base import NetworkFilter
from .unmodelled import unmodelled_fields

_KNOWN = frozenset(
    {
        "name",
        "filter_chain_match",
        "filters",
        "transport_socket",
        "tls_context",
        "transport_socket_connect_timeout",
        "use_proxy_proto",
        "metadata",
    }
)
_MATCH_KNOWN = frozenset(MATCH_FIELDS)
_TLS_TYPES = frozenset(
    {
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "type.googleapis.com/envoy.api.v2.auth.DownstreamTlsContext",
    }
)
_PLAIN_TYPES = frozenset({"type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"})
_TAP_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap"


@define(eq=False)
class FilterChain:
    """One filter chain; a row of the sieve."""

    name: str
    """"" when the configuration gives none."""
    label: str
    """The name, or where it stands in its listener."""
    place: Place
    keys: tuple[tuple[Hashable, ...], ...]
    _view: View
    is_default: bool = False
    unmodelled_match: tuple[Reason, ...] = ()
    _filters: tuple[NetworkFilter, ...] | None = field(default=None, init=False)
    _transport: tuple[DownstreamTlsContext | None, Reason | None] | None = field(default=None, init=False)
    _unmodelled: tuple[Reason, ...] | None = field(default=None, init=False)

    @property
    def filters(self) -> tuple[NetworkFilter, ...]:
        if self._filters is None:
            self._filters = compile_network_filters(self._view)
        return self._filters

    @property
    def tls(self) -> DownstreamTlsContext | None:
        """What the chain asks of a TLS client; None: it speaks plaintext."""
        return self._transport_socket()[0]

    @property
    def unmodelled_transport(self) -> Reason | None:
        """A transport socket of a kind that is not modelled; the bytes are then taken as they come."""
        return self._transport_socket()[1]

    @property
    def transport_socket_connect_timeout_ms(self) -> int | float:
        """0: a client that never begins its handshake may stay."""
        return self._view.duration_ms("transport_socket_connect_timeout", 0)

    @property
    def unmodelled(self) -> tuple[Reason, ...]:
        if self._unmodelled is None:
            self._unmodelled = unmodelled_fields(self._view, _KNOWN, self.label)
        return self._unmodelled

    def place_of(self, what: str) -> Place:
        """Where a condition of the match stands."""
        match = self._view.view("filter_chain_match")
        return match.place_of(what) if match is not None else self.place

    def _transport_socket(self) -> tuple[DownstreamTlsContext | None, Reason | None]:
        if self._transport is None:
            old = self._view.view("tls_context")
            if old is not None:
                self._transport = compile_downstream_tls(old), None
            else:
                self._transport = _compile_transport_socket(self._view.view("transport_socket"), self.label)
        return self._transport


def _compile_transport_socket(view: View | None, label: str) -> tuple[DownstreamTlsContext | None, Reason | None]:
    if view is None:
        return None, None
    name = view.text("name", "")
    typed = view.extension()
    type_url = typed.type_url if typed is not None else ""
    if typed is not None and type_url == _TAP_TYPE:
        return _compile_transport_socket(typed.view.view("transport_socket"), label)
    if typed is not None and type_url in _TLS_TYPES:
        return compile_downstream_tls(typed.view), None
    config = view.view("config")
    if typed is None and config is not None and name in ("envoy.transport_sockets.tls", "tls"):
        return compile_downstream_tls(config), None
    if type_url in _PLAIN_TYPES or name in ("envoy.transport_sockets.raw_buffer", "raw_buffer"):
        return None, None
    return None, because("chain.transport-socket-not-modelled", view.place, chain=label, type=type_url or name)


class ChainTable:
    """The chains of one listener."""

    __slots__ = ("chains", "default", "matcher_place", "sieve", "unmodelled")

    def __init__(
        self, chains: tuple[FilterChain, ...], default: FilterChain | None, matcher_place: Place | None
    ) -> None:
        self.chains = chains
        self.default = default
        self.matcher_place = matcher_place
        """Where a filter_chain_matcher stands, which makes every filter_chain_match void."""
        self.sieve: Sieve[FilterChain, Connection] = Sieve(
            "filter_chain",
            levels([chain.keys for chain in chains]) if matcher_place is None else (),
            chains if matcher_place is None else (),
        )
        self.unmodelled = tuple(reason for chain in chains for reason in chain.unmodelled_match)

    def pick(self, connection: Connection, ask: Ask[FilterChain]) -> FilterChain | None:
        """The chain, the default chain where none matches, or None. `ask` answers where the chain is open."""
        if self.matcher_place is not None:
            options = self.options
            return options[ask(options)]
        if not self.chains:
            return self.default
        return self.sieve.pick(connection, self._or_default(ask)) or self.default

    def _or_default(self, ask: Ask[FilterChain]) -> Ask[FilterChain]:
        """Equal ranges may come to no chain at all, which means the default chain."""
        return lambda outcomes: ask(tuple(chain or self.default for chain in outcomes))

    @property
    def options(self) -> tuple[FilterChain | None, ...]:
        """What a filter_chain_matcher can come to."""
        return (*self.chains, self.default)

    def explain(
        self, connection: Connection, ask: Ask[FilterChain]
    ) -> tuple[FilterChain | None, tuple[Candidate, ...]]:
        if self.matcher_place is not None:
            options = self.options
            winner = options[ask(options)]
            made = tuple(Candidate(chain.label, "filter_chain", Fate.UNKNOWN, (), chain.place) for chain in self.chains)
        elif self.chains:
            winner, made = self.sieve.explain(connection, self._or_default(ask))
        else:
            winner, made = None, ()
        winner = winner or self.default
        if self.default is not None:
            fate = Fate.CHOSEN if winner is self.default else Fate.NOT_REACHED
            made = (*made, Candidate(self.default.label, "filter_chain", fate, (), self.default.place))
        if self.matcher_place is not None and winner is not None and winner is not self.default:
            place = winner.place
            made = tuple(evolve(each, fate=Fate.CHOSEN) if each.place == place else each for each in made)
        return winner, made


def compile_chain_table(listener: View) -> ChainTable:
    """The chains of a Listener message."""
    chains = tuple(_compile_chain(view, index) for index, view in enumerate(listener.views("filter_chains")))
    default = listener.view("default_filter_chain")
    matcher = listener.view("filter_chain_matcher")
    return ChainTable(
        chains,
        _compile_chain(default, None) if default is not None else None,
        matcher.place if matcher is not None else None,
    )


def _compile_chain(view: View, index: int | None) -> FilterChain:
    match = view.view("filter_chain_match") if index is not None else None
    name = view.text("name", "")
    label = name or ("default_filter_chain" if index is None else f"filter_chains[{index}]")
    return FilterChain(
        name=name,
        label=label,
        place=view.place,
        keys=compile_keys(match),
        view=view,
        is_default=index is None,
        unmodelled_match=unmodelled_fields(match, _MATCH_KNOWN, label) if match is not None else (),
    )
