"""The HTTP connection manager: its options before routing, its route table, its HTTP filters.

envoyproxy/envoy source/extensions/filters/network/http_connection_manager/config.cc. The field ledger is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from attrs import define, field

from ...config.view import View
from ...facts.request import Request
from ...place import Place
from ...reasons import Reason
from ..hcm_options import (
    DEFAULT_STREAM_IDLE_TIMEOUT_MS,
    CodecOptions,
    ForwardingOptions,
    NormalisationOptions,
    compile_codec,
    compile_forwarding,
    compile_normalisation,
)
from ..hcm_refusals import refuse_order, refuse_what_envoy_refuses
from ..http_filters import ROUTER, compile_http_filters
from ..http_filters.base import HttpFilter
from ..http_filters.istio_alpn import TYPE_NAMES as ISTIO_ALPN
from ..http_filters.istio_alpn import compile_alpn_override
from ..reply_mapping import ReplyMapping, compile_reply_mapping
from ..router_options import RouterOptions, compile_router_options
from ..scopes import Key, Scope, ScopedRoutes, by_key, compile_scoped_routes, pick_scope
from ..unmodelled import unmodelled_fields
from ..vhosts import RouteTable, compile_route_table

TYPE_NAME = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

_MODELLED = frozenset(
    {
        "route_config",
        "rds",
        "scoped_routes",
        "http_filters",
        "codec_type",
        "use_remote_address",
        "xff_num_trusted_hops",
        "skip_xff_append",
        "append_x_forwarded_port",
        "via",
        "internal_address_config",
        "normalize_path",
        "merge_slashes",
        "path_with_escaped_slashes_action",
        "strip_matching_host_port",
        "strip_any_host_port",
        "strip_port_mode",
        "strip_trailing_host_dot",
        "http_protocol_options",
        "http2_protocol_options",
        "common_http_protocol_options",
        "upgrade_configs",
        "forward_client_cert_details",
        "set_current_client_cert_details",
        "forward_client_cert_matcher",
        "scheme_header_transformation",
        "server_name",
        "generate_request_id",
        "preserve_external_request_id",
        "max_request_headers_kb",
        "stream_idle_timeout",
        "request_timeout",
        "request_headers_timeout",
        "original_ip_detection_extensions",
        "early_header_mutation_extensions",
        "add_user_agent",
        "server_header_transformation",
        "always_set_request_id_in_response",
        "proxy_100_continue",
        "drain_timeout",
        "delayed_close_timeout",
        "stream_error_on_invalid_http_message",
        "local_reply_config",
    }
)
_SERVER_HEADER = ("OVERWRITE", "APPEND_IF_ABSENT", "PASS_THROUGH")
_HARMLESS = frozenset(
    {
        "stat_prefix",
        "tracing",
        "access_log",
        "access_log_flush_interval",
        "access_log_options",
        "flush_access_log_on_new_request",
        "stream_flush_timeout",
        "idle_timeout",
        "http3_protocol_options",
        "request_id_extension",
        "represent_ipv4_remote_address_as_ipv4_mapped_ipv6",
        "proxy_status_config",
        "add_proxy_protocol_connection_state",
        "append_local_overload",
        "typed_header_validation_config",
    }
)
"""They set times, sizes, logs and response headers; none changes where a request goes."""


class RouteTables(Protocol):
    """Who knows the RDS route configurations: the proxy."""

    def route_table(self, name: str) -> RouteTable | None: ...
    def replaced_table(self, name: str) -> RouteTable | None: ...
    def scopes(self, name: str) -> dict[Key, Scope] | None: ...
    def refuse_inline(self, table: View, listener: Place) -> None: ...


@define(eq=False)
class HttpConnectionManager:
    """Its route table and filters are compiled when first asked for."""

    name: str
    place: Place
    codec: CodecOptions
    forwarding: ForwardingOptions
    normalisation: NormalisationOptions
    route_config_name: str | None
    """Of RDS; None for an inline or scoped one."""
    scoped: ScopedRoutes | None
    upgrades: Mapping[str, bool]
    """Lower-case upgrade type -> enabled."""
    server_name: str
    server_header: str
    """server_header_transformation"""
    always_sets_request_id: bool
    """always_set_request_id_in_response"""
    reply_mapping: ReplyMapping
    stream_idle_timeout_ms: int | float
    """0: none."""
    max_stream_duration_ms: int | float
    """0: none."""
    unmodelled: tuple[Reason, ...]
    _view: View
    _inline: RouteTable | None = field(default=None, init=False)
    _scopes: dict[Key, Scope] | None = field(default=None, init=False)
    _filters: tuple[HttpFilter, ...] | None = field(default=None, init=False)
    _acting: tuple[tuple[int, HttpFilter], ...] = field(default=(), init=False)
    _on_responses: bool = field(default=False, init=False)
    _istio_alpn: Mapping[str, tuple[str, ...]] | None = field(default=None, init=False)
    _router: RouterOptions = field(factory=RouterOptions, init=False)

    kind: ClassVar[str] = "http_connection_manager"

    def table(self, tables: RouteTables | None, request: Request | None = None) -> RouteTable | None:
        """Inline, by name from the proxy, or by the request's scope; None where there is none."""
        if self.scoped is not None:
            scope = self.scope(tables, request) if request is not None else None
            if scope is None or scope.inline is not None:
                return scope.inline if scope is not None else None
            return tables.route_table(scope.table_name) if tables is not None else None
        if self.route_config_name is not None:
            return tables.route_table(self.route_config_name) if tables is not None else None
        if self._inline is None:
            below = self._view.view("route_config")
            if below is not None:
                replaced = tables.replaced_table(below.text("name", "")) if tables is not None else None
                if tables is not None and replaced is None:
                    tables.refuse_inline(below, self.place)
                self._inline = replaced or compile_route_table(below)
        return self._inline

    def scopes(self, tables: RouteTables | None) -> dict[Key, Scope] | None:
        """None where no input holds what scoped_rds delivered."""
        if self._scopes is None and self.scoped is not None:
            if self.scoped.listed is not None:
                for scope in self.scoped.listed if tables is not None else ():
                    if scope.written is not None and tables is not None:
                        tables.refuse_inline(scope.written, self.place)
                self._scopes = by_key(self.scoped.listed)
            elif tables is not None:
                self._scopes = tables.scopes(self.scoped.name)
        return self._scopes

    def scope(self, tables: RouteTables | None, request: Request) -> Scope | None:
        scopes = self.scopes(tables)
        return pick_scope(scopes, self.scoped, request) if scopes is not None and self.scoped is not None else None

    @property
    def http_filters(self) -> tuple[HttpFilter, ...]:
        if self._filters is None:
            self._compile_filters()
        assert self._filters is not None
        return self._filters

    @property
    def acting_filters(self) -> tuple[tuple[int, HttpFilter], ...]:
        """Those that may answer, with their positions."""
        if self._filters is None:
            self._compile_filters()
        return self._acting

    @property
    def acts_on_responses(self) -> bool:
        """Whether any filter does."""
        if self._filters is None:
            self._compile_filters()
        return self._on_responses

    @property
    def istio_alpn(self) -> Mapping[str, tuple[str, ...]] | None:
        """Protocol spoken upstream -> ALPN list, where the istio.alpn filter is there."""
        if self._filters is None:
            self._compile_filters()
        return self._istio_alpn

    @property
    def router(self) -> RouterOptions:
        """The options of the filter that ends the chain."""
        if self._filters is None:
            self._compile_filters()
        return self._router

    def upgrade_allowed(self, upgrade: str) -> bool:
        return self.upgrades.get(upgrade, False)

    def _compile_filters(self) -> None:
        views = self._view.views("http_filters")
        self._filters = compile_http_filters(views)
        refuse_order(self._filters)
        self._acting = tuple((at, made) for at, made in enumerate(self._filters) if made.behaviour is not None)
        self._on_responses = any(made.acts_on_responses for made in self._filters)
        for view, made in zip(views, self._filters, strict=True):
            typed = view.extension()
            if typed is None or made.disabled:
                continue
            if made.type_name in ISTIO_ALPN:
                self._istio_alpn = compile_alpn_override(typed.view)
            elif made.type_name == ROUTER:
                self._router = compile_router_options(typed.view, made.name)


