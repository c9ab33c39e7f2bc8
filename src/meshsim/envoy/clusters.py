"""Clusters: what one name stands for, and everything about dialling its endpoints that configuration states.

Compiles one resource. Which endpoint is taken is decided with `priorities`; Istio's meaning of names is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from ..address import try_parse_ip
from ..config.view import View
from ..errors import Rejected
from ..place import Place
from ..reasons import Reason, because
from .cluster_refusals import refuse_contradictions, refuse_unnegotiable
from .dynamic_forward_proxy import DYNAMIC_FORWARD_PROXY, DynamicForwardProxy, compile_dynamic_forward_proxy
from .endpoints import Assignment, compile_assignment, compile_hosts, filter_metadata
from .host_override import HostOverride
from .load_balancing import compile_load_balancing
from .message_check import refuse_malformed
from .priorities import Balancing
from .subsets import Subsets
from .unmodelled import unmodelled_fields
from .upstream_protocol import UpstreamProtocol, compile_upstream_protocol, decided_by
from .upstream_tls import UpstreamTransport, compile_upstream_transport

DISCOVERY_TYPES = ("STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")
_CLUSTER_TYPES = {
    "envoy.cluster.static": "STATIC",
    "envoy.cluster.strict_dns": "STRICT_DNS",
    "envoy.cluster.logical_dns": "LOGICAL_DNS",
    "envoy.cluster.eds": "EDS",
    "envoy.cluster.original_dst": "ORIGINAL_DST",
}
AGGREGATE = "envoy.clusters.aggregate"
DNS_TYPES = frozenset(("STRICT_DNS", "LOGICAL_DNS"))
_LOOKUP_FAMILIES = ("AUTO", "V4_ONLY", "V6_ONLY", "V4_PREFERRED", "ALL")
_UNSPECIFIED = "UNSPECIFIED"
DEFAULT_CONNECT_TIMEOUT_MS = 5_000

_MODELLED = frozenset(
    (
        "name",
        "type",
        "cluster_type",
        "eds_cluster_config",
        "load_assignment",
        "hosts",
        "lb_policy",
        "load_balancing_policy",
        "lb_subset_config",
        "common_lb_config",
        "original_dst_lb_config",
        "dns_lookup_family",
        "transport_socket",
        "transport_socket_matcher",
        "transport_socket_matches",
        "tls_context",
        "upstream_bind_config",
        "circuit_breakers",
        "connect_timeout",
        "metadata",
        "typed_extension_protocol_options",
        "http2_protocol_options",
        "protocol_selection",
        "upstream_http_protocol_options",
    )
)
_HARMLESS = frozenset(
    (
        "alt_stat_name",
        "cleanup_interval",
        "close_connections_on_host_health_failure",
        "common_http_protocol_options",
        "connection_pool_per_downstream_connection",
        "dns_failure_refresh_rate",
        "dns_jitter",
        "dns_refresh_rate",
        "dns_resolution_config",
        "dns_resolvers",
        "drain_connections_on_host_removal",
        "http_protocol_options",
        "ignore_health_on_host_removal",
        "least_request_lb_config",
        "lrs_report_endpoint_metrics",
        "lrs_server",
        "max_requests_per_connection",
        "per_connection_buffer_limit_bytes",
        "preconnect_policy",
        "respect_dns_ttl",
        "ring_hash_lb_config",
        "maglev_lb_config",
        "round_robin_lb_config",
        "track_cluster_stats",
        "track_timeout_budgets",
        "typed_dns_resolver_config",
        "upstream_connection_options",
        "use_tcp_for_dns_lookups",
        "wait_for_warm_on_init",
    )
)
"""Cannot change which endpoint a call goes to."""

_HARMLESS_FILTERS = frozenset(("istio.metadata_exchange", "envoy.filters.network.upstream.metadata_exchange"))


@frozen
class OriginalDst:
    """Where an ORIGINAL_DST cluster finds its one host."""

    header: str | None
    """Lower-case name; None: no header is read."""
    port_override: int | None


@frozen
class Limits:
    """The circuit breakers of one priority of calls; None: Envoy's default."""

    max_connections: int | None = None
    max_pending_requests: int | None = None
    max_requests: int | None = None
    max_retries: int | None = None


