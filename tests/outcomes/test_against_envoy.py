"""Generated retry policies and failing upstreams: our way back and the real Envoy's must be one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from meshsim.config.capture import PodDocuments
from meshsim.facts.call import read_call
from meshsim.mesh import Mesh
from meshsim.trace import trace
from tests.outcomes import loopback
from tests.outcomes.worlds import PREVIOUS_HOSTS, TYPES, address, cluster, facts, hcm, proxy, tcp_proxy, world
from tests.realism.prerequisites import envoy_binary

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here"),
]

CALLS = 60
CONDITIONS = (
    "connect-failure",
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "retriable-4xx",
    "retriable-status-codes",
    "refused-stream",
    "unavailable",
    "envoy-ratelimited",
)
PAUSE = {"retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"}}


def random_policy(dice: random.Random) -> dict[str, Any]:
    """Timers are far enough apart that a slow machine does not turn them around."""
    made: dict[str, Any] = {
        "retry_on": ",".join(dice.sample(CONDITIONS, dice.randint(0, 3))),
        "num_retries": dice.randint(0, 3),
        **PAUSE,
    }
    if dice.random() < 0.3:
        made["per_try_timeout"] = "0.15s"
    if dice.random() < 0.5:
        made["retriable_status_codes"] = [dice.choice([200, 409, 500, 503])]
    if dice.random() < 0.3:
        made |= {"retry_host_predicate": [PREVIOUS_HOSTS], "host_selection_retry_max_attempts": "3"}
    if dice.random() < 0.3:
        kind = f"{TYPES}retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
        config = {"@type": kind, "update_frequency": dice.randint(1, 3)}
        made["retry_priority"] = {"name": "envoy.retry_priorities.previous_priorities", "typed_config": config}
    if dice.random() < 0.2:
        made["retriable_request_headers"] = [{"name": "x-again", "present_match": True}]
    return made


def random_headers(dice: random.Random) -> dict[str, str]:
    likely = {
        "x-again": "1",
        "x-envoy-max-retries": str(dice.randint(0, 4)),
        "x-envoy-retry-on": dice.choice(CONDITIONS),
        "x-envoy-retriable-status-codes": "409,503",
        "x-envoy-upstream-rq-timeout-ms": "400",
    }
    return {name: value for name, value in likely.items() if dice.random() < 0.15}


def random_cluster(dice: random.Random, name: str, ports: dict[str, int]) -> dict[str, Any]:
    """One host a priority, so that nothing is left to a draw."""
    hosts = [[f"127.0.0.1:{ports[dice.choice(list(ports))]}"] for _ in range(dice.randint(1, 3))]
    breaker = {"circuit_breakers": {"thresholds": [{"max_retries": 0}]}}
    return cluster(*hosts, name=name, **(breaker if dice.random() < 0.15 else {}))


def mesh(port: int, chain: dict[str, Any], clusters: list[dict[str, Any]], ports: dict[str, int]) -> Mesh:
    """The same Envoy, and beside it the upstreams as host facts."""
    sockets = [
        {"listen": f"127.0.0.1:{number}", "speaks": name if not name.isdigit() else "http"}
        | ({"status": int(name)} if name.isdigit() else {})
        for name, number in ports.items()
        if name != "refused"
    ]
    held = proxy(chain, at=f"127.0.0.1:{port}", clusters=clusters)
    return world(PodDocuments("gate", proxy=held, host=facts(addresses=["10.1.0.1/24"], sockets=sockets)))


def listener(port: int, chain: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"listener-{port}",
        "address": address(f"127.0.0.1:{port}"),
        "filter_chains": [{"filters": [chain]}],
    }


def flags_of(entry: dict[str, Any]) -> set[str]:
    return set((entry["flags"] or "").replace("-", "").split(",")) - {""}


def test_over_http(tmp_path: Path) -> None:
    dice, upstreams = random.Random(3), loopback.Upstreams()
    (port,) = loopback.free_ports(1)
    clusters = [random_cluster(dice, f"c{index}", upstreams.ports) for index in range(CALLS)]
    timeouts = [dice.choice(["0.5s", "0.7s"]) for _ in range(CALLS)]
    routes = [
        {
            "match": {"prefix": f"/{index}/"},
            "route": {"cluster": f"c{index}", "timeout": timeouts[index], "retry_policy": random_policy(dice)},
        }
        for index in range(CALLS)
    ]
    table = {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]}
    inside = {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}
    made = hcm(route_config=table, internal_address_config=inside, **loopback.logged_to(tmp_path / "log"))
    ours = mesh(port, made, clusters, upstreams.ports)
    wrong = {}
    with loopback.running([listener(port, made)], clusters, tmp_path):
        for index in range(CALLS):
            headers = random_headers(dice)
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            request = f"GET /{index}/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n"
            peer, answer = loopback.send(port, request.encode())
            body = answer.partition(b"\r\n\r\n")[2].decode()
            entry = loopback.entry(tmp_path / "log", peer)
            call = {"destination": f"127.0.0.1:{port}", "authority": "a", "path": f"/{index}/", "headers": headers}
            done = trace(ours, read_call(call))
            hop = done.hops[0]
            told = (
                hop.status,
                set(hop.response_flags),
                hop.response_code_details,
                len(hop.attempts),
                hop.upstream_transport_failure_reason,
                done.outcome.body or "",
            )
            seen = (
                entry["status"],
                flags_of(entry),
                entry["details"],
                entry["attempts"],
                entry["transport"],
                body,
            )
            assert done.explain()
            if told != seen:
                wrong[index] = (routes[index]["route"], clusters[index], headers, told, seen)
    upstreams.close()
    assert wrong == {}


def test_over_tcp(tmp_path: Path) -> None:
    dice, upstreams = random.Random(4), loopback.Upstreams()
    number = 16
    ports = loopback.free_ports(number)
    listeners, clusters, chains = [], [], []
    for index in range(number):
        clusters.append(random_cluster(dice, f"c{index}", upstreams.ports))
        log = loopback.logged_to(tmp_path / f"log{index}")
        chain = tcp_proxy(f"c{index}", max_connect_attempts=dice.randint(1, 3), idle_timeout="0.3s", **log)
        chains.append(chain)
        listeners.append(listener(ports[index], chain))
    wrong = {}
    with loopback.running(listeners, clusters, tmp_path):
        for index in range(number):
            port = listeners[index]["address"]["socket_address"]["port_value"]
            peer, _ = loopback.send(port, b"GET / HTTP/1.1\r\n\r\n")
            entry = loopback.entry(tmp_path / f"log{index}", peer)
            ours = mesh(port, chains[index], clusters, upstreams.ports)
            done = trace(ours, read_call({"destination": f"127.0.0.1:{port}", "protocol": "tcp", "payload": "x"}))
            hop = done.hops[0]
            told = (set(hop.response_flags), len(hop.attempts), hop.upstream_transport_failure_reason)
            seen = (flags_of(entry), entry["attempts"], entry["transport"])
            ended = done.outcome.kind == "closed"
            if told != seen or (ended and hop.downstream_local_close_reason != entry["close"]):
                wrong[index] = (chains[index], clusters[index], told, seen, entry["close"])
    upstreams.close()
    assert wrong == {}
