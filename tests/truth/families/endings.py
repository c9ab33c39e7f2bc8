"""How streams end without an answer of their own: timers, broken upstreams, limits, drops, filters that refuse."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import downstream_tls
from tests.truth.families._shapes import address, dump, filter_of, manager, static_cluster
from tests.truth.setting import POD_ADDRESS, Setting

PORT, HOST = 21000, "10.94.0.1"
SPOKEN = {"http": 9000, "silent": 9001, "close": 9002, "reset": 9003}
CLOSED = 9009
INSIDE = 21443
UNREACHABLE = "10.94.9.9"
TIMES = 12
RETRIED = {"retry_on": "5xx,connect-failure,reset", "num_retries": 1, "retry_back_off": {"base_interval": "0.001s"}}

ENDINGS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "answered": ("http", {}),
    "answer time": ("silent", {"timeout": "0.05s"}),
    "time of a try": ("silent", {"retry_policy": {**RETRIED, "num_retries": 0, "per_try_timeout": "0.05s"}}),
    "time of each try": ("silent", {"retry_policy": {**RETRIED, "per_try_timeout": "0.05s"}}),
    "idle try": ("silent", {"retry_policy": {**RETRIED, "num_retries": 0, "per_try_idle_timeout": "0.05s"}}),
    "each idle try": ("silent", {"retry_policy": {**RETRIED, "per_try_idle_timeout": "0.05s"}}),
    "a try that never stood": ("unreachable", {"timeout": "1s", "retry_policy": {"per_try_idle_timeout": "0.05s"}}),
    "idle stream": ("silent", {"timeout": "0s", "idle_timeout": "0.05s"}),
    "longest stream": ("silent", {"timeout": "0s", "max_stream_duration": {"max_stream_duration": "0.05s"}}),
    "closed": ("close", {}),
    "closed, tried again": ("close", {"retry_policy": RETRIED}),
    "reset": ("reset", {}),
    "refused": ("refused", {}),
    "refused, tried again": ("refused", {"retry_policy": RETRIED}),
    "no way": ("unreachable", {"timeout": "5s"}),
    "no room": ("full", {}),
    "dropped": ("dropped", {}),
    "nobody": ("empty", {}),
    "no cluster": ("nowhere", {}),
}
FILTERS: dict[str, dict[str, Any]] = {
    "local rate limit": filter_of(
        "http",
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix="x",
        token_bucket={"max_tokens": 0, "tokens_per_fill": 1, "fill_interval": "3600s"},
        filter_enabled={"default_value": {"numerator": 100}},
        filter_enforced={"default_value": {"numerator": 100}},
    ),
    "rate limit": filter_of(
        "http",
        "ratelimit.v3.RateLimit",
        domain="x",
        failure_mode_deny=True,
        rate_limit_service={"grpc_service": {"envoy_grpc": {"cluster_name": "empty"}}, "transport_api_version": "V3"},
    ),
    "buffer": filter_of("http", "buffer.v3.Buffer", max_request_bytes=4),
    "csrf": filter_of(
        "http", "csrf.v3.CsrfPolicy", filter_enabled={"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    ),
    "loop": filter_of("http", "cdn_loop.v3.CdnLoopConfig", cdn_id="here"),
}
BODY = {"method": "POST", "headers": {"content-length": "8", "cdn-loop": "here", "origin": "http://elsewhere"}}
SENT = (
    "POST / HTTP/1.1\r\nHost: a.test\r\ncontent-length: 8\r\ncdn-loop: here\r\norigin: http://elsewhere\r\n\r\n12345678"
)


def settings() -> Iterator[Setting]:
    routes = [
        {"name": name, "match": {"path": f"/{index}"}, "route": {"cluster": cluster, **config}}
        for index, (name, (cluster, config)) in enumerate(ENDINGS.items())
    ]
    calls = [_call(PORT, f"/{index}", grpc=turn % 3 == 2) for index in range(len(routes)) for turn in range(TIMES)]
    sockets = [{"listen": f"0.0.0.0:{port}", "protocol": "tcp", "speaks": speaks} for speaks, port in SPOKEN.items()]
    yield Setting(
        name="of upstreams",
        dump=dump([_listener("endings", PORT, manager(routes))], _clusters()),
        calls=calls,
        configurations=len(routes),
        hosts=[{"kind": "HostFacts", "pod": "far", "addresses": [f"{HOST}/24"], "sockets": sockets}],
        unreachable=[f"{UNREACHABLE}/32"],
        world=[Upstream(f"0.0.0.0:{port}", speaks, name=speaks) for speaks, port in SPOKEN.items()],
    )

    yield Setting(
        name="of answers",
        dump=_of_answers(),
        calls=[
            {**_call(PORT, f"/{index}", grpc=False), "method": "DELETE"} for index in range(3) for _ in range(TIMES)
        ],
        configurations=3,
        hosts=[
            {
                "kind": "HostFacts",
                "pod": "far",
                "addresses": [f"{HOST}/24"],
                "sockets": [
                    {"listen": f"0.0.0.0:{SPOKEN['http']}", "protocol": "tcp", "speaks": "http", "status": 503}
                ],
            }
        ],
        world=[Upstream(f"0.0.0.0:{SPOKEN['http']}", "http", status=503, name="unwilling")],
    )

    limited = {"actions": [{"generic_key": {"descriptor_value": "x"}}]}
    to_all = {"match": {"prefix": "/"}, "route": {"cluster": "http", "rate_limits": [limited]}}
    ports = range(PORT, PORT + len(FILTERS))
    yield Setting(
        name="of filters",
        dump=dump(
            [
                _listener(name, port, manager([to_all], filters=[each]))
                for port, (name, each) in zip(ports, FILTERS.items(), strict=True)
            ],
            _clusters(),
        ),
        calls=[{**_call(port, "/", grpc=False), **BODY, "bytes": SENT} for port in ports for _turn in range(TIMES)],
        configurations=len(FILTERS),
        hosts=[{"kind": "HostFacts", "pod": "far", "addresses": [f"{HOST}/24"], "sockets": sockets}],
        world=[Upstream(f"0.0.0.0:{SPOKEN['http']}", "http", name="http")],
    )


def _of_answers() -> dict[str, Any]:
    """The last answer after all tries, an answer that is no HTTP (an alert of TLS), a cluster in maintenance."""
    routes = [
        _to("/0", "http", timeout="0s", retry_policy={**RETRIED, "retry_on": "gateway-error"}),
        _to("/1", "tls"),
        _to("/2", "maintained"),
    ]
    inside = _listener("tls", INSIDE, manager([_to("/", "http")]))
    inside["filter_chains"][0]["transport_socket"] = downstream_tls.context({})
    clusters = [static_cluster("http", HOST, SPOKEN["http"]), static_cluster("tls", POD_ADDRESS, INSIDE)]
    clusters += [static_cluster("maintained", HOST, SPOKEN["http"])]
    layer = {"upstream.maintenance_mode.maintained": 100}
    return dump([_listener("answers", PORT, manager(routes)), inside], clusters, layer)


def _to(path: str, cluster: str, **config: Any) -> dict[str, Any]:
    return {"name": path, "match": {"prefix": path}, "route": {"cluster": cluster, **config}}


def _call(port: int, path: str, *, grpc: bool) -> dict[str, Any]:
    headers = {"content-type": "application/grpc"} if grpc else {}
    return {"destination": f"{POD_ADDRESS}:{port}", "path": path, "authority": "a.test", "headers": headers}


def _listener(name: str, port: int, last: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [{"filters": [last]}]}


def _clusters() -> list[dict[str, Any]]:
    made = [static_cluster(speaks, HOST, port) for speaks, port in SPOKEN.items()]
    made += [static_cluster("refused", HOST, CLOSED), static_cluster("dropped", HOST, SPOKEN["http"])]
    made[-1]["load_assignment"]["policy"] = {
        "drop_overloads": [{"category": "all", "drop_percentage": {"numerator": 100}}]
    }
    full = static_cluster("full", HOST, SPOKEN["http"])
    full["circuit_breakers"] = {"thresholds": [{"max_requests": 0}]}
    lost = static_cluster("unreachable", UNREACHABLE, SPOKEN["http"]) | {"connect_timeout": "0.1s"}
    empty = {"name": "empty", "type": "STATIC", "connect_timeout": "2s", "load_assignment": {"cluster_name": "empty"}}
    return [*made, full, lost, empty]