@define(eq=False)
class Cluster:
    name: str
    place: Place
    discovery: str
    """STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST, or the name of an extension's cluster type."""
    service_name: str
    """What EDS calls it."""
    assignment: Assignment | None
    """Its own load_assignment."""
    balancing: Balancing
    subsets: Subsets | None
    members: tuple[str, ...]
    """The clusters that an aggregate cluster is made of."""
    override: HostOverride | None
    """Requests may say themselves which endpoint they go to."""
    original_dst: OriginalDst | None
    forward_proxy: DynamicForwardProxy | None
    lookup_family: str
    transport: UpstreamTransport
    protocol: UpstreamProtocol
    bind_addresses: tuple[int, ...]
    limits: Limits
    high_limits: Limits
    """Those of calls whose route asks for priority HIGH."""
    istio: Mapping[str, Any]
    """filter_metadata istio, as Istio wrote it."""
    original_dst_metadata: Mapping[str, Any]
    """filter_metadata envoy.filters.listener.original_dst, which an internal listener may be given."""
    unmodelled: tuple[Reason, ...]
    """Stated, without influence on where a call goes as far as is known."""
    doubts: tuple[Reason, ...]
    """Stated, not modelled, and able to change where a call goes."""
    connect_timeout_ms: int | float = DEFAULT_CONNECT_TIMEOUT_MS
    plans: dict[Any, Any] = field(factory=dict, init=False)
    """Load plans by who asks (of an aggregate cluster: its members' priorities), filled by the endpoint stage."""

    def limits_of(self, priority: str) -> Limits:
        return self.high_limits if priority == "HIGH" else self.limits

    @property
    def modelled(self) -> bool:
        return self.discovery in DISCOVERY_TYPES or self.discovery in (AGGREGATE, DYNAMIC_FORWARD_PROXY)

    @property
    def makes_hosts(self) -> bool:
        """Whether a host is made for each call."""
        return self.original_dst is not None or self.forward_proxy is not None

    @property
    def balancing_of_subsets(self) -> tuple[Balancing, bool]:
        """How a subset is balanced over, and whether its localities' weights shrink with it.

        Without locality_weight_aware a subset knows no weights of localities.
        """
        subsets = self.subsets
        if subsets is None or subsets.weighs_localities:
            return self.balancing, subsets is not None and subsets.scales_weights
        return evolve(self.balancing, locality_weighted=False), False

    @property
    def overrides_alpn(self) -> bool:
        """Whether Istio's alpn filter may replace this cluster's ALPN list."""
        return self.istio.get("alpn_override") != "false"


def compile_cluster(view: View) -> Cluster:
    refuse_malformed(view, "envoy.config.cluster.v3.Cluster")
    name = view.text("name", "")
    discovery, dns = _discovery(view)
    eds = view.view("eds_cluster_config")
    assignment = _own_assignment(view)
    balancing = compile_load_balancing(view, name)
    refuse_contradictions(view, discovery, balancing.balancing.policy, assignment)
    protocol = compile_upstream_protocol(view, name)
    transport = compile_upstream_transport(view, name)
    refuse_unnegotiable(protocol, transport)
    if transport.default.tls is not None:
        protocol = decided_by(protocol, transport.default.tls.alpn)
    original_dst, destination_doubts = _original_dst(view, name) if discovery == "ORIGINAL_DST" else (None, ())
    doubts = balancing.doubts + protocol.doubts + transport.doubts + destination_doubts
    doubts += assignment.doubts if assignment is not None else ()
    filters = _filters(view, name)
    return Cluster(
        name=name,
        place=view.place,
        discovery=discovery,
        service_name=(eds.text("service_name", "") if eds is not None else "") or name,
        assignment=assignment,
        balancing=balancing.balancing,
        subsets=balancing.subsets,
        members=_members(view) if discovery == AGGREGATE else (),
        override=balancing.override,
        original_dst=original_dst,
        forward_proxy=compile_dynamic_forward_proxy(view) if discovery == DYNAMIC_FORWARD_PROXY else None,
        lookup_family=_lookup_family(view, dns),
        transport=transport,
        protocol=protocol,
        bind_addresses=_bind_addresses(view),
        limits=_limits(view, "DEFAULT"),
        high_limits=_limits(view, "HIGH"),
        istio=filter_metadata(view, "istio"),
        original_dst_metadata=filter_metadata(view, "envoy.filters.listener.original_dst"),
        unmodelled=unmodelled_fields(view, _MODELLED | _HARMLESS | {"filters"}, name) + filters + protocol.unmodelled,
        doubts=doubts,
        connect_timeout_ms=view.duration_ms("connect_timeout", DEFAULT_CONNECT_TIMEOUT_MS),
    )


