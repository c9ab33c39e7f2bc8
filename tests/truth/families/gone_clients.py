"""Clients that give up: while a filter holds the request back, while the upstream is dialled, or while it is silent.

Surprising: the stream's own timers run while a fault delays it, and the delay winds none of them up again; a delay that
outlasts the client ends before an abort that would follow it; the time of a try begins once its connection stands; half
a request line is logged as a request, half an HTTP/2 preface is not.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families._shapes import address, dump, filter_of, manager, static_cluster
from tests.truth.setting import POD_ADDRESS, Setting

PORT, FAR, HOST = 21000, 21900, "10.94.0.1"
SPOKEN = {"http": 9000, "silent": 9001}
UNREACHABLE = "10.94.9.9"
PATIENCE = "0.25s"
RETRIED = {"retry_on": "5xx,connect-failure,reset", "retry_back_off": {"base_interval": "0.001s"}}
TIMED = {**RETRIED, "num_retries": 1, "per_try_timeout": "0.02s"}
ROUTES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "silent": ("silent", {}),
    "for ever": ("silent", {"timeout": "0s"}),
    "sooner": ("silent", {"timeout": "0.05s"}),
    "tried again": ("silent", {"retry_policy": {**RETRIED, "num_retries": 5, "per_try_timeout": "0.06s"}}),
    "answered": ("http", {}),
    "no way": ("unreachable", {}),
    "no way, sooner": ("quick", {}),
    "no way, a time for each try": ("unreachable", {"retry_policy": TIMED}),
    "no way, sooner, a time for each try": ("quick", {"retry_policy": TIMED}),
    "far": ("far", {}),
    "far, sooner": ("far", {"timeout": "0.05s"}),
    "far, held": ("held", {}),
    "far, held, sooner": ("held", {"timeout": "0.04s"}),
    "far, held for long": ("held long", {}),
    "far, held for long, sooner": ("held long", {"timeout": "0.05s"}),
    "idle": ("silent", {"idle_timeout": "0.04s"}),
    "longest": ("silent", {"max_stream_duration": {"max_stream_duration": "0.04s"}}),
    "idle later": ("silent", {"idle_timeout": "0.12s", "timeout": "0.08s"}),
    "longest later": ("silent", {"max_stream_duration": {"max_stream_duration": "0.12s"}, "timeout": "0.08s"}),
    "mirrored": ("silent", {"request_mirror_policies": [{"cluster": "http"}]}),
}

_SOCKETS = [{"listen": f"0.0.0.0:{port}", "protocol": "tcp", "speaks": speaks} for speaks, port in SPOKEN.items()]
_AROUND: dict[str, Any] = {
    "hosts": [{"kind": "HostFacts", "pod": "far", "addresses": [f"{HOST}/24"], "sockets": _SOCKETS}],
    "unreachable": [f"{UNREACHABLE}/32"],
    "world": [Upstream(f"0.0.0.0:{port}", speaks, name=speaks) for speaks, port in SPOKEN.items()],
    "marks": ["clients that give up"],
}


def delay(seconds: str, **more: Any) -> dict[str, Any]:
    return filter_of(
        "http", "fault.v3.HTTPFault", delay={"fixed_delay": seconds, "percentage": {"numerator": 100}}, **more
    )


ABORT = {"abort": {"http_status": 418, "percentage": {"numerator": 100}}}
FILTERS = {
    "none": [],
    "long": [delay("5s")],
    "short": [delay("0.08s")],
    "short twice": [delay("0.15s"), {**delay("0.15s"), "name": "second"}],
    "long, then an abort": [delay("5s", **ABORT)],
    "short, then an abort": [delay("0.05s", **ABORT)],
}


def settings() -> Iterator[Setting]:
    listeners, calls = [], []
    routes = [
        {"name": name, "match": {"path": f"/{index}"}, "route": {"cluster": cluster, **config}}
        for index, (name, (cluster, config)) in enumerate(ROUTES.items())
    ]
    routes.append({"name": "said", "match": {"path": "/said"}, "direct_response": {"status": 200}})
    for number, (name, filters) in enumerate(FILTERS.items()):
        port = PORT + number
        listeners.append(_listener(name, port, manager(routes, filters)))
        for path in (*range(len(ROUTES)), "said"):
            calls += [_call(port, f"/{path}", **more) for more in ({}, {"protocol": "http2"}, GRPC)]
    far = [_to("silent")]
    listeners.append(_listener("far", FAR, manager(far)))
    listeners.append(_listener("held", FAR + 1, manager([_to("http")], [delay("0.08s")])))
    listeners.append(_listener("held long", FAR + 2, manager([_to("http")], [delay("5s")])))
    configurations = len(FILTERS) * len(routes)
    made = dump(listeners, _clusters())
    yield Setting(name="gone clients", dump=made, calls=calls, configurations=configurations, **_AROUND)
    yield _without_a_request()


def _to(cluster: str) -> dict[str, Any]:
    return {"name": cluster, "match": {"prefix": "/"}, "route": {"cluster": cluster}}


def _without_a_request() -> Setting:
    """Bytes that nobody answers, and heads that never end."""
    inspector = filter_of("listener", "tls_inspector.v3.TlsInspector")
    waits = {"request_headers_timeout": "5s"}
    proxied = filter_of("network", "tcp_proxy.v3.TcpProxy", stat_prefix="s", cluster="silent")
    idle = filter_of("network", "tcp_proxy.v3.TcpProxy", stat_prefix="s", cluster="silent", idle_timeout="0.05s")
    lasts = (proxied, idle, manager([_to("http")]), manager([_to("http")], **waits), manager([_to("silent")]))
    listeners, calls = [], []
    for port, (last, more) in enumerate(((last, more) for last in lasts for more in ({}, INSPECTED)), PORT):
        listeners.append({**_listener(str(port), port, last), **({"listener_filters": [inspector]} if more else {})})
        for said in ("G", "GET / HTTP/1.1\r\nHost: a.test\r\n", "PRI * HTTP/2.0\r\n"):
            for source in ({}, {"from": "outside"}):
                bare = {"destination": f"{POD_ADDRESS}:{port}", "protocol": "tcp", "payload": said}
                calls.append({**bare, **source, "max_time": PATIENCE})
    return Setting(name="gone without a request", dump=dump(listeners, _clusters()), calls=calls, **_AROUND)


INSPECTED = {"listener_filters": True}
GRPC = {"headers": {"content-type": "application/grpc"}, "method": "POST"}


def _call(port: int, path: str, **more: Any) -> dict[str, Any]:
    call = {"destination": f"{POD_ADDRESS}:{port}", "path": path, "authority": "a.test", "max_time": PATIENCE}
    return {**call, **more}


def _listener(name: str, port: int, last: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [{"filters": [last]}]}


def _clusters() -> list[dict[str, Any]]:
    made = [static_cluster(speaks, HOST, port) for speaks, port in SPOKEN.items()]
    made += [static_cluster(name, POD_ADDRESS, FAR + index) for index, name in enumerate(("far", "held", "held long"))]
    made.append(static_cluster("unreachable", UNREACHABLE, SPOKEN["http"]) | {"connect_timeout": "5s"})
    made.append(static_cluster("quick", UNREACHABLE, SPOKEN["http"]) | {"connect_timeout": "0.05s"})
    return made
