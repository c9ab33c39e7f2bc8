"""A gateway whose one listener leaves much open: routes and clusters as dicts, and a mesh that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshsim.api import Mesh
from meshsim.assemble import assemble
from meshsim.config.capture import PodDocuments, RulesText
from meshsim.config.config_dump import read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.config.host_facts import read_host_facts
from meshsim.facts.call import Call
from meshsim.stages import STAGES
from tests.builders_http import http_filter, manager_fields, one_route
from tests.builders_upstream import locality

ADMIN = "type.googleapis.com/envoy.admin.v3."
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ADDRESS, PORT = "10.1.0.1", 80
CALL = Call(from_="outside", destination=f"{ADDRESS}:{PORT}", path="/")
NO_RULES = "*nat\n:PREROUTING ACCEPT\nCOMMIT\n"
LUA = http_filter("lua", "lua.v3.Lua")


def split(*weights: tuple[str, int], numerator: int | None = None, denominator: str = "HUNDRED") -> dict[str, Any]:
    """A route to weighted clusters, behind a runtime fraction where a numerator is given."""
    match: dict[str, Any] = {"prefix": "/"}
    if numerator is not None:
        match["runtime_fraction"] = {"default_value": {"numerator": numerator, "denominator": denominator}}
    clusters = [{"name": name, "weight": weight} for name, weight in weights]
    return one_route(match, route={"weighted_clusters": {"clusters": clusters}})


def to(cluster: str, match: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return one_route(match, route={"cluster": cluster})


def static(name: str, *localities: Mapping[str, Any] | str, **fields: Any) -> dict[str, Any]:
    """Localities, or endpoints of a single one."""
    plain = [each for each in localities if isinstance(each, str)]
    made = [locality(*plain)] if plain else [dict(each) for each in localities if not isinstance(each, str)]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": made}, **fields}


def listener(
    routes: Sequence[Mapping[str, Any]], *, address: str = "0.0.0.0", port: int = PORT, **manager: Any
) -> dict[str, Any]:
    config = {"@type": MANAGER, **manager_fields(*routes, **manager)}
    return {
        "name": f"{address}_{port}",
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": config}]}],
    }


def mesh(listeners: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]]) -> Mesh:
    sections = [
        {
            "@type": ADMIN + "ListenersConfigDump",
            "dynamic_listeners": [{"name": each["name"], "active_state": {"listener": each}} for each in listeners],
        },
        {"@type": ADMIN + "ClustersConfigDump", "static_clusters": [{"cluster": each} for each in clusters]},
    ]
    dump = Document("dump.json", Kind.CONFIG_DUMP, {"configs": sections}, SourceText.of("dump.json", ""))
    said = {"kind": "HostFacts", "addresses": [f"{ADDRESS}/24"]}
    host = Document("host.yaml", Kind.HOST_FACTS, said, SourceText.of("host.yaml", ""))
    pod = PodDocuments(
        "gate", proxy=read_config_dump(dump), rules_v4=RulesText("rules.v4", NO_RULES), host=read_host_facts(host)
    )
    return Mesh(assemble([pod], STAGES))


def gateway(*routes: Mapping[str, Any], clusters: Sequence[Mapping[str, Any]] = (), **manager: Any) -> Mesh:
    return mesh([listener(routes, **manager)], clusters)
