"""A pod with one listener for each list of HTTP filters, as a config dump."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.builders_http import ROUTER, manager_fields, one_route

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
FIRST_PORT = 21000
HOST = "10.93.0.2"
UPSTREAMS = {"c": "10.94.0.1", "d": "10.94.0.2", "dead": None}
Case = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A connection manager, and what is asked of it: fields of the call document."""


def manager(*filters: Mapping[str, Any], route: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return manager_fields(route or one_route(name="r"), http_filters=[*filters, ROUTER], **fields)


def dump(cases: Sequence[Case]) -> dict[str, Any]:
    admin = "type.googleapis.com/envoy.admin.v3."
    listeners = [
        {"name": f"case-{index}", "active_state": {"listener": _listener(index, fields)}}
        for index, (fields, _calls) in enumerate(cases)
    ]
    clusters = [{"cluster": _cluster(name, address)} for name, address in UPSTREAMS.items()]
    clusters.append({"cluster": _cluster("refuses", UPSTREAMS["c"], 81)})
    return {
        "configs": [
            {
                "@type": f"{admin}BootstrapConfigDump",
                "bootstrap": {"node": {"id": f"sidecar~{HOST}~here.ns~ns.svc.cluster.local"}},
            },
            {"@type": f"{admin}ListenersConfigDump", "dynamic_listeners": listeners},
            {"@type": f"{admin}ClustersConfigDump", "dynamic_active_clusters": clusters},
        ]
    }


def calls(cases: Sequence[Case]) -> list[dict[str, Any]]:
    return [
        {"destination": f"{HOST}:{FIRST_PORT + index}", "authority": "a.test", **call}
        for index, (_fields, asked) in enumerate(cases)
        for call in asked
    ]


def _listener(index: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    named = {"name": "hcm", "typed_config": {"@type": HCM, **fields}}
    return {
        "name": f"case-{index}",
        "address": _address("0.0.0.0", FIRST_PORT + index),
        "filter_chains": [{"filters": [named]}],
    }


def _cluster(name: str, address: str | None, port: int = 80) -> dict[str, Any]:
    hosts = [] if address is None else [{"endpoint": {"address": _address(address, port)}}]
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}] if hosts else []},
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
