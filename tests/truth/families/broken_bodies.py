"""Responses whose body ends before its length is through, because the proxy that made them closes then.

Surprising: the client has the status by then, so nothing is retried and no 502 follows; without a body to come (HEAD,
304) all is well; but a 204 that states a length is no HTTP to who reads it, HEAD or not: 502 UPE.
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
    yield Setting(
        name="broken bodies",
        dump=dump(listeners, clusters),
        calls=calls,
        configurations=2 * len(LENGTHS),
        sockets=(),
        marks=["bodies that end before their length"],
    )


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
