"""Listeners: which addresses they own, which sockets Envoy holds, and which listener takes a destination.

Follows envoyproxy/envoy source/common/listener_manager/connection_handler_impl.cc: exact address, then the wildcard of
the same family. Chains and listener filters compile when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from ..address import ANY_V4, ANY_V6, V6_BIT, format_endpoint, is_v6, parse_ip, try_parse_ip
from ..config.config_dump import ProxyDocument, ResourceState
from ..config.dialect import PLAIN, Dialect
from ..config.view import View
from ..errors import Rejected
from ..explanation import Candidate, Check, Fate
from ..facts.connection import DEFAULT_BUFFER_LIMIT
from ..match.lookup import Lookup
from ..place import Place
from ..reasons import Reason, because
from .chains import ChainTable, FilterChain, compile_chain_table
from .internal_listeners import internal_name, pipe_path
from .listener_filters import ListenerFilters, compile_listener_filters
from .unmodelled import unmodelled_fields

Address = tuple[int, int]
"""(ip, port)."""

DEFAULT_TIMEOUT_MS = 15_000
_DIRECTIONS = ("UNSPECIFIED", "INBOUND", "OUTBOUND")
_MAPPED = 0xFFFF << 32
"""Upper bits of an IPv4-mapped IPv6 address."""
_NEAR_MISSES = 8

_KNOWN = frozenset(
    {
        "name",
        "address",
        "additional_addresses",
        "bind_to_port",
        "deprecated_v1",
        "use_original_dst",
        "transparent",
        "listener_filters",
        "listener_filters_timeout",
        "continue_on_listener_filters_timeout",
        "traffic_direction",
        "metadata",
        "filter_chains",
        "default_filter_chain",
        "filter_chain_matcher",
        "per_connection_buffer_limit_bytes",
        # how the socket is opened and watched, not where a connection goes
        "access_log",
        "stat_prefix",
        "drain_type",
        "freebind",
        "socket_options",
        "tcp_fast_open_queue_length",
        "enable_reuse_port",
        "reuse_port",
        "enable_mptcp",
        "connection_balance_config",
        "tcp_backlog_size",
        "max_connections_to_accept_per_socket_event",
        "bypass_overload_manager",
        "ignore_global_conn_limit",
        "udp_listener_config",
        "internal_listener",
    }
)


@define(eq=False)
class Listener:
    """One active listener."""

    name: str
    place: Place
    addresses: tuple[Address, ...]
    compat: frozenset[Address]
    """IPv6 addresses that take IPv4 connections too (ipv4_compat)."""
    bind_to_port: bool
    use_original_dst: bool
    transparent: bool
    listener_filters_timeout_ms: int | float
    continue_on_timeout: bool
    buffer_limit: int
    """per_connection_buffer_limit_bytes; 0: none."""
    traffic_direction: str
    """INBOUND, OUTBOUND or UNSPECIFIED."""
    origin: str | None
    """The path of the Istio object it was made from."""
    version: str
    last_updated: str
    refused_update: RefusedListener | None
    """A later version that Envoy refused, so that this one went on."""
    _view: View
    _chains: ChainTable | None = field(default=None, init=False)
    _filters: ListenerFilters | None = field(default=None, init=False)
    _unmodelled: tuple[Reason, ...] | None = field(default=None, init=False)

    @property
    def chains(self) -> ChainTable:
        if self._chains is None:
            self._chains = compile_chain_table(self._view)
        return self._chains

    @property
    def default_filter_chain(self) -> FilterChain | None:
        return self.chains.default

    @property
    def listener_filters(self) -> ListenerFilters:
        if self._filters is None:
            self._filters = compile_listener_filters(
                self._view,
                timeout_ms=self.listener_filters_timeout_ms,
                continue_on_timeout=self.continue_on_timeout,
                transparent=self.transparent,
                use_original_dst=self.use_original_dst,
            )
        return self._filters

    @property
    def unmodelled(self) -> tuple[Reason, ...]:
        if self._unmodelled is None:
            self._unmodelled = unmodelled_fields(self._view, _KNOWN, self.name)
        return self._unmodelled


@frozen(eq=False)
class ListenerNotInForce:
    """A listener configuration that answers no call."""

    name: str
    addresses: tuple[Address, ...]
    """() when the dump does not hold the configuration."""
    place: Place


@frozen(eq=False)
class RefusedListener(ListenerNotInForce):
    """Envoy refused it."""

    error: str
    """Envoy's own reason."""
    time: str


@frozen(eq=False)
class WarmingListener(ListenerNotInForce):
    """It still waits for something, such as a secret."""


@frozen(eq=False)
class UnreadableListener(ListenerNotInForce):
    """Its address is no IP address, so nobody can say what comes to it: somebody blackened it in the input."""

    ports: tuple[int, ...]


