"""Redirects that the proxy follows itself: what it lets through, where they lead, and what the next pass makes of them.

The upstream is a listener of the same Envoy, so that the answers are known: header `x-go` says which one it gives.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families._redirect_tables import (
    ALL_CODES,
    ANSWERS,
    FILTERS,
    HOST,
    HOSTS,
    MANAGERS,
    SAFE,
    STRONGER,
    TABLES,
    TARGETS,
    follows,
)
from tests.truth.families._shapes import address, dump, filter_of, manager, static_cluster, tls_socket
from tests.truth.setting import POD_ADDRESS, Setting

PORT, FAR_PORT, CLOSED, APPLICATION = 22000, 23900, 23999, 9000


def settings() -> Iterator[Setting]:
    listeners, calls, port = [], [], PORT
    for name, routes in TABLES.items():
        listeners.append(_listener(name, port, manager([*routes, *TARGETS])))
        calls += [_call(port, go) for go in ANSWERS]
        calls += [_call(port, "other", "/q"), _call(port, "dest", "/q", "POST")]
        port += 1
    yield _setting("policies", listeners, calls, len(TABLES))

    listeners, calls, port = [], [], PORT
    for name, config in MANAGERS.items():
        listeners.append(_listener(name, port, manager([follows(ALL_CODES), *TARGETS], **config)))
        calls += [_call(port, go) for go in ANSWERS]
        calls += [_call(port, go, authority="a.test:80") for go in STRONGER]
        calls += [_call(port, go, headers={"x-forwarded-for": "1.2.3.4, 5.6.7.8"}) for go in STRONGER]
        calls += [_call(port, go, headers={"x-forwarded-proto": "https"}) for go in STRONGER]
        port += 1
    for name, filters in FILTERS.items():
        listeners.append(_listener(name, port, manager([follows(ALL_CODES), *TARGETS], filters)))
        calls += [_call(port, go) for go in ANSWERS]
        port += 1
    listeners.append(_listener("hosts", port, manager([], table={"virtual_hosts": HOSTS})))
    calls += [_call(port, go, authority=host) for go in ANSWERS for host in ("a.test", "b.test")]
    calls += [_call(port, go, authority="b.test", headers={"x-forwarded-proto": "https"}) for go in STRONGER]
    yield _setting("managers", listeners, calls, len(MANAGERS) + len(FILTERS) + 1)

    listeners = [_listener("every", PORT, manager([follows(ALL_CODES), *TARGETS]))]
    codes = ("301", "302", "303", "307", "308", "same host", "none", "again")
    calls = [
        _call(PORT, go, method=method, headers=headers)
        for go in codes
        if go in ANSWERS
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
        for headers in ({}, {"connection": "close"}, {"x-envoy-max-retries": "1", "x-envoy-original-url": "mine"})
    ]
    calls += [
        {**_call(PORT, go, method=method, headers={"content-length": "8"}), "bytes": _bytes(go, method)}
        for go in codes
        if go in ANSWERS
        for method in ("POST", "PUT", "DELETE")
    ]
    yield _setting("methods", listeners, calls, 1)

    listeners, calls, port = [], [], PORT
    for name, host in BODY_LIMITS.items():
        routes = [
            {**follows(ALL_CODES), **limit, "match": {"prefix": f"/p/{index}"}} for index, limit in enumerate(LIMITS)
        ]
        table = {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [*routes, *TARGETS], **host}]}
        listeners.append(_listener(name, port, manager([], table=table)))
        calls += [
            _with_body(port, f"/p/{index}", size) for index in range(len(LIMITS)) for size in (5, 10, 11, 20, 100, 101)
        ]
        port += 1
    yield _of_listeners()
    yield _setting("bodies", listeners, calls, len(BODY_LIMITS) * len(LIMITS))

    listeners = [
        _listener("inner", PORT, manager([follows(ALL_CODES | {"max_internal_redirects": 2}), *TARGETS])),
        _listener("outer", PORT + 1, manager([follows(ALL_CODES, cluster="inner"), *TARGETS])),
        _listener("passing", PORT + 2, manager([follows(None, cluster="inner"), *TARGETS])),
        _listener("shared", PORT + 3, manager([_shared({"clusters": [{"name": "far", "weight": 3}]}), *TARGETS])),
        _listener("by header", PORT + 4, manager([_named_by_header(), *TARGETS])),
    ]
    calls = [_call(PORT + index, go) for index in range(1, 4) for go in ANSWERS]
    calls += [_call(PORT + 4, go, headers={"x-cluster": name}) for go in STRONGER for name in ("far", "inner", "gone")]
    yield _setting("in a row", listeners, calls, 4)

    secure = [
        _listener(name, port, manager([follows(policy), *TARGETS]), tls_socket())
        for port, (name, policy) in enumerate(SECURE.items(), PORT)
    ]
    calls = [
        {**_call(PORT + index, go), "tls": {"sni": "a.test", "alpn": ["http/1.1"]}}
        for index in range(len(SECURE))
        for go in ANSWERS
    ]
    yield _setting("over TLS", secure, calls, len(SECURE))


def _of_listeners() -> Setting:
    """The connection's own limit, chunks, and retries, which need the body kept as well."""
    refused = follows(None, cluster="closed", retry_policy=RETRIED)
    waits = [filter_of("http", "buffer.v3.Buffer", max_request_bytes=20)]
    tables = {
        "redirected": manager([follows(ALL_CODES), *TARGETS]),
        "limit of the route": manager([{**follows(ALL_CODES), "request_body_buffer_limit": 20}, *TARGETS]),
        "retried": manager([refused]),
        "retried, limit of the route": manager([{**refused, "per_request_buffer_limit_bytes": 20}]),
        "buffered, limit of the route": manager(
            [{**follows(ALL_CODES), "request_body_buffer_limit": 10}, *TARGETS], waits
        ),
        "buffered and retried": manager([refused], waits),
        "buffered": manager([follows(ALL_CODES), *TARGETS], waits),
    }
    listeners, calls = [], []
    for number, (limit, (name, last)) in enumerate(itertools.product((10, 100, 0, None), tables.items())):
        made = _listener(f"{name}, {limit}", PORT + number, last)
        listeners.append(made if limit is None else {**made, "per_connection_buffer_limit_bytes": limit})
        for size in (0, 10, 11, 20, 21, 100, 101):
            calls += [
                _closing(each) for each in (_with_body(PORT + number, "/p/x", size), _in_chunks(PORT + number, size))
            ]
    return _setting("bodies and listeners", listeners, calls, len(listeners))


