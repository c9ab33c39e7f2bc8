"""Many connection managers side by side, one a port, each with a route table of its own; for families about routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.setting import REDIRECTED, Setting

FIRST_PORT = 8000
DESTINATION = "10.93.9.9"
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}
CLUSTERS = ("one", "two", "three")

Table = Mapping[str, Any]
Call = Mapping[str, Any]


def setting(
    name: str,
    tables: Sequence[tuple[Table, Sequence[Call]]],
    *,
    manager: Mapping[str, Any] | None = None,
    clusters: Sequence[Mapping[str, Any]] = (),
    transport: Mapping[str, Any] | None = None,
    marks: Sequence[str] = (),
) -> Setting:
    """Each table with the calls made against it; the calls state no destination."""
    own = [{**static(each, f"10.93.1.{number}"), "name": each} for number, each in enumerate(CLUSTERS, start=1)]
    listeners = [_listener(FIRST_PORT + index, table, manager or {}, transport) for index, (table, _) in _all(tables)]
    calls = [
        {"destination": f"{DESTINATION}:{FIRST_PORT + index}", "authority": "a.test", **call}
        for index, (_, made) in _all(tables)
        for call in made
    ]
    return Setting(
        name=name,
        dump=_dump([_original_destination(), *listeners], [_passthrough(), *own, *clusters]),
        calls=calls,
        rules=REDIRECTED,
        configurations=len(tables),
        world=[Upstream("0.0.0.0:80", "auto", name="any")],
        marks=marks,
    )


def table(*routes: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """One virtual host for every host; route names are given where there are none."""
    vhost = fields.pop("vhost", {})
    named = [{"name": f"r{index}", **route} for index, route in enumerate(routes)]
    host = {"name": "v", "domains": ["*"], "routes": named, **vhost}
    return {"name": "table", "validate_clusters": False, "virtual_hosts": [host], **fields}


def static(name: str, address: str, **fields: Any) -> dict[str, Any]:
    """A cluster of one endpoint, which answers 200 and repeats what it received."""
    endpoint = {"endpoint": {"address": _address(address, 80), **fields.pop("endpoint", {})}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "load_assignment": assignment, **fields}


def _all(tables: Sequence[tuple[Table, Sequence[Call]]]) -> list[tuple[int, tuple[Table, Sequence[Call]]]]:
    return list(enumerate(tables))


def _listener(port: int, made: Table, manager: Mapping[str, Any], transport: Mapping[str, Any] | None) -> Any:
    fields = {"@type": HCM, "stat_prefix": "h", "http_filters": [ROUTER], "route_config": made, **manager}
    chain: dict[str, Any] = {"filters": [{"name": "hcm", "typed_config": fields}]}
    if transport is not None:
        chain["transport_socket"] = transport
    return {
        "name": f"at-{port}",
        "address": _address("0.0.0.0", port),
        "bind_to_port": False,
        "filter_chains": [chain],
    }


def _original_destination() -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    proxy = {"@type": kind, "stat_prefix": "tcp", "cluster": "passthrough"}
    return {
        "name": "virtualOutbound",
        "address": _address("0.0.0.0", 15001),
        "use_original_dst": True,
        "filter_chains": [{"filters": [{"name": "tcp", "typed_config": proxy}]}],
    }


def _passthrough() -> dict[str, Any]:
    return {"name": "passthrough", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}


def _dump(listeners: Sequence[Any], clusters: Sequence[Any]) -> dict[str, Any]:
    admin = "type.googleapis.com/envoy.admin.v3."
    active = [{"name": each["name"], "active_state": {"listener": each}} for each in listeners]
    return {
        "configs": [
            {
                "@type": f"{admin}ClustersConfigDump",
                "dynamic_active_clusters": [{"cluster": each} for each in clusters],
            },
            {"@type": f"{admin}ListenersConfigDump", "dynamic_listeners": active},
        ]
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
