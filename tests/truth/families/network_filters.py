"""Chains of network filters nobody wrote: policies over TCP, limits, services nobody answers for, what ends a chain."""

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import _policies, _shapes
from tests.truth.setting import POD_ADDRESS, Setting

LISTENERS, CALLS = 7, 140
FIRST_PORT = 20000
CLUSTER = "envoy.tcp_proxy.cluster"


def settings() -> Iterator[Setting]:
    for seed in range(300, 306):
        draw = random.Random(seed)
        listeners = [_listener(draw, number) for number in range(LISTENERS)]
        calls = [_call(draw, draw.choice(listeners)) for _ in range(CALLS)]
        yield _setting(f"drawn from {seed}", listeners, calls)
    draw = random.Random(306)
    listeners = list(_before_the_handshake())
    yield _setting("before the handshake", listeners, [_call(draw, each) for each in listeners for _ in range(3)])


def _setting(name: str, listeners: list[dict[str, Any]], calls: list[dict[str, Any]]) -> Setting:
    clusters = [
        _shapes.static_cluster("app", "10.94.0.1", 9000),
        _shapes.static_cluster("refusing", "10.94.0.1", 9001),
        _shapes.static_cluster("closing", "10.94.0.1", 9002),
        {"name": "empty", "type": "STATIC", "connect_timeout": "1s"},
    ]
    return Setting(
        name=name,
        dump=_shapes.dump(listeners, clusters, {"limits": {"on": True, "off": 0}}),
        calls=calls,
        configurations=len(listeners),
        world=[Upstream("0.0.0.0:9000", "tcp", name="app"), Upstream("0.0.0.0:9002", "close", name="closes")],
        sockets=None,
        hosts=[_facts()],
        marks=("network filters",),
    )


def _before_the_handshake() -> Iterator[dict[str, Any]]:
    """What closes a connection when it is new: TLS has not begun, and what tls_inspector left behind is logged."""
    service = {"grpc_service": {"envoy_grpc": {"cluster_name": "empty"}}, "transport_api_version": "V3"}
    counted = {"domain": "d", "descriptors": [{"entries": [{"key": "a", "value": "b"}]}], "rate_limit_service": service}
    none_left = {"token_bucket": {"max_tokens": 0, "fill_interval": "3600s"}}
    closing = (
        _shapes.filter_of("network", "ratelimit.v3.RateLimit", stat_prefix="s", failure_mode_deny=True, **counted),
        _shapes.filter_of("network", "local_ratelimit.v3.LocalRateLimit", stat_prefix="s", **none_left),
        _shapes.filter_of("network", "sni_cluster.v3.SniCluster"),
    )
    ends = (
        _shapes.filter_of("network", "tcp_proxy.v3.TcpProxy", stat_prefix="s", cluster="empty"),
        _shapes.filter_of("network", "echo.v3.Echo"),
        _shapes.manager([{"match": {"prefix": "/"}, "name": "all", "direct_response": {"status": 204}}]),
    )
    for number, (first, last) in enumerate(itertools.product(closing, ends)):
        yield {
            "name": f"tls-{'http' if last is ends[-1] else 'tcp'}-{number}",
            "address": _shapes.address("0.0.0.0", FIRST_PORT + number),
            "listener_filters": [_shapes.filter_of("listener", "tls_inspector.v3.TlsInspector")],
            "filter_chains": [{"filters": [first, last], "transport_socket": _shapes.tls_socket(certificate="asked")}],
        }


def _facts() -> dict[str, Any]:
    sockets = [{"listen": "0.0.0.0:9000", "speaks": "tcp"}, {"listen": "0.0.0.0:9002", "speaks": "close"}]
    return {"kind": "HostFacts", "pod": "far", "addresses": ["10.94.0.1/24"], "sockets": sockets}


def _listener(draw: random.Random, number: int) -> dict[str, Any]:
    chain: dict[str, Any] = {"filters": [*_filters(draw), _last(draw)]}
    secured = draw.random() < 0.3 and not chain["filters"][-1]["name"].endswith("direct_response")
    if secured:
        chain["transport_socket"] = _shapes.tls_socket(certificate=draw.choice(("none", "asked")))
    kind = "http" if "http_connection" in chain["filters"][-1]["name"] else "tcp"
    return {
        "name": f"{'tls' if secured else 'plain'}-{kind}-{number}",
        "address": _shapes.address("0.0.0.0", FIRST_PORT + number),
        "listener_filters": [_shapes.filter_of("listener", "tls_inspector.v3.TlsInspector")] if secured else [],
        "filter_chains": [chain],
    }


def _last(draw: random.Random) -> dict[str, Any]:
    config: dict[str, Any]
    kind = draw.choice(("tcp", "tcp", "tcp", "tcp", "echo", "direct_response", "http"))
    if kind == "echo":
        return _shapes.filter_of("network", "echo.v3.Echo")
    if kind == "direct_response":
        config = draw.choice(({"response": {"inline_string": "no entry"}}, {}))
        return _shapes.filter_of("network", "direct_response.v3.Config", **config)
    if kind == "http":
        return _shapes.manager([{"match": {"prefix": "/"}, "name": "all", "direct_response": {"status": 204}}])
    config = {"stat_prefix": "drawn"}
    if draw.random() < 0.15:
        config["weighted_clusters"] = {"clusters": [{"name": draw.choice(("app", "nowhere")), "weight": 1}]}
    else:
        config["cluster"] = draw.choice(("app", "app", "app", "refusing", "closing", "empty", "nowhere"))
    return _shapes.filter_of("network", "tcp_proxy.v3.TcpProxy", **config)


