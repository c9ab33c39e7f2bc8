"""Small HTTP worlds: connection managers as dicts, requests, and a walk through the five HTTP stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from meshsim.address import parse_endpoint
from meshsim.choices import Chooser
from meshsim.config.config_dump import ProxyDocument, read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.config.view import View
from meshsim.envoy.network_filters.hcm import HttpConnectionManager, compile_hcm
from meshsim.envoy.proxy import Proxy
from meshsim.envoy.vhosts import RouteTable, compile_route_table
from meshsim.explanation import Decision
from meshsim.facts.answer import Answer
from meshsim.facts.connection import Connection, DownstreamTls, Peer
from meshsim.facts.conversation import Conversation
from meshsim.facts.request import Request
from meshsim.mesh import Mesh, Pod
from meshsim.netfilter.netns import Netns
from meshsim.outcome import Ending
from meshsim.place import Place
from meshsim.report import Draft, Hop
from meshsim.stages import filters, http, route, router, vhost
from meshsim.states import AtCluster, AtHttp, AtReturn, State

MESH = Mesh((), {})
HTTP_STAGES = {stage.accepts: stage for stage in (http.STAGE, vhost.STAGE, route.STAGE, filters.STAGE, router.STAGE)}
TYPES = "type.googleapis.com/envoy.extensions.filters.http."
ROUTER = {"name": "envoy.filters.http.router", "typed_config": {"@type": TYPES + "router.v3.Router"}}


def view(data: Mapping[str, Any], doc: str = "test.json") -> View:
    return View(dict(data), Place(doc))


def http_filter(name: str, kind: str, /, **fields: Any) -> dict[str, Any]:
    """`kind` such as `fault.v3.HTTPFault`."""
    return {"name": name, "typed_config": {"@type": TYPES + kind, **fields}}


def one_route(match: Mapping[str, Any] | None = None, /, **fields: Any) -> dict[str, Any]:
    """A route to cluster `c` for everything, unless said otherwise."""
    if not {"route", "redirect", "direct_response", "non_forwarding_action"} & set(fields):
        fields["route"] = {"cluster": "c"}
    return {"match": dict(match) if match is not None else {"prefix": "/"}, **fields}


def virtual_host(*routes: Mapping[str, Any], name: str = "v", domains: Sequence[str] = ("*",), **fields: Any) -> Any:
    return {"name": name, "domains": list(domains), "routes": [dict(each) for each in routes], **fields}


def table_fields(*hosts: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "table", "virtual_hosts": [dict(each) for each in hosts], **fields}


def route_table(*hosts: Mapping[str, Any], **fields: Any) -> RouteTable:
    return compile_route_table(view(table_fields(*hosts, **fields)))


def manager_fields(*routes: Mapping[str, Any], table: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A connection manager: one virtual host for every host with these routes, or the given table."""
    made = {
        "stat_prefix": "x",
        "http_filters": [ROUTER],
        "route_config": table if table is not None else table_fields(virtual_host(*routes)),
        **fields,
    }
    if "rds" in made or "scoped_routes" in made:
        del made["route_config"]
    return made


def manager(*routes: Mapping[str, Any], table: Mapping[str, Any] | None = None, **fields: Any) -> HttpConnectionManager:
    return compile_hcm(view(manager_fields(*routes, table=table, **fields)), "hcm")


def dump(*route_configs: Mapping[str, Any], sections: Sequence[str] = ("routes",)) -> ProxyDocument:
    base = "type.googleapis.com/envoy.admin.v3."
    configs: list[dict[str, Any]] = []
    if "routes" in sections:
        listed = [{"route_config": dict(each)} for each in route_configs]
        configs.append({"@type": base + "RoutesConfigDump", "dynamic_route_configs": listed})
    else:
        configs.append({"@type": base + "ClustersConfigDump"})
    data = {"configs": configs}
    return read_config_dump(Document("dump.json", Kind.CONFIG_DUMP, data, SourceText.of("dump.json", "")))


def pod(document: ProxyDocument | None = None, address: str = "10.80.3.109") -> Pod:
    ip, _ = parse_endpoint(f"{address}:1")
    proxy = Proxy(document if document is not None else dump(), "sidecar~10.80.3.109~sleep.default~default.svc")
    return Pod("sleep", (ip,), Netns("sleep"), proxy)


def connection(
    local: str = "10.0.0.5:80", remote: str = "10.80.3.109:40000", *, tls: bool = False, peer: bool = False
) -> Connection:
    made = Connection(*parse_endpoint(local), *parse_endpoint(remote), *parse_endpoint(remote), restored=True)
    if tls or peer:
        made = evolve(made, tls=DownstreamTls("h2", Peer(presented=peer, validated=peer)))
    return made


def headers(**values: str | Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`x_user="a"` is header x-user."""
    return {
        name.replace("_", "-"): (value,) if isinstance(value, str) else tuple(value) for name, value in values.items()
    }


def request(path: str = "/", *, host: str | None = "a.com", method: str = "GET", **fields: Any) -> Request:
    named = fields.pop("headers", {})
    return evolve(Request(method, "http", host, path, dict(named)), **fields)


@frozen
class Walked:
    """What the HTTP stages made of a request."""

    end: State
    """AtReturn or AtCluster."""
    picked: dict[str, Any]
    """Stage name -> what it picked."""
    chooser: Chooser
    decisions: dict[str, Decision]
    hop: Hop

    @property
    def ending(self) -> Ending:
        assert isinstance(self.end, AtReturn), self.end
        return self.end.ending

    @property
    def cluster(self) -> str:
        assert isinstance(self.end, AtCluster), self.end
        return self.end.name

    @property
    def sent(self) -> Request:
        assert isinstance(self.end, AtCluster), self.end
        sent = self.end.conversation.request
        assert sent is not None
        return sent

    @property
    def reason(self) -> str:
        """The code of the last decision's reason."""
        return list(self.decisions.values())[-1].reason.code


def walk(
    hcm: HttpConnectionManager,
    said: Request | Conversation | None = None,
    *,
    accepted: Connection | None = None,
    owner: Pod | None = None,
    pins: Mapping[str, str] | None = None,
    random_value: int | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> Walked:
    """From AtHttp until the request leaves the HTTP stages; every explanation is asked for and must agree."""
    if not isinstance(said, Conversation):
        sent = said if said is not None else request()
        said = Conversation(sent.version, request=sent)
    state: Any = AtHttp(owner or pod(), hcm, accepted or connection(), said, 0, None)
    chooser = Chooser(pins=dict(pins or {}), random_value=random_value, answers=dict(answers or {}))
    picked, decisions, draft = {}, {}, Draft()
    draft.hop(0, "sleep")
    while type(state) in HTTP_STAGES:
        stage = HTTP_STAGES[type(state)]
        choice, after = stage.decide(MESH, state, chooser)
        picked[stage.name] = choice
        decisions[stage.name] = stage.explain(MESH, state, choice)
        stage.describe(MESH, state, choice, draft)
        state = after
    return Walked(state, picked, chooser, decisions, draft.hops[0])
