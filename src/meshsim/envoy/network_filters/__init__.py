"""The table of network filters: type URL -> what the filter is to a call, and how it compiles.

A filter that is not here is never skipped in silence: in the way of the call it is opaque, at the end it is terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...config.view import TypedConfig, View
from .base import NetworkConfig, NetworkFilter
from .hcm import compile_hcm
from .tcp_proxy import compile_tcp_proxy

_PREFIX = "type.googleapis.com/"
_V3 = _PREFIX + "envoy.extensions.filters.network."
_V2 = _PREFIX + "envoy.config.filter.network."

COMPILERS: dict[str, tuple[str, Callable[[View, str], NetworkConfig]]] = {
    _V3 + "http_connection_manager.v3.HttpConnectionManager": ("http", compile_hcm),
    _V2 + "http_connection_manager.v2.HttpConnectionManager": ("http", compile_hcm),
    _V3 + "tcp_proxy.v3.TcpProxy": ("tcp", compile_tcp_proxy),
    _V2 + "tcp_proxy.v2.TcpProxy": ("tcp", compile_tcp_proxy),
}
"""Filters that route: their kind and their compile function."""

KINDS = {
    _V3 + "sni_cluster.v3.SniCluster": "sni_cluster",
    _V3 + "direct_response.v3.Config": "direct_response",
    # Istio's own: telemetry, peer metadata, and the peer's identity for later policies
    _PREFIX + "stats.PluginConfig": "neutral",
    _PREFIX + "envoy.tcp.metadataexchange.config.MetadataExchange": "neutral",
    _PREFIX + "envoy.extensions.filters.network.metadata_exchange.v3.MetadataExchange": "neutral",
    _PREFIX + "io.istio.network.authn.Config": "neutral",
    _PREFIX + "istio.envoy.config.filter.network.forward_downstream_sni.v2alpha1.ForwardDownstreamSni": "neutral",
    _PREFIX + "istio.tcp.peer_metadata.v1.Config": "neutral",
}
"""Filters that need no configuration to be understood."""

_NEUTRAL_WASM = frozenset(
    {
        "envoy.wasm.stats",
        "envoy.wasm.metadata_exchange",
        "/etc/istio/extensions/stats-filter.wasm",
        "/etc/istio/extensions/stats-filter.compiled.wasm",
        "/etc/istio/extensions/metadata-exchange-filter.wasm",
        "/etc/istio/extensions/metadata-exchange-filter.compiled.wasm",
    }
)
_NEUTRAL_NAMES = frozenset({"istio.stats", "istio.metadata_exchange", "forward_downstream_sni"})
_STEERING = ("envoy.tcp_proxy.", "envoy.network.", "envoy.upstream.", "envoy.filters.listener.original_dst.")
"""Filter state that changes where tcp_proxy or an upstream connection goes."""
_CLUSTER_FIELDS = ("cluster", "cluster_name")
_MAX_CLUSTERS = 5


def compile_network_filters(chain: View) -> tuple[NetworkFilter, ...]:
    """The filters of a chain in order; the last is the one that ends it."""
    views = chain.views("filters")
    return tuple(_compile(view, last=index == len(views) - 1) for index, view in enumerate(views))


def _compile(view: View, *, last: bool) -> NetworkFilter:
    name = view.text("name", "")
    typed = view.extension()
    type_url = typed.type_url if typed is not None else ""
    routing = COMPILERS.get(type_url)
    if routing is not None and typed is not None:
        kind, compile_config = routing
        return NetworkFilter(name, type_url, view.place, kind, compile_config(typed.view, name))
    kind = KINDS.get(type_url) or ("neutral" if _only_watches(name, typed) or _idle(typed) else "opaque")
    if last and kind in ("opaque", "neutral"):
        clusters = tuple(_clusters_in(typed.view.data if typed is not None else view.data))[:_MAX_CLUSTERS]
        return NetworkFilter(name, type_url, view.place, "terminal", None, clusters)
    return NetworkFilter(name, type_url, view.place, kind)


def _only_watches(name: str, typed: TypedConfig | None) -> bool:
    """Telemetry of older Istio: Wasm code that its image brings along, or a bare name."""
    if typed is None:
        return name in _NEUTRAL_NAMES
    if not typed.type_url.endswith(".Wasm"):
        return False
    code = typed.view.data
    for key in ("config", "vm_config", "code", "local"):
        code = code.get(key, {}) if isinstance(code, dict) else {}
    return isinstance(code, dict) and (code.get("inline_string") or code.get("filename")) in _NEUTRAL_WASM


def _idle(typed: TypedConfig | None) -> bool:
    """Filters that could act and, as they are configured, do not."""
    if typed is None:
        return False
    if typed.type_url == _V3 + "rbac.v3.RBAC":
        # without rules everything is allowed; shadow rules only count
        return typed.view.one_of(["rules", "matcher"]) is None
    if typed.type_url == _V3 + "set_filter_state.v3.Config":
        entries = (*typed.view.views("on_new_connection"), *typed.view.views("on_downstream_tls_handshake"))
        return not any(each.text("object_key", "").startswith(_STEERING) for each in entries)
    return False


def _clusters_in(data: Any) -> list[str]:
    """Clusters named anywhere in a configuration, in order."""
    found: list[str] = []
    stack = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            found.extend(value[key] for key in _CLUSTER_FIELDS if isinstance(value.get(key), str))
            stack.extend(reversed(list(value.values())))
        elif isinstance(value, list):
            stack.extend(reversed(value))
    return list(dict.fromkeys(found))
