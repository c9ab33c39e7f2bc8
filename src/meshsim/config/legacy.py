"""Extension names -> types, for entries that carry an untyped `config` or none at all; Envoy picked those by name.

Names from before Envoy 1.14 (`envoy.router`) and after it (`envoy.filters.http.router`) both occur without a type.
Transport sockets are missing on purpose: for `envoy.transport_sockets.tls` the type depends on the side.
"""

from __future__ import annotations

from .protojson import TYPE_PREFIX

_NETWORK = {
    "http_connection_manager": "http_connection_manager.v3.HttpConnectionManager",
    "tcp_proxy": "tcp_proxy.v3.TcpProxy",
    "mongo_proxy": "mongo_proxy.v3.MongoProxy",
    "redis_proxy": "redis_proxy.v3.RedisProxy",
    "echo": "echo.v3.Echo",
    "rbac": "rbac.v3.RBAC",
    "sni_cluster": "sni_cluster.v3.SniCluster",
    "ratelimit": "ratelimit.v3.RateLimit",
    "local_ratelimit": "local_ratelimit.v3.LocalRateLimit",
    "direct_response": "direct_response.v3.Config",
}
_HTTP = {
    "router": "router.v3.Router",
    "cors": "cors.v3.Cors",
    "fault": "fault.v3.HTTPFault",
    "lua": "lua.v3.Lua",
    "rbac": "rbac.v3.RBAC",
    "buffer": "buffer.v3.Buffer",
    "grpc_web": "grpc_web.v3.GrpcWeb",
    "grpc_stats": "grpc_stats.v3.FilterConfig",
    "grpc_http1_bridge": "grpc_http1_bridge.v3.Config",
    "health_check": "health_check.v3.HealthCheck",
    "ext_authz": "ext_authz.v3.ExtAuthz",
    "jwt_authn": "jwt_authn.v3.JwtAuthentication",
    "rate_limit": "ratelimit.v3.RateLimit",
    "gzip": "gzip.v3.Gzip",
    "csrf": "csrf.v3.CsrfPolicy",
}
_LISTENER = {
    "tls_inspector": "tls_inspector.v3.TlsInspector",
    "http_inspector": "http_inspector.v3.HttpInspector",
    "original_dst": "original_dst.v3.OriginalDst",
    "original_src": "original_src.v3.OriginalSrc",
    "proxy_protocol": "proxy_protocol.v3.ProxyProtocol",
}


def _types(prefix: str, room: str, table: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}{name}": f"{TYPE_PREFIX}envoy.extensions.filters.{room}.{kind}" for name, kind in table.items()}


EXTENSION_TYPES: dict[str, str] = {
    **_types("envoy.", "network", _NETWORK),
    **_types("envoy.", "http", _HTTP),
    **_types("envoy.listener.", "listener", _LISTENER),
    **_types("envoy.filters.network.", "network", _NETWORK),
    **_types("envoy.filters.http.", "http", _HTTP),
    **_types("envoy.filters.listener.", "listener", _LISTENER),
    "envoy.filters.network.metadata_exchange": TYPE_PREFIX + "envoy.tcp.metadataexchange.config.MetadataExchange",
    "envoy.transport_sockets.raw_buffer": TYPE_PREFIX + "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
}
"""Full type URLs, ready to compare with a TypedConfig's."""
