"""Responses whose body ends before its length is through, whether the proxy that made them closes then or not.

Surprising: the client has the status by then, so nothing is retried and no 502 follows; without a body to come (HEAD,
304) all is well; but a 204 that states a length is no HTTP to who reads it: 502 UPE. Where nobody closes, the route's
timeout counts until the whole body is there, and is logged as such although the status went out; a per_try_timeout does
not. An HTTP/1 connection stays open for a second after that: a timer in front may be faster. Over HTTP/2 a body of
another length than the one stated is lost as a whole, even a longer one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._shapes import dump, filter_of, manager, static_cluster
from tests.truth.setting import POD_ADDRESS, Setting

PORT, FAR = 22000, 23900
ONCE = {"common_http_protocol_options": {"max_requests_per_connection": 1}}
RETRIED = {"retry_on": "5xx,reset,connect-failure", "num_retries": 2}
LENGTHS = ("100", "4", "3", "007")
STATUSES = (200, 204, 304, 404, 503)


def settings() -> Iterator[Setting]:
    yield closed()
    yield waited_for()
    yield passed_on()
    yield over_http2()


def closed() -> Setting:
    listeners, clusters, calls = [], [], []
    for index, length in enumerate(LENGTHS):
        listeners.append(_listener(f"far {length}", FAR + index, manager(_answers(), [_states(length)], **ONCE)))
        clusters.append(static_cluster(f"far {length}", POD_ADDRESS, FAR + index))
        for number, more in enumerate(({}, {"retry_policy": RETRIED})):
            port = PORT + 2 * index + number
            route = {"name": "r", "match": {"prefix": "/"}, "route": {"cluster": f"far {length}", **more}}
            listeners.append(_listener(f"near {port}", port, manager([route])))
            for status in STATUSES:
                if status in (204, 503) and more:
                    continue  # tried again: several requests over one connection are told apart by nobody
                calls += [_call(port, f"/{status}", method, "http") for method in ("GET", "HEAD", "POST")]
                calls.append(_call(port, f"/{status}", "GET", "http2"))
    made = dump(listeners, clusters)
    return _setting("broken bodies", made, calls, 2 * len(LENGTHS), mark="bodies that end before their length")


def waited_for() -> Setting:
    """By a proxy with this route and these options of its manager."""
    mark, short, long = "bodies that are waited for", "0.3s", "0.6s"
    whole = {"max_stream_duration": short}
    retried = {"retry_on": "5xx,reset", "per_try_timeout": short}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"timeout": short}, {}),
        ({"timeout": short, "retry_policy": {"retry_on": "reset", "num_retries": 1}}, {}),
        ({}, {"stream_idle_timeout": short}),
        ({"idle_timeout": short}, {}),
        ({"max_stream_duration": whole}, {}),
        ({}, {"common_http_protocol_options": whole}),
        ({"timeout": short}, {"stream_idle_timeout": long}),
        ({"timeout": long}, {"stream_idle_timeout": short}),
        ({"timeout": long, "retry_policy": retried}, {}),
        ({"timeout": long, "retry_policy": {"retry_on": "5xx", "per_try_idle_timeout": short}}, {}),
        ({"timeout": short}, {"delayed_close_timeout": "0s"}),
        ({}, {"stream_idle_timeout": "0s"}),
        ({"retry_policy": retried}, {"stream_idle_timeout": "0s", "request_timeout": short}),
    ]
    listeners = [_listener("far", FAR, manager(_answers(), [_states("100")]))]
    calls = []
    for port, (action, options) in enumerate(cases, PORT):
        route = {"name": "r", "match": {"prefix": "/"}, "route": {"cluster": "far", "timeout": "0s", **action}}
        listeners.append(_listener(f"near {port}", port, manager([route], **options)))
        calls += [_waits(port, protocol, path) for protocol in ("http", "http2") for path in ("/200", "/404")]
    calls += [_call(PORT, path, method, "http") for path in ("/204", "/304") for method in ("GET", "HEAD")]
    return _setting(mark, dump(listeners, [static_cluster("far", POD_ADDRESS, FAR)]), calls, len(cases))


def passed_on() -> Setting:
    """By two proxies: who of them ends it first, and what the other one makes of that."""
    mark, h1, h2 = "bodies that two proxies wait for", static_cluster, _over_http2
    never, soon, late = ({"stream_idle_timeout": text} for text in ("0s", "0.3s", "0.9s"))
    at_once = {"delayed_close_timeout": "0s"}
    cases: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
        *(("far", speaks, *each) for speaks in (h1, h2) for each in ((soon, never), (soon, late), (late, soon))),
        ("far", h1, never, never),
        ("far", h1, {**soon, **at_once}, late),
        ("far", h1, soon, {**late, **at_once}),
        ("closes", h1, never, never),
        ("closes", h2, never, never),
        ("closes", h1, soon, never),
        ("closes", h1, never, soon),
    ]
    answers = [_states("100")]
    listeners = [
        _listener("far", FAR, manager(_answers(), answers)),
        _listener("closes", FAR + 1, manager(_answers(), answers, **ONCE)),
    ]
    clusters = [static_cluster("far", POD_ADDRESS, FAR), static_cluster("closes", POD_ADDRESS, FAR + 1)]
    calls = []
    for index, (far, speaks, middle, near) in enumerate(cases):
        between, port = PORT + 500 + index, PORT + index
        listeners.append(_listener(f"middle {index}", between, manager([_forwards(far)], **middle)))
        listeners.append(_listener(f"near {index}", port, manager([_forwards(f"middle {index}")], **near)))
        clusters.append(speaks(f"middle {index}", POD_ADDRESS, between))
        calls += [_waits(port, protocol) for protocol in ("http", "http2")]
    return _setting(mark, dump(listeners, clusters), calls, len(cases))


def over_http2() -> Setting:
    """HTTP/2 holds replies to the length they state."""
    mark, lengths = "lengths that HTTP/2 is told", ("100", "4", "3", "2", "0")
    listeners, clusters, calls = [], [], []
    for index, length in enumerate(lengths):
        listeners.append(_listener(f"far {length}", FAR + index, manager(_answers(), [_states(length)])))
        clusters.append(_over_http2(f"far {length}", POD_ADDRESS, FAR + index))
        listeners.append(_listener(f"near {length}", PORT + index, manager([_forwards(f"far {length}")])))
        for status in STATUSES:
            if status == 204 and length == "0":
                continue  # its length is cut off on the way, whatever becomes of the body
            calls += [_call(PORT + index, f"/{status}", method, "http") for method in ("GET", "HEAD")]
            calls.append(_call(PORT + index, f"/{status}", "GET", "http2"))
    return _setting(mark, dump(listeners, clusters), calls, len(lengths))


def _setting(
    name: str, made: dict[str, Any], calls: list[dict[str, Any]], configurations: int, mark: str | None = None
) -> Setting:
    """With nothing beside the proxy."""
    marks = [mark or name]
    return Setting(name=name, dump=made, calls=calls, configurations=configurations, sockets=(), marks=marks)


def _forwards(cluster: str) -> dict[str, Any]:
    return {"name": "r", "match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}


def _over_http2(name: str, host: str, port: int) -> dict[str, Any]:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {"@type": f"type.googleapis.com/{kind}", "explicit_http_config": {"http2_protocol_options": {}}}
    return {**static_cluster(name, host, port), "typed_extension_protocol_options": {kind: options}}


def _waits(port: int, protocol: str, path: str = "/200") -> dict[str, Any]:
    return {**_call(port, path, "GET", protocol), "timeout": 3.0}


def _answers() -> list[dict[str, Any]]:
    return [
        {
            "name": str(status),
            "match": {"path": f"/{status}"},
            "direct_response": {"status": status, "body": {"inline_string": "far"}},
        }
        for status in STATUSES
    ]


def _states(length: str) -> dict[str, Any]:
    header = {"header": {"key": "content-length", "value": length}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    mutations = {"response_mutations": [{"append": header}]}
    return filter_of("http", "header_mutation.v3.HeaderMutation", "hm", mutations=mutations)


def _listener(name: str, port: int, made: Mapping[str, Any]) -> dict[str, Any]:
    socket = {"socket_address": {"address": "0.0.0.0", "port_value": port}}
    return {"name": name, "address": socket, "filter_chains": [{"filters": [made]}]}


def _call(port: int, path: str, method: str, protocol: str) -> dict[str, Any]:
    return {
        "destination": f"{POD_ADDRESS}:{port}",
        "from": "outside",
        "authority": "a.test",
        "method": method,
        "path": path,
        "headers": {},
        "protocol": protocol,
    }
