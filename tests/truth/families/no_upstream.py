"""tcp_proxy that finds nobody to dial: no cluster, no host, no room, a closed port; in plain and before a handshake."""

from collections.abc import Iterator
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families._shapes import address, dump, filter_of, static_cluster, tls_socket
from tests.truth.setting import POD_ADDRESS, Setting

FIRST_PORT, SERVED, CLOSED = 21000, 9000, 9999
NOBODY = {"no cluster": "nowhere", "no host": "empty", "no room": "full", "closed port": "closed", "served": "served"}
SOCKET = {"listen": f"0.0.0.0:{SERVED}", "protocol": "tcp", "speaks": "tcp"}
PLAIN = {"protocol": "tcp", "payload": "hello\n"}
TLS = PLAIN | {"tls": {"sni": "a.test", "alpn": []}}


def settings() -> Iterator[Setting]:
    listeners, calls = [], []
    for shape, (kind, cluster) in enumerate(
        (kind, cluster) for kind in ("plain", "tls") for cluster in NOBODY.values()
    ):
        port = FIRST_PORT + shape
        listeners.append(_listener(f"{kind}-{cluster}", port, cluster, secured=kind == "tls"))
        for ask in (PLAIN, TLS) if kind == "plain" else (TLS,):
            for host in (POD_ADDRESS, "127.0.0.1"):
                calls += [{"destination": f"{host}:{port}", **ask}] * 4
    yield Setting(
        name="nobody to dial",
        dump=dump(listeners, _clusters()),
        calls=calls,
        configurations=len(listeners),
        hosts=[{"kind": "HostFacts", "pod": "far", "addresses": ["10.94.0.1/24"], "sockets": [SOCKET]}],
        world=[Upstream(f"0.0.0.0:{SERVED}", "tcp", name="any")],
    )


def _clusters() -> list[dict[str, Any]]:
    full = static_cluster("full", "10.94.0.1", SERVED)
    full["circuit_breakers"] = {"thresholds": [{"max_connections": 0}]}
    empty = {"name": "empty", "type": "STATIC", "connect_timeout": "2s", "load_assignment": {"cluster_name": "empty"}}
    served = [static_cluster("closed", "10.94.0.1", CLOSED), static_cluster("served", "10.94.0.1", SERVED)]
    return [full, empty, *served]


def _listener(name: str, port: int, cluster: str, *, secured: bool) -> dict[str, Any]:
    chain: dict[str, Any] = {
        "filters": [filter_of("network", "tcp_proxy.v3.TcpProxy", stat_prefix="x", cluster=cluster)]
    }
    if secured:
        chain["transport_socket"] = tls_socket()
    inspectors = [filter_of("listener", "tls_inspector.v3.TlsInspector")]
    return {
        "name": name,
        "address": address("0.0.0.0", port),
        "listener_filters": inspectors,
        "filter_chains": [chain],
    }
