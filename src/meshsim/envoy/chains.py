"""Filter chains: what each asks for, its transport socket and its network filters; and which chain takes a connection.

Follows envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc. Compiled when first asked for.
"""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, field

from ..config.view import TypedConfig, View
from ..errors import Rejected
from ..explanation import Candidate, Fate
from ..facts.connection import Connection
from ..match.sieve import Ask, Sieve
from ..match.tree import Ask as AskRow
from ..match.tree import as_decided
from ..place import Place
from ..reasons import Reason, because
from .downstream_tls import DownstreamTlsContext, compile_downstream_tls
from .filter_chain_match import MATCH_FIELDS, compile_keys, levels
from .match_tree import CompiledMatcher, Vocabulary, compile_matcher
from .message_check import refuse_malformed
from .network_filters import compile_network_filters
from .network_filters.base import NetworkFilter
from .network_inputs import NETWORK_INPUTS
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
_PLAIN_TYPES = frozenset(
    {
        "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        # plaintext until a filter that knows the protocol inside switches it over
        "type.googleapis.com/envoy.extensions.transport_sockets.starttls.v3.StartTlsConfig",
    }
)
_WRAPPERS = frozenset(
    {
        "type.googleapis.com/envoy.extensions.transport_sockets.tap.v3.Tap",
        "type.googleapis.com/envoy.extensions.transport_sockets.tcp_stats.v3.Config",
    }
)
"""Sockets around another one, which decides what is on the wire."""


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
    if typed is not None and type_url in _WRAPPERS:
        return _compile_transport_socket(typed.view.view("transport_socket"), label)
    if typed is not None and type_url in _TLS_TYPES:
        return compile_downstream_tls(typed.view), None
    config = view.view("config")
    if typed is None and config is not None and name in ("envoy.transport_sockets.tls", "tls"):
        return compile_downstream_tls(config), None
    if type_url in _PLAIN_TYPES or name in ("envoy.transport_sockets.raw_buffer", "raw_buffer"):
        return None, None
    return None, because("chain.transport-socket-not-modelled", view.place, chain=label, type=type_url or name)


def never(_row: object) -> bool:
    """Nobody to ask: a row of which nobody knows does not hold."""
    return False


class ChainTable:
    """The chains of one listener."""

    __slots__ = ("_by_name", "chains", "default", "matcher", "sieve", "unmodelled")

    def __init__(
        self,
        chains: tuple[FilterChain, ...],
        default: FilterChain | None,
        matcher: CompiledMatcher[Connection, str] | None,
    ) -> None:
        self.chains = chains
        self.default = default
        self.matcher = matcher
        """The filter_chain_matcher, which names the chain and makes every filter_chain_match void."""
        self._by_name = {chain.name: chain for chain in chains}
        self.sieve: Sieve[FilterChain, Connection] = Sieve(
            "filter_chain",
            levels([chain.keys for chain in chains]) if matcher is None else (),
            chains if matcher is None else (),
        )
        self.unmodelled = tuple(reason for chain in chains for reason in chain.unmodelled_match)
        if matcher is not None:
            self.unmodelled = matcher.unmodelled

    def pick(self, connection: Connection, ask: Ask[FilterChain], doubt: AskRow = never) -> FilterChain | None:
        """The chain, the default chain where none matches, or None.

        `ask` answers where equal ranges leave the chain open, `doubt` whether a matcher's row holds that nobody can
        tell.
        """
        if self.matcher is not None:
            return self._named(self.matcher.tree.pick(connection, doubt))
        if not self.chains:
            return self.default
        return self.sieve.pick(connection, self._or_default(ask)) or self.default

    def _named(self, name: str | None) -> FilterChain | None:
        """A name that no chain has is a match all the same: the default chain is not for it."""
        return self.default if name is None else self._by_name.get(name)

    def _or_default(self, ask: Ask[FilterChain]) -> Ask[FilterChain]:
        """Equal ranges may come to no chain at all, which means the default chain."""
        return lambda outcomes: ask(tuple(chain or self.default for chain in outcomes))

    def explain(
        self, connection: Connection, picked: FilterChain | None
    ) -> tuple[FilterChain | None, tuple[Candidate, ...]]:
        """The chain again and why the others lost; `picked` settles what configuration leaves open."""
        if self.matcher is not None:
            doubt = as_decided(connection, lambda name: self._named(name) is picked)
            name, made = self.matcher.tree.explain(connection, doubt)
            winner = self._named(name)
            over = name is not None
        elif self.chains:
            found, made = self.sieve.explain(connection, self._or_default(lambda options: options.index(picked)))
            winner = found or self.default
            over = winner is not self.default
        else:
            winner, made, over = self.default, (), False
        if self.default is not None:
            fate = Fate.NOT_REACHED if over else Fate.CHOSEN
            made = (*made, Candidate(self.default.label, "filter_chain", fate, (), self.default.place))
        return winner, made


def compile_chain_table(listener: View) -> ChainTable:
    """The chains of a Listener message."""
    refuse_malformed(listener, "envoy.config.listener.v3.Listener")
    chains = tuple(_compile_chain(view, index) for index, view in enumerate(listener.views("filter_chains")))
    default = listener.view("default_filter_chain")
    matcher = listener.view("filter_chain_matcher")
    if not chains and default is None:
        raise _refused_chains("no-filter-chains", "no filter chains specified", listener.place)
    if matcher is not None:
        _check_names(chains)
    return ChainTable(
        chains,
        _compile_chain(default, None) if default is not None else None,
        compile_matcher(matcher, _VOCABULARY) if matcher is not None else None,
    )


def _check_names(chains: tuple[FilterChain, ...]) -> None:
    """A matcher finds chains by name alone."""
    seen: set[str] = set()
    for chain in chains:
        if not chain.name:
            message = '"name" field is required when using a listener matcher'
            raise _refused_chains("nameless-chain", message, chain.place)
        if chain.name in seen:
            message = f'"name" field is duplicated with value {chain.name!r}'
            raise _refused_chains("duplicate-chain-name", message, chain.place)
        seen.add(chain.name)


def _refused_chains(reference: str, message: str, place: Place) -> Rejected:
    return Rejected(reference, message, place=place, hint="mend the listener; Envoy refuses it too")


_CHAIN_NAME = "google.protobuf.StringValue"


def _chain_name(typed: TypedConfig) -> tuple[str, str]:
    if typed.type_name != _CHAIN_NAME:
        message = f"an action of a filter_chain_matcher is a {_CHAIN_NAME}, not a {typed.type_name}"
        raise _refused_chains("bad-chain-action", message, typed.view.place)
    name = typed.view.text("value", "")
    return name, name


_VOCABULARY: Vocabulary[Connection, str] = Vocabulary("filter_chain", NETWORK_INPUTS, _chain_name)


def _compile_chain(view: View, index: int | None) -> FilterChain:
    refuse_malformed(view, "envoy.config.listener.v3.FilterChain")
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
