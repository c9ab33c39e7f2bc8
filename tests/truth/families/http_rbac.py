"""RBAC over HTTP: drawn policies and Istio's layout, asked by clients that nearly are who they should be."""

import random
from collections.abc import Iterator
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import _policies, _shapes
from tests.truth.setting import POD_ADDRESS, Setting

LISTENERS, CALLS = 6, 150
WITH_MATCHERS = range(250, 252)
FIRST_PORT = 20000
RBAC, PER_ROUTE = "rbac.v3.RBAC", _shapes.TYPES + "filters.http.rbac.v3.RBACPerRoute"
ROUTE_FACTS = {"tier": "gold", "number": 3, "flag": True, "list": ["a", 1], "nothing": None}


def settings() -> Iterator[Setting]:
    upstream = [Upstream("0.0.0.0:9000", "http", name="app")]
    for seed in (*range(200, 207), *WITH_MATCHERS):
        draw = random.Random(seed)
        clusters = [_shapes.static_cluster("app", "10.94.0.1", 9000)]
        listeners = [_listener(draw, number, matchers=seed in WITH_MATCHERS) for number in range(LISTENERS)]
        yield Setting(
            name=f"drawn from {seed}",
            dump=_shapes.dump(listeners, clusters),
            calls=[_call(draw, draw.choice(listeners)) for _ in range(CALLS)],
            configurations=LISTENERS,
            world=upstream,
            marks=("HTTP rbac",),
        )


def _listener(draw: random.Random, number: int, *, matchers: bool) -> dict[str, Any]:
    routes: list[dict[str, Any]] = []
    if draw.random() < 0.5:
        own: dict[str, Any] = {} if draw.random() < 0.4 else {"rbac": _filter(draw)["typed_config"]}
        own.get("rbac", {}).pop("@type", None)
        per_route = {"envoy.filters.http.rbac": {"@type": PER_ROUTE, **own}}
        route = {"match": {"prefix": "/public"}, "direct_response": {"status": 202}}
        routes.append({**route, "name": "own", "typed_per_filter_config": per_route})
    metadata = {"filter_metadata": {"route.facts": ROUTE_FACTS}}
    routes.append({"name": "app", "match": {"prefix": "/a"}, "route": {"cluster": "app"}, "metadata": metadata})
    if draw.random() < 0.5:
        routes.append({"name": "rest", "match": {"prefix": "/"}, "direct_response": {"status": 203}})
    table = {"ignore_path_parameters_in_path_matching": True} if draw.random() < 0.4 else {}
    config: dict[str, Any] = {"use_remote_address": True} if draw.random() < 0.5 else {}
    if draw.random() < 0.3:
        config["xff_num_trusted_hops"] = 1
    chain: dict[str, Any] = {"filters": [_shapes.manager(routes, _filters(draw, matchers=matchers), table, **config)]}
    secured = draw.random() < 0.5
    if secured:
        chain["transport_socket"] = _shapes.tls_socket(certificate=draw.choice(("none", "asked", "asked")))
    inspector = _shapes.filter_of("listener", "tls_inspector.v3.TlsInspector")
    return {
        "name": f"{'tls' if secured else 'plain'}-{number}",
        "address": _shapes.address("0.0.0.0", FIRST_PORT + number),
        "listener_filters": [inspector] if secured or draw.random() < 0.5 else [],
        "filter_chains": [chain],
    }


def _filters(draw: random.Random, *, matchers: bool) -> list[dict[str, Any]]:
    if matchers:
        return [_shapes.filter_of("http", RBAC, matcher=_policies.matcher(draw))]
    if draw.random() < 0.4:
        actions = [("LOG", 1)] * draw.randint(0, 1) + [("DENY", draw.randint(1, 2))] + [("ALLOW", draw.randint(1, 3))]
        return [
            _shapes.filter_of("http", RBAC, rules=_policies.istio_rules(draw, action, count))
            for action, count in actions[draw.randint(0, 1) :]
        ]
    return [_filter(draw) for _ in range(draw.randint(1, 2))]


def _filter(draw: random.Random) -> dict[str, Any]:
    action = draw.choice(("ALLOW", "ALLOW", "DENY", "DENY", "LOG"))
    config: dict[str, Any] = {}
    if draw.random() < 0.93:
        config["rules"] = _policies.rules(draw, action)
    if draw.random() < 0.3:
        config["shadow_rules"] = _policies.rules(draw, "DENY", most=2)
    return _shapes.filter_of("http", RBAC, **config)


def _call(draw: random.Random, listener: dict[str, Any]) -> dict[str, Any]:
    port = listener["address"]["socket_address"]["port_value"]
    call: dict[str, Any] = {
        "from": "outside",
        "destination": f"{POD_ADDRESS}:{port}",
        "source": f"{draw.choice(_policies.SOURCES)}:0",
        "method": draw.choice(_policies.METHODS),
        "path": draw.choice(_policies.PATHS),
        "headers": draw.choice(_policies.HEADERS),
        "authority": draw.choice(("a.test", "a.test:80", "A.test")),
    }
    if draw.random() < 0.15:
        call["headers"] = {**call["headers"], "content-type": "application/grpc"}
    if listener["name"].startswith("tls"):
        call["tls"] = {"sni": draw.choice(("a.test", "b.test")), "alpn": ["http/1.1"]}
        if draw.random() < 0.7:
            call["tls"]["client_certificate"] = draw.choice(_policies.identities())
    return call