def _filters(draw: random.Random) -> list[dict[str, Any]]:
    makers = (_rbac, _rbac, _rbac, _istio, _state, _sni, _authority, _counted, _tokens, _limit)
    found: list[dict[str, Any]] = []
    for _ in range(draw.choice((0, 1, 1, 2, 2, 3))):
        found += draw.choice(makers)(draw)
    return found


def _rbac(draw: random.Random) -> list[dict[str, Any]]:
    action = draw.choice(("ALLOW", "ALLOW", "DENY", "DENY", "LOG"))
    config: dict[str, Any] = {"rules": _policies.rules(draw, action, http=False)} if draw.random() < 0.9 else {}
    if draw.random() < 0.15:
        config["matcher"] = _policies.matcher(draw, http=False)
    if draw.random() < 0.2:
        config["shadow_rules"] = _policies.rules(draw, "DENY", http=False, most=2)
    if draw.random() < 0.2:
        config["enforcement_type"] = "CONTINUOUS"
    return [_shapes.filter_of("network", "rbac.v3.RBAC", stat_prefix="drawn", **config)]


def _istio(draw: random.Random) -> list[dict[str, Any]]:
    return [
        _shapes.filter_of(
            "network", "rbac.v3.RBAC", stat_prefix="tcp.", rules=_policies.istio_rules(draw, action, count, http=False)
        )
        for action, count in (("DENY", 1), ("ALLOW", 3))
    ]


def _state(draw: random.Random) -> list[dict[str, Any]]:
    text = draw.choice(("app", "nowhere", "empty", "", "%REQUESTED_SERVER_NAME%", "app"))
    value: Mapping[str, Any] = {"text_format_source": {"inline_string": text}}
    entry: dict[str, Any] = {"object_key": CLUSTER, "format_string": value}
    if draw.random() < 0.4:
        entry["skip_if_empty"] = True
    if draw.random() < 0.4:
        entry["format_string"] = {**value, "omit_empty_values": True}
    return [_shapes.filter_of("network", "set_filter_state.v3.Config", on_new_connection=[entry])]


def _sni(_draw: random.Random) -> list[dict[str, Any]]:
    return [_shapes.filter_of("network", "sni_cluster.v3.SniCluster")]


def _service(draw: random.Random) -> dict[str, Any]:
    return {"envoy_grpc": {"cluster_name": draw.choice(("empty", "nowhere"))}}


def _authority(draw: random.Random) -> list[dict[str, Any]]:
    config = {"stat_prefix": "drawn", "grpc_service": _service(draw), "failure_mode_allow": draw.random() < 0.4}
    return [_shapes.filter_of("network", "ext_authz.v3.ExtAuthz", **config)]


def _counted(draw: random.Random) -> list[dict[str, Any]]:
    service = {"grpc_service": _service(draw), "transport_api_version": "V3"}
    descriptors = [{"entries": [{"key": "a", "value": "b"}]}]
    config = {"stat_prefix": "drawn", "domain": "d", "descriptors": descriptors, "rate_limit_service": service}
    return [_shapes.filter_of("network", "ratelimit.v3.RateLimit", failure_mode_deny=draw.random() < 0.4, **config)]


def _tokens(draw: random.Random) -> list[dict[str, Any]]:
    bucket = {"max_tokens": draw.choice((0, 100_000)), "fill_interval": "3600s"}
    config: dict[str, Any] = {"stat_prefix": "drawn", "token_bucket": bucket}
    if draw.random() < 0.5:
        key = draw.choice(("limits.on", "limits.off", "limits.unset"))
        config["runtime_enabled"] = {"default_value": draw.random() < 0.5, "runtime_key": key}
    return [_shapes.filter_of("network", "local_ratelimit.v3.LocalRateLimit", **config)]


def _limit(_draw: random.Random) -> list[dict[str, Any]]:
    config = {"stat_prefix": "drawn", "max_connections": "99"}
    return [_shapes.filter_of("network", "connection_limit.v3.ConnectionLimit", **config)]


def _call(draw: random.Random, listener: dict[str, Any]) -> dict[str, Any]:
    port = listener["address"]["socket_address"]["port_value"]
    secured, kind, _ = listener["name"].split("-")
    call: dict[str, Any] = {
        "from": "outside",
        "destination": f"{POD_ADDRESS}:{port}",
        "source": f"{draw.choice(_policies.SOURCES)}:0",
    }
    if kind == "tcp":
        call |= {"protocol": "tcp", "payload": "hello"}
    if secured == "tls":
        call["tls"] = {"sni": draw.choice(("a.test", "b.test", "app"))}
        if draw.random() < 0.7:
            call["tls"]["client_certificate"] = draw.choice(_policies.identities())
    return call