class ListenerTable:
    """Every listener of one proxy by address. Only active ones answer."""

    __slots__ = (
        "_lookup",
        "aside",
        "by_address",
        "by_name",
        "internal",
        "listeners",
        "pipes",
        "rejected",
        "unreadable",
        "warming",
    )

    def __init__(
        self,
        listeners: tuple[Listener, ...],
        rejected: tuple[RefusedListener, ...],
        warming: tuple[WarmingListener, ...],
        aside: tuple[str, ...],
        unreadable: tuple[UnreadableListener, ...] = (),
        internal: Mapping[str, Listener] | None = None,
        pipes: Mapping[str, Listener] | None = None,
    ) -> None:
        self.listeners = listeners
        self.rejected = rejected
        """Names of which no version is in force."""
        self.warming = warming
        self.aside = aside
        """Names of listeners on pipes, internal, UDP and unreadable ones, which no TCP address reaches."""
        self.unreadable = unreadable
        self.internal = internal or {}
        """Internal listeners by name."""
        self.pipes = pipes or {}
        """Listeners on pipes by path."""
        self.by_name = {listener.name: listener for listener in listeners}
        self.by_address = _addresses(listeners)
        self._lookup: Lookup[Address, Listener] = Lookup("listener", self.by_address)

    def lookup(self, ip: int, port: int) -> Listener | None:
        """Who takes a connection to this address once its original destination is known."""
        found = self.by_address.get((ip, port))
        if found is None:
            found = self.by_address.get((ANY_V6 if ip >= V6_BIT else ANY_V4, port))
        return found

    def doubts(self, port: int) -> tuple[Reason, ...]:
        """Listeners that might own an address with that port, if their own could be read."""
        return tuple(
            because("listener.address-unreadable", listener.place, listener=listener.name, port=port)
            for listener in self.unreadable
            if port in listener.ports
        )

    def bound(self) -> tuple[Listener, ...]:
        """The listeners with sockets of their own."""
        return tuple(listener for listener in self.listeners if listener.bind_to_port)

    def not_in_force(self, ip: int, port: int) -> RefusedListener | WarmingListener | None:
        """A listener that would own this address, had Envoy taken it."""
        keys = {(ip, port), (ANY_V6 if is_v6(ip) else ANY_V4, port)}
        candidates: tuple[RefusedListener | WarmingListener, ...] = (*self.rejected, *self.warming)
        return next((each for each in candidates if keys.intersection(each.addresses)), None)

    def explain_lookup(self, ip: int, port: int) -> tuple[Listener | None, tuple[Candidate, ...]]:
        """The same with the keys that were tried, and what else is known about that port."""
        any_ip = ANY_V6 if is_v6(ip) else ANY_V4
        exact, wildcard = (ip, port), (any_ip, port)
        places = {key: self.by_address[key].place for key in (exact, wildcard) if key in self.by_address}
        winner, tried = self._lookup.explain(
            [("address", exact, format_endpoint(*exact)), ("wildcard address", wildcard, format_endpoint(*wildcard))],
            places,
        )
        return winner, (*tried, *self._not_in_force({exact, wildcard}), *self._same_port(ip, port, any_ip))

    def _not_in_force(self, keys: set[Address]) -> Iterator[Candidate]:
        for waiting in self.warming:
            if keys.intersection(waiting.addresses):
                check = Check("state", "active", "warming", False, waiting.place)
                yield Candidate(waiting.name, "listener", Fate.FAILED, (check,), waiting.place, "state")
        for refused in self.rejected:
            if keys.intersection(refused.addresses):
                seen = f"rejected by Envoy at {refused.time}: {refused.error}"
                check = Check("state", "active", seen, False, refused.place)
                yield Candidate(refused.name, "listener", Fate.FAILED, (check,), refused.place, "state")

    def _same_port(self, ip: int, port: int, any_ip: int) -> Iterator[Candidate]:
        """Listeners one address away: what somebody with a wrong address is looking for."""
        others = [key for key in self.by_address if key[1] == port and key[0] not in (ip, any_ip)]
        for key in sorted(others)[:_NEAR_MISSES]:
            listener = self.by_address[key]
            check = Check("address", format_endpoint(*key), format_endpoint(ip, port), False, listener.place)
            yield Candidate(listener.name, "listener", Fate.FAILED, (check,), listener.place, "address")


def _addresses(listeners: tuple[Listener, ...]) -> dict[Address, Listener]:
    """Real addresses first: an IPv6 wildcard's IPv4 alias never takes one from a listener that owns it."""
    table: dict[Address, Listener] = {}
    for listener in listeners:
        for address in listener.addresses:
            table.setdefault(address, listener)
    for listener in listeners:
        for ip, port in listener.compat:
            table.setdefault((_ipv4_side(ip), port), listener)
    return table


