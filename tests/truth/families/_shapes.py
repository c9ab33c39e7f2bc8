"""Small pieces of configuration that several families are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

TYPES = "type.googleapis.com/envoy.extensions."
ADMIN = "type.googleapis.com/envoy.admin.v3."
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": TYPES + "filters.http.router.v3.Router"},
}


def address(ip: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": ip, "port_value": port}}


def filter_of(layer: str, short: str, name: str = "", **config: Any) -> dict[str, Any]:
    """`network`, `rbac.v3.RBAC` -> its entry in a chain."""
    kind = short.partition(".")[0]
    return {
        "name": name or f"envoy.filters.{layer}.{kind}",
        "typed_config": {"@type": f"{TYPES}filters.{layer}.{short}", **config},
    }


def manager(
    routes: Sequence[Mapping[str, Any]], filters: Sequence[Mapping[str, Any]] = (), table: Any = None, **config: Any
) -> dict[str, Any]:
    return filter_of(
        "network",
        "http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="drawn",
        http_filters=[*filters, ROUTER],
        route_config={
            "name": "table",
            "virtual_hosts": [{"name": "everything", "domains": ["*"], "routes": list(routes)}],
            **(table or {}),
        },
        **config,
    )


def tls_socket(*, certificate: str = "none", alpn: Sequence[str] = ()) -> dict[str, Any]:
    """Of a chain that terminates TLS; `certificate` of the client: none, asked or required."""
    common: dict[str, Any] = {"tls_certificate_sds_secret_configs": [{"name": "default"}]}
    if certificate != "none":
        common["validation_context_sds_secret_config"] = {"name": "ROOTCA"}
    if alpn:
        common["alpn_protocols"] = list(alpn)
    config = {
        "@type": TYPES + "transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": common,
        "require_client_certificate": certificate == "required",
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def static_cluster(name: str, ip: str, port: int) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(ip, port)}}]}],
        },
    }


def dump(
    listeners: Sequence[Mapping[str, Any]],
    clusters: Sequence[Mapping[str, Any]],
    runtime: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    bootstrap: dict[str, Any] = {"node": {"id": "proxy"}}
    if runtime is not None:
        bootstrap["layered_runtime"] = {"layers": [{"name": "static", "static_layer": runtime}]}
    return {
        "configs": [
            {"@type": ADMIN + "BootstrapConfigDump", "bootstrap": bootstrap},
            {
                "@type": ADMIN + "ClustersConfigDump",
                "dynamic_active_clusters": [{"cluster": each} for each in clusters],
            },
            {
                "@type": ADMIN + "ListenersConfigDump",
                "dynamic_listeners": [{"name": each["name"], "active_state": {"listener": each}} for each in listeners],
            },
            *(() if secrets is None else (secrets,)),
        ]
    }