def _closing(call: dict[str, Any]) -> dict[str, Any]:
    """A client that wants no other answer, whenever its body is read."""
    data = call["bytes"].replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1)
    return {**call, "headers": {**call["headers"], "connection": "close"}, "bytes": data}


RETRIED = {"retry_on": "connect-failure", "retry_back_off": {"base_interval": "0.001s"}}


def _in_chunks(port: int, size: int) -> dict[str, Any]:
    """Of at most 10 bytes each."""
    call = {**_call(port, "307", "/p/x", "POST", headers={"transfer-encoding": "chunked"}), "payload": "x" * size}
    head = "POST /p/x HTTP/1.1\r\nHost: a.test\r\nx-go: 307\r\ntransfer-encoding: chunked\r\n\r\n"
    sizes = [10] * (size // 10) + [size % 10] * bool(size % 10)
    return {**call, "bytes": head + "".join(f"{each:x}\r\n{'x' * each}\r\n" for each in sizes) + "0\r\n\r\n"}


LIMITS: list[dict[str, Any]] = [
    {},
    {"per_request_buffer_limit_bytes": 10},
    {"request_body_buffer_limit": 10},
    {"per_request_buffer_limit_bytes": 100},
    {"request_body_buffer_limit": 100},
    {"per_request_buffer_limit_bytes": 10, "request_body_buffer_limit": 100},
    {"per_request_buffer_limit_bytes": 0},
]
BODY_LIMITS: dict[str, dict[str, Any]] = {
    "no limit of the host": {},
    "limit of the host": {"request_body_buffer_limit": 20},
    "older limit of the host": {"per_request_buffer_limit_bytes": 20},
    "both of the host": {"per_request_buffer_limit_bytes": 5, "request_body_buffer_limit": 100},
}


def _shared(weighted: Mapping[str, Any]) -> dict[str, Any]:
    made = follows(ALL_CODES, weighted_clusters=weighted)
    del made["route"]["cluster"]
    return made


def _named_by_header() -> dict[str, Any]:
    made = follows(ALL_CODES, cluster_header="x-cluster")
    del made["route"]["cluster"]
    return made


def _with_body(port: int, path: str, size: int) -> dict[str, Any]:
    call = _call(port, "307", path, "POST", headers={"content-length": str(size)})
    return {**call, "bytes": _bytes("307", "POST", path, size)}


SECURE: dict[str, dict[str, Any]] = {
    "same scheme": {},
    "any scheme": {"allow_cross_scheme_redirect": True},
    "safe scheme": {"allow_cross_scheme_redirect": True, "predicates": [SAFE]},
}


def _setting(name: str, listeners: Sequence[Any], calls: Sequence[Any], count: int) -> Setting:
    answers = [
        {"name": go, "match": {"prefix": "/", "headers": [_exactly(go)]}, **answer} for go, answer in ANSWERS.items()
    ]
    answers.append({"name": "echo", "match": {"prefix": "/"}, "direct_response": {"status": 200}})
    far = _listener("far", FAR_PORT, manager(answers))
    clusters = [static_cluster("far", POD_ADDRESS, FAR_PORT), static_cluster("app", HOST, APPLICATION)]
    clusters += [
        static_cluster("closed", POD_ADDRESS, CLOSED),
        _second_time(),
        _named(),
        static_cluster("inner", POD_ADDRESS, PORT),
    ]
    return Setting(
        name=name,
        dump=dump([*listeners, far], clusters),
        calls=calls,
        configurations=count,
        sockets=(),
        world=[Upstream(f"0.0.0.0:{APPLICATION}", "http", name="app")],
    )


def _second_time() -> dict[str, Any]:
    """A cluster whose first priority refuses every connection."""
    made = static_cluster("second", POD_ADDRESS, CLOSED)
    later = static_cluster("second", POD_ADDRESS, FAR_PORT)["load_assignment"]["endpoints"][0]
    made["load_assignment"]["endpoints"].append({**later, "priority": 1})
    return made


def _named() -> dict[str, Any]:
    made = static_cluster("named", POD_ADDRESS, FAR_PORT)
    made["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = "far.test"
    return made


def _exactly(go: str) -> dict[str, Any]:
    return {"name": "x-go", "string_match": {"exact": go}}


def _listener(name: str, port: int, last: Mapping[str, Any], transport: Any = None) -> dict[str, Any]:
    chain: dict[str, Any] = {"filters": [last]}
    made = {"name": name, "address": address("0.0.0.0", port), "filter_chains": [chain]}
    if transport is not None:
        chain["transport_socket"] = transport
        made["listener_filters"] = [filter_of("listener", "tls_inspector.v3.TlsInspector")]
    return made


def _call(
    port: int,
    go: str,
    path: str = "/p/x?y=1",
    method: str = "GET",
    *,
    authority: str = "a.test",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "destination": f"{POD_ADDRESS}:{port}",
        "path": path,
        "method": method,
        "authority": authority,
        "headers": {"x-go": go, **(headers or {})},
    }


def _bytes(go: str, method: str, path: str = "/p/x?y=1", size: int = 8) -> str:
    head = f"{method} {path} HTTP/1.1\r\nHost: a.test\r\nx-go: {go}\r\ncontent-length: {size}\r\n\r\n"
    return head + "x" * size