def compile_hcm(view: View, name: str) -> HttpConnectionManager:
    """The connection manager of a network filter called `name`."""
    refuse_what_envoy_refuses(view)
    rds, scoped = view.view("rds"), view.view("scoped_routes")
    common = view.view("common_http_protocol_options")
    forwarding = compile_forwarding(view, name)
    mapping = compile_reply_mapping(view, name)
    return HttpConnectionManager(
        name=name,
        place=view.place,
        codec=compile_codec(view),
        forwarding=forwarding,
        normalisation=compile_normalisation(view),
        route_config_name=rds.text("route_config_name", "") if rds is not None else None,
        scoped=compile_scoped_routes(scoped) if scoped is not None else None,
        max_stream_duration_ms=common.duration_ms("max_stream_duration", 0) if common is not None else 0,
        stream_idle_timeout_ms=view.duration_ms("stream_idle_timeout", DEFAULT_STREAM_IDLE_TIMEOUT_MS),
        upgrades={
            entry.text("upgrade_type", "").lower(): entry.boolean("enabled", True)
            for entry in view.views("upgrade_configs")
        },
        server_name=view.text("server_name") or "envoy",
        server_header=view.enum("server_header_transformation", _SERVER_HEADER),
        always_sets_request_id=view.boolean("always_set_request_id_in_response", False),
        reply_mapping=mapping,
        unmodelled=(
            *unmodelled_fields(view, _MODELLED | _HARMLESS, name),
            *forwarding.unreadable,
            *mapping.unmodelled,
        ),
        view=view,
    )
