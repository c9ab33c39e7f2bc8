"""The table of HTTP filters by type, and how an entry of `http_filters` is compiled.

A type in no table is opaque: it lets requests pass as an assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...config.view import TypedConfig, View
from .base import Behaviour, HttpFilter
from .cors import TYPE_NAME as CORS
from .cors import compile_cors_filter
from .fault import TYPE_NAME as FAULT
from .fault import compile_fault
from .health_check import TYPE_NAME as HEALTH_CHECK
from .health_check import compile_health_check
from .istio_alpn import TYPE_NAMES as ISTIO_ALPN
from .opaque import Opaque
from .rbac import TYPE_NAME as RBAC
from .rbac import compile_http_rbac

ROUTER = "envoy.extensions.filters.http.router.v3.Router"
JWT = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
LOCAL_RATE_LIMIT = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
WASM = "envoy.extensions.filters.http.wasm.v3.Wasm"

_ENVOY = "envoy.extensions.filters.http."
HARMLESS = ISTIO_ALPN | {
    *(
        _ENVOY + name
        for name in (
            "grpc_stats.v3.FilterConfig",
            "grpc_web.v3.GrpcWeb",
            "grpc_http1_bridge.v3.Config",
            "compressor.v3.Compressor",
            "decompressor.v3.Decompressor",
            "gzip.v3.Gzip",
            "tap.v3.Tap",
            "buffer.v3.Buffer",
            "header_to_metadata.v3.Config",
            "set_metadata.v3.Config",
            "set_filter_state.v3.Config",
            "bandwidth_limit.v3.BandwidthLimit",
            "alternate_protocols_cache.v3.FilterConfig",
            "on_demand.v3.OnDemand",
        )
    ),
    "io.istio.http.peer_metadata.Config",
    "stats.PluginConfig",
    "io.istio.http.connect_authority.Config",
    "envoy.config.filter.http.grpc_stats.v2alpha.FilterConfig",
}
"""They let every request pass and do not change where it goes."""

_COMPILERS: Mapping[str, Callable[[View, str], Behaviour | None]] = {
    FAULT: compile_fault,
    CORS: compile_cors_filter,
    HEALTH_CHECK: compile_health_check,
    RBAC: compile_http_rbac,
}


def compile_http_filters(views: tuple[View, ...]) -> tuple[HttpFilter, ...]:
    """The entries of `http_filters`, in order."""
    seen: dict[str, int] = {}
    made = []
    for view in views:
        name = view.text("name", "")
        seen[name] = seen.get(name, 0) + 1
        made.append(_compile(view, name if seen[name] == 1 else f"{name}#{seen[name]}"))
    return tuple(made)


def _compile(view: View, label: str) -> HttpFilter:
    name = view.text("name", "")
    typed = view.extension()
    type_name = typed.type_name if typed is not None else _discovered_type(view)
    return HttpFilter(
        name=name,
        label=label,
        type_name=type_name,
        place=view.place,
        behaviour=_behaviour(name, type_name, typed, view),
        terminal=type_name == ROUTER,
        disabled=view.boolean("disabled", False),
    )


def _behaviour(name: str, type_name: str, typed: TypedConfig | None, view: View) -> Behaviour | None:
    if type_name == ROUTER or type_name in HARMLESS:
        return None
    compile_known = _COMPILERS.get(type_name)
    if typed is None:
        return Opaque(name, type_name, view.place)
    if compile_known is not None:
        return compile_known(typed.view, name)
    if type_name == WASM and _is_null_vm(typed.view):
        return None
    needed = _ACTS_BY.get(type_name, ())
    return Opaque(name, type_name, view.place, bool(needed) and not any(map(typed.view.has, needed)))


_ACTS_BY = {
    JWT: ("rules", "requirement_map", "filter_state_rules"),
    LOCAL_RATE_LIMIT: ("token_bucket",),
}
"""Without one of these fields the filter itself lets everything pass; only a route's configuration may not."""


def _is_null_vm(view: View) -> bool:
    """Istio's own statistics and metadata exchange of 1.5 to 1.17: compiled in, named like a Wasm module."""
    config = view.view("config")
    machine = config.view("vm_config") if config is not None else None
    if machine is None:
        return False
    if machine.text("runtime", "") == "envoy.wasm.runtime.null":
        return True
    code = machine.view("code")
    local = code.view("local") if code is not None else None
    path = local.text("filename", "") if local is not None else ""
    return path.startswith("/etc/istio/extensions/")


def _discovered_type(view: View) -> str:
    discovery = view.view("config_discovery")
    urls = discovery.texts("type_urls") if discovery is not None else ()
    return urls[0].rpartition("/")[2] if urls else ""
