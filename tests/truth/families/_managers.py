"""Pieces of a dump for families whose subject is the connection manager: a listener a configuration, one upstream."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from tests.realism.random_routes import HCM, ROUTER
from tests.realism.upstreams import Upstream
from tests.truth.setting import POD_ADDRESS, Setting

TYPES = "type.googleapis.com/envoy.extensions"
UPSTREAM = Upstream("0.0.0.0:80", "http", name="any")
FIRST_PORT = 9000


def manager(**options: Any) -> dict[str, Any]:
    """Options of a connection manager, with the table that sends everything on unless they say otherwise."""
    base: dict[str, Any] = {"@type": HCM, "stat_prefix": "x", "http_filters": [ROUTER]}
    if not options.keys() & {"rds", "scoped_routes"}:
        base["route_config"] = TABLE
    return base | options


def chain(options: Mapping[str, Any], tls: Mapping[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"filters": [{"name": "hcm", "typed_config": dict(options)}]}
    if tls is not None:
        kind = f"{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext"
        made["transport_socket"] = {"name": "tls", "typed_config": {"@type": kind, **tls}}
    return made


def listener(port: int, options: Mapping[str, Any], tls: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"name": f"on {port}", "address": address("0.0.0.0", port), "filter_chains": [chain(options, tls)]}


def address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def cluster(name: str, host: str = "10.93.1.1", **more: Any) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": address(host, 80)}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "2s", "load_assignment": assignment} | more


def dump(
    listeners: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]], tables: Sequence[Any] = ()
) -> dict[str, Any]:
    admin = "type.googleapis.com/envoy.admin.v3."
    sections: list[dict[str, Any]] = [
        {
            "@type": f"{admin}ClustersConfigDump",
            "dynamic_active_clusters": [{"cluster": each} for each in clusters],
        },
        {
            "@type": f"{admin}ListenersConfigDump",
            "dynamic_listeners": [{"name": each["name"], "active_state": {"listener": each}} for each in listeners],
        },
        {
            "@type": f"{admin}RoutesConfigDump",
            "dynamic_route_configs": [{"route_config": each} for each in tables],
        },
    ]
    return {"configs": sections}


def call(port: int, **more: Any) -> dict[str, Any]:
    """From beyond the pod to a listener of its own."""
    return {"from": "outside", "destination": f"{POD_ADDRESS}:{port}", "authority": "a.test", **more}


def to(name: str = "up", **action: Any) -> dict[str, Any]:
    return {"name": f"to {name}", "match": {"prefix": "/"}, "route": {"cluster": name, **action}}


TABLE = {
    "name": "table",
    "virtual_hosts": [
        {"name": "a", "domains": ["a.test"], "routes": [to()]},
        {"name": "a with port", "domains": ["a.test:80"], "routes": [to()]},
        {"name": "below a", "domains": ["*.a.test", "b.*"], "routes": [to()]},
        {"name": "any", "domains": ["*"], "routes": [to()]},
    ],
}


def setting(
    name: str, options: Sequence[Mapping[str, Any]], calls: Any, clusters: Sequence[Any] = (), **more: Any
) -> Setting:
    """One listener a configuration; `calls(draw, port, options)` makes the probes of each."""
    ports = range(FIRST_PORT, FIRST_PORT + len(options))
    made = [listener(port, manager(**each)) for port, each in zip(ports, options, strict=True)]
    draw = random.Random(name)
    return Setting(
        name=name,
        dump=dump(made, [cluster("up"), *clusters]),
        calls=[one for port, each in zip(ports, options, strict=True) for one in calls(draw, port, each)],
        configurations=len(options),
        world=[UPSTREAM],
        **more,
    )
