"""The table of HTTP filters by type, and how an entry of `http_filters` is compiled.

A type in no table is opaque: it lets requests pass as an assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...config.view import TypedConfig, View
from ..extension_places import HTTP_FILTER, refuse_misplaced_extension
from .api_key_auth import TYPE_NAME as API_KEY_AUTH
from .api_key_auth import compile_api_key_auth
from .base import Behaviour, HttpFilter
from .basic_auth import TYPE_NAME as BASIC_AUTH
from .basic_auth import compile_basic_auth
from .buffer import TYPE_NAME as BUFFER
from .buffer import compile_buffer
from .cdn_loop import TYPE_NAME as CDN_LOOP
from .cdn_loop import compile_cdn_loop
from .compressor import TYPE_NAME as COMPRESSOR
from .compressor import compile_compressor
from .cors import TYPE_NAME as CORS
from .cors import compile_cors_filter
from .csrf import TYPE_NAME as CSRF
from .csrf import compile_csrf
from .decompressor import TYPE_NAME as DECOMPRESSOR
from .decompressor import compile_decompressor
from .ext_authz import TYPE_NAME as EXT_AUTHZ
from .ext_authz import compile_ext_authz
from .fault import TYPE_NAME as FAULT
from .fault import compile_fault
from .grpc_web import TYPE_NAME as GRPC_WEB
from .grpc_web import compile_grpc_web
from .header_mutation import TYPE_NAME as HEADER_MUTATION
from .header_mutation import compile_header_mutation
from .header_to_metadata import TYPE_NAME as HEADER_TO_METADATA
from .header_to_metadata import compile_header_to_metadata
from .health_check import TYPE_NAME as HEALTH_CHECK
from .health_check import compile_health_check
from .ip_tagging import TYPE_NAME as IP_TAGGING
from .ip_tagging import compile_ip_tagging
from .istio_alpn import TYPE_NAMES as ISTIO_ALPN
from .jwt_authn import TYPE_NAME as JWT
from .jwt_authn import compile_jwt_authn
from .local_rate_limit import TYPE_NAME as LOCAL_RATE_LIMIT
from .local_rate_limit import compile_local_rate_limit
from .opaque import BodyNotes, Opaque
from .own_checks import refuse_by_its_own_code
from .rate_limit import TYPE_NAME as RATE_LIMIT
from .rate_limit import compile_rate_limit
from .rbac import TYPE_NAME as RBAC
from .rbac import compile_http_rbac
from .set_filter_state import TYPE_NAME as SET_FILTER_STATE
from .set_filter_state import compile_set_filter_state
from .set_metadata import TYPE_NAME as SET_METADATA
from .set_metadata import compile_set_metadata
from .stateful_session import TYPE_NAME as STATEFUL_SESSION
from .stateful_session import compile_stateful_session
from .with_matcher import WITH_MATCHER, compile_with_matcher

ROUTER = "envoy.extensions.filters.http.router.v3.Router"
WASM = "envoy.extensions.filters.http.wasm.v3.Wasm"

_ENVOY = "envoy.extensions.filters.http."
HARMLESS = ISTIO_ALPN | {
    *(
        _ENVOY + name
        for name in (
            "grpc_stats.v3.FilterConfig",
            "gzip.v3.Gzip",
            "tap.v3.Tap",
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
    API_KEY_AUTH: compile_api_key_auth,
    BASIC_AUTH: compile_basic_auth,
    BUFFER: compile_buffer,
    CDN_LOOP: compile_cdn_loop,
    COMPRESSOR: compile_compressor,
    CSRF: compile_csrf,
    DECOMPRESSOR: compile_decompressor,
    EXT_AUTHZ: compile_ext_authz,
    GRPC_WEB: compile_grpc_web,
    HEADER_MUTATION: compile_header_mutation,
    HEADER_TO_METADATA: compile_header_to_metadata,
    IP_TAGGING: compile_ip_tagging,
    JWT: compile_jwt_authn,
    LOCAL_RATE_LIMIT: compile_local_rate_limit,
    RATE_LIMIT: compile_rate_limit,
    SET_FILTER_STATE: compile_set_filter_state,
    SET_METADATA: compile_set_metadata,
    STATEFUL_SESSION: compile_stateful_session,
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
    if typed is not None:
        refuse_misplaced_extension(typed, name, HTTP_FILTER)
        refuse_by_its_own_code(typed)
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
    if type_name == WITH_MATCHER:
        return compile_with_matcher(typed.view, name, _wrapped)
    if type_name == _BRIDGE and not any(typed.view.boolean(each, False) for each in _BRIDGE_CHANGES):
        return None
    if type_name in _NOTE_BODIES:
        return BodyNotes(name, type_name, view.place)
    if compile_known is not None:
        return compile_known(typed.view, name)
    if type_name == WASM and _is_null_vm(typed.view):
        return None
    return Opaque(name, type_name, view.place)


def _wrapped(view: View) -> Behaviour | None:
    """A filter within another one's configuration."""
    typed = view.extension()
    name = view.text("name", "")
    return _behaviour(name, typed.type_name if typed is not None else "", typed, view)


_BRIDGE = _ENVOY + "grpc_http1_bridge.v3.Config"
_BRIDGE_CHANGES = ("upgrade_protobuf_to_grpc", "ignore_query_parameters")
"""What changes requests; without them it only gathers trailers of gRPC for HTTP/1 clients."""
_NOTE_BODIES = frozenset(
    {
        _ENVOY + "json_to_metadata.v3.JsonToMetadata",
        _ENVOY + "proto_message_extraction.v3.ProtoMessageExtractionConfig",
        _ENVOY + "thrift_to_metadata.v3.ThriftToMetadata",
    }
)


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
