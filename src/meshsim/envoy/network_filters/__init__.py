"""The table of network filters: type URL -> what the filter is to a call, and how it compiles.

A filter that is not here is never skipped in silence: in the way of the call it is opaque, at the end it is terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...config.view import TypedConfig, View
from ...errors import Rejected
from ..extension_places import NETWORK_FILTER, refuse_misplaced_extension
from ..message_check import refuse_malformed
from .base import NetworkConfig, NetworkFilter
from .connection_limit import compile_connection_limit
from .direct_response import compile_direct_response
from .echo import compile_echo
from .ext_authz import compile_ext_authz
from .hcm import compile_hcm
from .local_rate_limit import compile_local_rate_limit
from .rate_limit import compile_rate_limit
from .rbac import compile_network_rbac
from .set_filter_state import compile_set_filter_state
from .sni_cluster import compile_sni_cluster
from .sni_dynamic_forward_proxy import compile_sni_dynamic_forward_proxy
from .tcp_proxy import compile_tcp_proxy

_PREFIX = "type.googleapis.com/"
_V3 = _PREFIX + "envoy.extensions.filters.network."
_V2 = _PREFIX + "envoy.config.filter.network."

COMPILERS: dict[str, tuple[str, Callable[[View, str], NetworkConfig]]] = {
    _V3 + "http_connection_manager.v3.HttpConnectionManager": ("http", compile_hcm),
    _V2 + "http_connection_manager.v2.HttpConnectionManager": ("http", compile_hcm),
    _V3 + "tcp_proxy.v3.TcpProxy": ("tcp", compile_tcp_proxy),
    _V2 + "tcp_proxy.v2.TcpProxy": ("tcp", compile_tcp_proxy),
    _V3 + "direct_response.v3.Config": ("direct_response", compile_direct_response),
    _V3 + "echo.v3.Echo": ("echo", compile_echo),
    _V3 + "rbac.v3.RBAC": ("acts", compile_network_rbac),
    _V2 + "rbac.v2.RBAC": ("acts", compile_network_rbac),
    _V3 + "ext_authz.v3.ExtAuthz": ("acts", compile_ext_authz),
    _V3 + "ratelimit.v3.RateLimit": ("acts", compile_rate_limit),
    _V3 + "local_ratelimit.v3.LocalRateLimit": ("acts", compile_local_rate_limit),
    _V3 + "connection_limit.v3.ConnectionLimit": ("acts", compile_connection_limit),
    _V3 + "set_filter_state.v3.Config": ("acts", compile_set_filter_state),
    _V3 + "sni_cluster.v3.SniCluster": ("acts", compile_sni_cluster),
    _V3 + "sni_dynamic_forward_proxy.v3.FilterConfig": ("acts", compile_sni_dynamic_forward_proxy),
}
"""Filters whose configuration matters: their kind and their compile function."""
ENDS = frozenset({"http", "tcp", "direct_response", "echo"})
"""Kinds that end a chain."""

KINDS = {
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
_CLUSTER_FIELDS = ("cluster", "cluster_name")
_MAX_CLUSTERS = 5


def compile_network_filters(chain: View) -> tuple[NetworkFilter, ...]:
    """The filters of a chain in order; the last is the one that ends it."""
    views = chain.views("filters")
    made = tuple(_compile(view, last=index == len(views) - 1) for index, view in enumerate(views))
    seen: dict[str, int] = {}
    for each in made:
        seen[each.name] = seen.get(each.name, 0) + 1
        each.label = each.name if seen[each.name] == 1 else f"{each.name}#{seen[each.name]}"
    return made


def _compile(view: View, *, last: bool) -> NetworkFilter:
    refuse_malformed(view, "envoy.config.listener.v3.Filter")
    name = view.text("name", "")
    typed = view.extension()
    if typed is not None:
        refuse_misplaced_extension(typed, name, NETWORK_FILTER)
        refuse_malformed(typed.view, typed.type_name)
    type_url = typed.type_url if typed is not None else ""
    known = COMPILERS.get(type_url)
    if known is not None and typed is not None:
        kind, compile_config = known
        if last != (kind in ENDS):
            raise _misplaced(view, name, last=last)
        return NetworkFilter(name, type_url, view.place, kind, compile_config(typed.view, name))
    kind = KINDS.get(type_url) or ("neutral" if _only_watches(name, typed) else "opaque")
    if last:
        clusters = tuple(_clusters_in(typed.view.data if typed is not None else view.data))[:_MAX_CLUSTERS]
        return NetworkFilter(name, type_url, view.place, "terminal", None, clusters)
    return NetworkFilter(name, type_url, view.place, kind)


def _misplaced(view: View, name: str, *, last: bool) -> Rejected:
    """envoyproxy/envoy source/common/config/utility.h (validateTerminalFilters)."""
    if last:
        message = f"filter {name!r} is the last of its chain and ends nothing"
        hint = "put one that ends the chain behind it, such as tcp_proxy; Envoy refuses this listener too"
    else:
        message = f"filter {name!r} ends its chain and is not the last of it"
        hint = "put it last; Envoy refuses this listener too"
    return Rejected("misplaced-filter", message, place=view.place, hint=hint)


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
