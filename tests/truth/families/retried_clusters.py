"""Weighted clusters and matchers as retries meet them (refresh_cluster_on_retry), and replies of weighted routes."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from tests.realism.random_routes import ROUTER
from tests.realism.upstreams import Upstream
from tests.truth.families._http2_versions import speaking
from tests.truth.families._managers import TYPES, address, call, cluster, setting
from tests.truth.families.cluster_specifiers import _inline, _is, _leads, _listed
from tests.truth.setting import Setting

Fields = dict[str, Any]
HOST = "10.93.1.1"
PORTS = {"fine": 9200, "busy": 9503, "also busy": 9504, "close": 9002, "silent": 9003, "refused": 9009}
STATUS = {"busy": 503, "also busy": 503}
RETRIED = {
    "retry_on": "5xx,connect-failure,reset",
    "num_retries": 2,
    "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
    "refresh_cluster_on_retry": True,
}


def settings() -> Iterator[Setting]:
    yield _placed(setting("another cluster", _weighed(), _by_value, CLUSTERS))
    yield _placed(setting("another cluster by matcher", _matched(), _named, CLUSTERS))
    yield _placed(setting("replies of weighted routes", _answering(), _ways, CLUSTERS))


def _placed(made: Setting) -> Setting:
    sockets = [
        {"listen": f"0.0.0.0:{port}", "protocol": "tcp", "speaks": _speaks(name), "status": STATUS.get(name, 200)}
        for name, port in PORTS.items()
        if name != "refused"
    ]
    world = [
        Upstream(f"0.0.0.0:{port}", _speaks(name), STATUS.get(name, 200), name)
        for name, port in PORTS.items()
        if name != "refused"
    ]
    hosts = [{"kind": "HostFacts", "pod": "far", "addresses": [f"{HOST}/24"], "sockets": sockets}]
    return evolve(made, world=world, hosts=hosts)


def _speaks(name: str) -> str:
    return name if name in ("close", "silent") else "http"


def _at(name: str, *ports: str, **more: Any) -> Fields:
    endpoints = [
        {
            "endpoint": {"address": address(HOST, PORTS[port])},
            "metadata": {"filter_metadata": {"envoy.lb": {"port": port}}},
        }
        for port in ports
    ]
    return {
        **cluster(name, **more),
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _no(limit: str) -> Fields:
    return {"circuit_breakers": {"thresholds": [{limit: 0}]}}


SUBSETS = {"lb_subset_config": {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["port"]}]}}
CLUSTERS = (
    *(_at(name, name) for name in PORTS),
    _at("third", "also busy"),
    _at("subsets", "busy", "also busy", "fine", **SUBSETS),
    _at("no retries", "busy", **_no("max_retries")),
    _at("no pending", "fine", **_no("max_pending_requests")),
    _at("no requests", "fine", **_no("max_requests")),
    _at("newer", "busy", **speaking()),
    {"name": "nobody", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}},
)
WRITTEN = {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _added(name: str, value: str) -> Fields:
    return {"header": {"key": name, "value": value}, **WRITTEN}


def _entry(name: str, weight: int = 1, **more: Any) -> Fields:
    """`@x` stands for the cluster that header x names."""
    named = {"cluster_header": name[1:]} if name.startswith("@") else {"name": name}
    return {
        **named,
        "weight": weight,
        "request_headers_to_add": [_added("x-sent-as", name)],
        "response_headers_to_add": [{"header": {"key": "x-entry", "value": name}}],
        "response_headers_to_remove": ["x-envoy-overloaded"],
        **more,
    }


def _subset(port: str) -> Fields:
    return {"metadata_match": {"filter_metadata": {"envoy.lb": {"port": port}}}}


def _table(action: Mapping[str, Any], **route: Any) -> Fields:
    added = [
        {"header": {"key": "x-entry", "value": "route"}},
        {"header": {"key": "x-went", "value": "%UPSTREAM_CLUSTER%"}},
    ]
    # without a time-out nothing is written of the time that is left
    routes = [
        {
            "name": "r",
            "match": {"prefix": "/"},
            "route": {"timeout": "0s", **action},
            "response_headers_to_add": added,
            **route,
        }
    ]
    vhost = {"name": "v", "domains": ["*"], "routes": routes, "include_attempt_count_in_response": True}
    return {
        "route_config": {
            "name": "table",
            "virtual_hosts": [{**vhost, "include_request_attempt_count": True}],
            "validate_clusters": False,
        }
    }


def _weights(*entries: Fields, by: Mapping[str, Any] | None = None, **more: Any) -> Fields:
    chooses = {"header_name": "x-value"} if by is None else by
    return {"weighted_clusters": {"clusters": list(entries), **chooses}, "retry_policy": RETRIED, **more}


def _tries(count: int, **more: Any) -> Fields:
    return {"retry_policy": {**RETRIED, "num_retries": count, **more}}


BUSY = (_entry("busy", 2), _entry("also busy", 3), _entry("third", 5))
HASHED = {"use_hash_policy": True}
KEY = [{"header": {"header_name": "x-value"}}]


def _weighed() -> Sequence[Fields]:
    """Each a connection manager; header x-value says what is drawn."""
    one, two = _entry("busy"), _entry("also busy")
    return (
        *(_table(_weights(*BUSY, **_tries(count))) for count in (0, 1, 2, 3, 5)),
        _table(_weights(*BUSY, **_tries(2, refresh_cluster_on_retry=False))),
        _table(_weights(one, _entry("fine", 4))),
        _table(_weights(one, _entry("fine", 0))),
        _table(_weights(one, _entry("busy"), _entry("fine"), **_tries(1))),
        _table(_weights(one, _entry("missing"))),
        _table(_weights(one, _entry("nobody"))),
        _table(_weights(one, _entry("refused"), **_tries(1))),
        _table(_weights(_entry("close"), _entry("fine"))),
        _table(_weights(one, _entry("no pending"), _entry("fine"))),
        _table(_weights(one, _entry("no requests"), **_tries(1))),
        _table(_weights(one, _entry("no retries"), _entry("fine"))),
        _table(_weights(_entry("no retries"), one)),
        _table(_weights(_entry("newer"), _entry("fine"))),
        _table(_weights(_entry("subsets", **_subset("busy")), _entry("subsets", **_subset("fine")))),
        _table(_weights(one, _entry("subsets", **_subset("fine")))),
        _table(_weights(one, _entry("subsets", **_subset("none")))),
        _table(_weights(_entry("subsets", **_subset("busy")), two, **_subset("also busy"), **_tries(4))),
        _table(_weights(one, _entry("@x-there"))),
        _table(_weights(_entry("@x-there")), request_headers_to_add=[_added("x-there", "fine")]),
        _table(_weights(*BUSY, **_tries(1)), request_headers_to_add=[_added("x-value", "7")]),
        _table(_weights(*BUSY, by=HASHED, hash_policy=KEY)),
        _table(_weights(*BUSY, by=HASHED, hash_policy=KEY), request_headers_to_add=[_added("x-value", "7")]),
        _table(_weights(_entry("refused"), _entry("fine"), host_rewrite_literal="h.test", prefix_rewrite="/new")),
        _table({"cluster": "busy", "retry_policy": RETRIED}),
        _table(
            {"cluster_header": "x-there", "retry_policy": RETRIED}, request_headers_to_add=[_added("x-there", "fine")]
        ),
    )


def _by_value(_draw: random.Random, port: int, options: Mapping[str, Any]) -> Iterator[Fields]:
    action = options["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    several = len(action.get("weighted_clusters", {}).get("clusters", ())) > 2
    for value in (0, 1, 2, 4, 5, 7, 9, 12345678901) if several else (0, 1):
        for there in (
            ("busy", "also busy", "missing") if "@x-there" in str(action) or "x-there" in str(action) else ("",)
        ):
            yield call(port, headers={"x-value": str(value), **({"x-there": there} if there else {})})


def _matched() -> Sequence[Fields]:
    trees = (
        _listed((_is("x-a", exact="two"), _leads("fine")), on_no_match=_leads("busy")),
        _listed((_is("x-a", exact="one"), _leads("busy")), (_is("x-a", exact="two"), _leads("missing"))),
        _listed((_is("x-a", exact="one"), _leads("busy")), (_is("x-a", exact="two"), _leads("nobody"))),
        _listed((_is("x-a", exact="one"), _leads("busy"))),
        _listed((_is("x-envoy-attempt-count", exact="2"), _leads("fine")), on_no_match=_leads("busy")),
        _listed((_is(":path", prefix="/new"), _leads("fine")), on_no_match=_leads("also busy")),
        _listed((_is(":authority", exact="h.test"), _leads("fine")), on_no_match=_leads("also busy")),
        _listed((_is("x-a", exact="two"), _leads("no retries")), on_no_match=_leads("third")),
    )
    rewrites = {"host_rewrite_literal": "h.test", "prefix_rewrite": "/new"}
    return tuple(
        _table({**_inline(tree), "retry_policy": policy, **more}, request_headers_to_add=added)
        for tree in trees
        for policy in (RETRIED, {**RETRIED, "num_retries": 4}, {**RETRIED, "refresh_cluster_on_retry": False})
        for more, added in (({}, [_added("x-a", "two")]), (rewrites, [_added("x-b", "two")]))
    )


def _named(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Fields]:
    for value in ("one", "two", "three"):
        yield call(port, headers={"x-a": value})


ABORT = {"abort": {"http_status": 418, "percentage": {"numerator": 100}}}
FAULT = {"name": "fault", "typed_config": {"@type": f"{TYPES}.filters.http.fault.v3.HTTPFault", **ABORT}}
LEADS = ("fine", "busy", "missing", "nobody", "refused", "close", "silent", "no pending", "no requests", "@x-there")


def _answering() -> Sequence[Fields]:
    """Entry 0 answers; entry 1 shows which of the two it was."""
    tables = [
        _table(_weights(_entry(name), _entry("fine"), timeout="0.15s", retry_policy={"num_retries": 0}))
        for name in LEADS
    ]
    mapped = {"local_reply_config": {"body_format": {"text_format": "%RESPONSE_CODE% by %UPSTREAM_CLUSTER%"}}}
    return (
        *tables,
        *({**table, "http_filters": [FAULT, ROUTER]} for table in tables),
        *({**table, **mapped} for table in tables[:5]),
    )


def _ways(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Fields]:
    for value in ("0", "1"):
        yield call(port, headers={"x-value": value, "x-there": "busy"})
    yield call(port, headers={"x-value": "0", "connection": "upgrade", "upgrade": "other"})
    yield call(port, headers={"x-value": "0", "content-type": "application/grpc"}, method="POST")
