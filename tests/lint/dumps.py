"""Small config dumps, and what the checks find in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meshsim.api import load
from meshsim.findings import Finding
from meshsim.lint.configuration import lint_mesh
from meshsim.lint.selection import selection

_TYPES = "type.googleapis.com/envoy"
NODE = "sidecar~10.9.0.2~shop.default~default.svc.cluster.local"


def dump(
    *,
    listeners: Sequence[Any] = (),
    clusters: Sequence[Any] = (),
    routes: Sequence[Any] = (),
    endpoints: Sequence[Any] = (),
    node: str = NODE,
    leave_out: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """A whole dump, but for the sections that are left out; `more` goes into the sections as it stands."""
    sections = {
        "Bootstrap": {"bootstrap": {"node": {"id": node}, **more.pop("bootstrap", {})}},
        "Listeners": {
            "dynamic_listeners": [
                *({"name": each["name"], "active_state": {"listener": each}} for each in listeners),
                *more.pop("more_listeners", ()),
            ]
        },
        "Clusters": {
            "dynamic_active_clusters": [{"cluster": each} for each in clusters],
            "dynamic_warming_clusters": more.pop("warming_clusters", []),
        },
        "Routes": {"dynamic_route_configs": [{"route_config": each} for each in routes]},
        "Endpoints": {"dynamic_endpoint_configs": [{"endpoint_config": each} for each in endpoints]},
    }
    assert not more
    return {
        "configs": [
            {"@type": f"{_TYPES}.admin.v3.{name}ConfigDump", **section}
            for name, section in sections.items()
            if name not in leave_out
        ]
    }


def found(tmp_path: Path, document: Any, *codes: str, more: Sequence[Path | str] = ()) -> list[Finding]:
    """What the checks find; of these codes alone where some are given."""
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(document))
    return list(lint_mesh(load(str(file), *map(str, more)).compiled, selection(codes or ["ALL"], [], [])))


def codes(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, finding.resource) for finding in findings]


def facts(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in finding.facts if name != "name"}


def typed(kind: str, **config: Any) -> dict[str, Any]:
    """An extension of the type `envoy.KIND`."""
    return {"name": kind.rpartition(".")[2], "typed_config": {"@type": f"{_TYPES}.{kind}", **config}}


def hcm(**config: Any) -> dict[str, Any]:
    router = typed("extensions.filters.http.router.v3.Router")
    kind = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return typed(kind, stat_prefix="x", **{"http_filters": [router], **config})


def tcp(cluster: str = "a", **config: Any) -> dict[str, Any]:
    return typed("extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="x", cluster=cluster, **config)


def tls(secret: str = "", **config: Any) -> dict[str, Any]:
    secrets = {"tls_certificate_sds_secret_configs": [{"name": secret, "sds_config": {"ads": {}}}]} if secret else {}
    kind = "extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return typed(kind, common_tls_context={"alpn_protocols": ["h2"], **secrets}, **config)


def inspector(kind: str, **more: Any) -> dict[str, Any]:
    camel = "".join(word.capitalize() for word in kind.split("_"))
    return {**typed(f"extensions.filters.listener.{kind}.v3.{camel}"), **more}


def listener(name: str, *chains: Any, address: str = "10.9.0.9", port: int = 80, **more: Any) -> dict[str, Any]:
    where = {"socket_address": {"address": address, "port_value": port}}
    return {"name": name, "address": where, "filter_chains": list(chains), **more}


def chain(*filters: Any, name: str = "", match: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "filters": list(filters or (tcp(),)), "filter_chain_match": match or {}, **more}


def table(name: str, *hosts: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "virtual_hosts": list(hosts), **more}


def host(name: str, *routes: Any, domains: Sequence[str] = ("*",)) -> dict[str, Any]:
    return {"name": name, "domains": list(domains), "routes": list(routes)}


def route(cluster: str = "a", name: str = "", **action: Any) -> dict[str, Any]:
    to = action or {"cluster": cluster}
    return {"name": name, "match": {"prefix": "/"}, "route": to}


def cluster(name: str = "a", *addresses: str, **more: Any) -> dict[str, Any]:
    """A STATIC one, with an endpoint unless others are given."""
    return {"name": name, "type": "STATIC", "load_assignment": assignment(name, *(addresses or ("10.1.1.1",))), **more}


def assignment(name: str, *addresses: str, **more: Any) -> dict[str, Any]:
    made = [
        {"endpoint": {"address": {"socket_address": {"address": each, "port_value": 80}}}, **more} for each in addresses
    ]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": made}]}