def _ipv4_side(ip: int) -> int:
    return ANY_V4 if ip == ANY_V6 else ip & 0xFFFFFFFF


def compile_listener_table(document: ProxyDocument, dialect: Dialect = PLAIN) -> ListenerTable:
    listeners: list[Listener] = []
    rejected: list[RefusedListener] = []
    warming: list[WarmingListener] = []
    aside: list[str] = []
    unreadable: list[UnreadableListener] = []
    internal: dict[str, Listener] = {}
    pipes: dict[str, Listener] = {}
    for state in document.listeners.values():
        if state.view is not None:
            blackened = () if state.static else _unreadable_ports(state.view)
            if blackened:
                unreadable.append(UnreadableListener(state.name, (), state.view.place, blackened))
                aside.append(state.name)
                continue
            view = state.view.under(dialect)
            addresses = _addresses_of(view)
            name, path = internal_name(view), pipe_path(view)
            if name is not None:
                internal[name] = _compile_listener(state, view, {})
            elif path is not None:
                pipes[path] = _compile_listener(state, view, addresses)
            if addresses:
                listeners.append(_compile_listener(state, view, addresses))
            else:
                aside.append(state.name)
            continue
        if state.warming is not None:
            warming.append(WarmingListener(state.name, _plain(_addresses_of(state.warming)), state.warming.place))
        refused = _refused(state)
        if refused is not None:
            rejected.append(refused)
    return ListenerTable(
        tuple(listeners), tuple(rejected), tuple(warming), tuple(aside), tuple(unreadable), internal, pipes
    )


def _refused(state: ResourceState) -> RefusedListener | None:
    error = state.error_state
    if error is None:
        return None
    addresses = _plain(_addresses_of(error.failed)) if error.failed is not None else ()
    return RefusedListener(state.name, addresses, error.place, error.details, error.last_update_attempt)


def _compile_listener(state: ResourceState, view: View, addresses: dict[Address, bool]) -> Listener:
    old = view.view("deprecated_v1")
    bind_to_port = view.boolean("bind_to_port", True) and (old is None or old.boolean("bind_to_port", True))
    return Listener(
        name=state.name,
        place=view.place,
        addresses=_plain(addresses),
        compat=frozenset(address for address, compat in addresses.items() if compat),
        bind_to_port=bind_to_port,
        use_original_dst=view.boolean("use_original_dst", False),
        transparent=view.boolean("transparent", False),
        listener_filters_timeout_ms=view.duration_ms("listener_filters_timeout", DEFAULT_TIMEOUT_MS),
        continue_on_timeout=view.boolean("continue_on_listener_filters_timeout", False),
        buffer_limit=view.integer("per_connection_buffer_limit_bytes", DEFAULT_BUFFER_LIMIT),
        traffic_direction=view.enum("traffic_direction", _DIRECTIONS, unnamed=_DIRECTIONS[0]),
        origin=_istio_object(view),
        version=state.version,
        last_updated=state.last_updated,
        refused_update=_refused(state),
        view=view,
    )


def _plain(addresses: dict[Address, bool]) -> tuple[Address, ...]:
    return tuple(addresses)


def _addresses_of(view: View) -> dict[Address, bool]:
    """TCP address -> whether it is IPv4 compatible; empty for pipes, internal and UDP listeners."""
    found: dict[Address, bool] = {}
    primary = view.view("address")
    extra = (each.view("address") for each in view.views("additional_addresses"))
    for address in (primary, *extra):
        socket = address.view("socket_address") if address is not None else None
        if socket is None or socket.enum("protocol", ("TCP", "UDP")) != "TCP":
            continue
        text = socket.text("address", "")
        try:
            ip = parse_ip(text)
        except ValueError:
            raise Rejected(
                "bad-listener-address",
                f"listener address {text!r} is no IP address",
                place=socket.place,
                hint="give an IP address; Envoy refuses this listener too",
            ) from None
        compat = socket.boolean("ipv4_compat", False) and (ip == ANY_V6 or ip >> 32 << 32 == V6_BIT | _MAPPED)
        found[ip, socket.integer("port_value", 0)] = compat
    return found


def _unreadable_ports(view: View) -> tuple[int, ...]:
    """The ports of a listener whose own address is no IP address; () for any other."""
    address = view.view("address")
    socket = address.view("socket_address") if address is not None else None
    if socket is None or try_parse_ip(socket.text("address", "")) is not None:
        return ()
    return (socket.integer("port_value", 0),)


def _istio_object(view: View) -> str | None:
    metadata = view.view("metadata")
    filters = metadata.view("filter_metadata") if metadata is not None else None
    istio = filters.view("istio") if filters is not None else None
    return istio.text("config") if istio is not None else None