def _lookup_family(view: View, dns: View | None) -> str:
    """A DnsCluster numbers the families anew: the first of its own says nothing."""
    if dns is None:
        return view.enum("dns_lookup_family", _LOOKUP_FAMILIES)
    family = dns.enum("dns_lookup_family", (_UNSPECIFIED, *_LOOKUP_FAMILIES), unnamed=_UNSPECIFIED)
    return _LOOKUP_FAMILIES[0] if family == _UNSPECIFIED else family


def _discovery(view: View) -> tuple[str, View | None]:
    custom = view.view("cluster_type")
    if custom is None:
        return view.enum("type", DISCOVERY_TYPES), None
    kind = custom.text("name", "")
    if kind in ("envoy.cluster.dns", "envoy.clusters.dns"):
        typed = custom.any("typed_config")
        logical = typed is not None and typed.view.boolean("all_addresses_in_single_endpoint", False)
        return ("LOGICAL_DNS" if logical else "STRICT_DNS"), typed.view if typed is not None else None
    return _CLUSTER_TYPES.get(kind, kind), None


def _members(view: View) -> tuple[str, ...]:
    custom = view.view("cluster_type")
    typed = custom.any("typed_config") if custom is not None else None
    names = typed.view.texts("clusters") if typed is not None else ()
    if not names:
        raise Rejected(
            "aggregate-of-nothing",
            "an aggregate cluster must name at least one cluster",
            place=view.place,
            hint="name its members in clusters; Envoy refuses this cluster too",
        )
    return names


def _own_assignment(view: View) -> Assignment | None:
    own = view.view("load_assignment")
    if own is not None:
        return compile_assignment(own)
    return compile_hosts(view, "hosts") if view.has("hosts") else None


def _original_dst(view: View, name: str) -> tuple[OriginalDst, tuple[Reason, ...]]:
    config = view.view("original_dst_lb_config")
    if config is None:
        return OriginalDst(None, None), ()
    header = None
    if config.boolean("use_http_header", False):
        header = config.text("http_header_name", "").lower() or "x-envoy-original-dst-host"
    known = frozenset(("use_http_header", "http_header_name", "upstream_port_override"))
    return OriginalDst(header, config.integer("upstream_port_override")), unmodelled_fields(config, known, name)


def _bind_addresses(view: View) -> tuple[int, ...]:
    config = view.view("upstream_bind_config")
    if config is None:
        return ()
    sources = [config.view("source_address")]
    sources += [extra.view("address") for extra in config.views("extra_source_addresses")]
    sources += config.views("additional_source_addresses")
    found = (try_parse_ip(source.text("address", "")) for source in sources if source is not None)
    return tuple(ip for ip in found if ip is not None)


def _limits(view: View, priority: str) -> Limits:
    breakers = view.view("circuit_breakers")
    for threshold in breakers.views("thresholds") if breakers is not None else ():
        if threshold.enum("priority", ("DEFAULT", "HIGH")) == priority:
            return Limits(
                max_connections=threshold.integer("max_connections"),
                max_pending_requests=threshold.integer("max_pending_requests"),
                max_requests=threshold.integer("max_requests"),
                max_retries=threshold.integer("max_retries"),
            )
    return Limits()


def _filters(view: View, name: str) -> tuple[Reason, ...]:
    return tuple(
        because("config.field-not-modelled", entry.place, field=f"filters {entry.text('name', '')}", resource=name)
        for entry in view.views("filters")
        if entry.text("name", "") not in _HARMLESS_FILTERS
    )
