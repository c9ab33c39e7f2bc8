"""Rows of the tables of endings, each asked of a real Envoy: one process, a listener and a cluster for each row."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from meshsim.config.capture import PodDocuments
from tests.outcomes import loopback
from tests.outcomes.limiting import Limiting
from tests.outcomes.rows import Document, Row, Table
from tests.outcomes.test_against_envoy import flags_of
from tests.outcomes.test_connection_endings import CONNECTIONS
from tests.outcomes.test_request_endings import BEFORE_THE_UPSTREAM
from tests.outcomes.test_tcp_proxy_endings import TCP_PROXY
from tests.outcomes.test_upstream_endings import UPSTREAM
from tests.outcomes.worlds import FAR, address
from tests.realism.prerequisites import envoy_binary

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here"),
]
DIALS_THAT_FAIL = ("missing pipe", "no secret", "no secret, and refused")
ASKED: list[tuple[Table, tuple[str, ...]]] = [
    (
        BEFORE_THE_UPSTREAM,
        (
            *("no route", "direct response", "upgrade not enabled", "fault", "too many headers", "strict header check"),
            *("RBAC over HTTP", "JWT, no token", "JWT, no token but a word"),
            *("ext_authz, nobody to ask", "ext_authz, whoever is asked is down"),
            *("local rate limit", "global rate limit", "rate limit service fails", "buffer limit"),
        ),
    ),
    (
        UPSTREAM,
        (
            *("cluster missing", "no host", "refused", "closed before the response", "reset before the response"),
            *("the response after exhausted retries", "secret not delivered", "endpoints drop the call"),
            "secret not delivered, and refused",
            *("no such pipe", "no such pipe, retried", "no such pipe, and a secret not delivered"),
        ),
    ),
    (
        CONNECTIONS,
        (
            *("the client asks for the end", "the connection is idle", "the connection is too old"),
            *("an HTTP/2 preface and no more", "an HTTP/2 preface, and no delay at the end"),
            *("a part of an HTTP/2 preface", "an HTTP/2 preface, and a PING that nobody answers"),
            "an HTTP/2 preface, and another frame than SETTINGS",
        ),
    ),
    (TCP_PROXY, (*("longest duration of a connection", "idle before it is too old"), *DIALS_THAT_FAIL)),
]


def spoken(at: PodDocuments | None, ports: dict[str, int]) -> int:
    """The port of an upstream that is like the far host."""
    sockets = at.host.sockets if at is not None and at.host is not None else ()
    if not sockets:
        return ports["refused"]
    return ports[str(sockets[0].status or 200) if sockets[0].speaks == "http" else sockets[0].speaks]


def placed(value: Any, name: str, port: int) -> Any:
    """The same configuration with a cluster of that name and the loopback instead of the two hosts."""
    if isinstance(value, list):
        return [placed(each, name, port) for each in value]
    if not isinstance(value, dict):
        return {"out": name, "192.0.2.0": "127.0.0.0"}.get(value, value) if isinstance(value, str) else value
    if value.get("address") == FAR:
        return address(f"127.0.0.1:{port}")["socket_address"]
    made = {key: placed(each, name, port) for key, each in value.items()}
    # So that routes to missing clusters load as they do when they are delivered.
    return made | ({"validate_clusters": False} if "virtual_hosts" in value else {})


def listener(row: Row, number: int, name: str, ports: tuple[int, int], folder: Path) -> Document:
    own, upstream = ports
    chain = placed(row.chain, name, upstream)
    for each in chain["filters"]:
        each["typed_config"] |= loopback.logged_to(folder / f"stream{number}")
    return {
        "name": name,
        "address": address(f"127.0.0.1:{own}"),
        "filter_chains": [chain],
        **loopback.logged_to(folder / f"connection{number}"),
    }


def sent(call: Document) -> bytes:
    if is_raw(call):
        return b"" if call.get("server_first") else str(call["payload"]).encode()
    headers = {"host": "a", **call.get("headers", {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = "x" * int(headers.get("content-length", "0"))
    return f"{call.get('method', 'GET')} / HTTP/1.1\r\n{lines}\r\n{body}".encode()


def is_raw(call: Document) -> bool:
    """Of no request: only the connection is logged."""
    return call.get("protocol") == "tcp"


def ended(port: int, data: bytes) -> int:
    """The client's own port. It leaves as soon as it has the whole answer, before Envoy tires of waiting for that."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), loopback.ANSWER_SECONDS) as client:
        own: int = client.getsockname()[1]
        with contextlib.suppress(OSError):
            client.sendall(data)
            while not _whole(received) and (chunk := client.recv(65536)):
                received += chunk
    return own


def _whole(received: bytes) -> bool:
    head, found, body = received.lower().partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:]) if found else {}
    return bool(found) and len(body) == int(fields.get(b"content-length", 0))


def test_the_rows_are_what_envoy_logs(tmp_path: Path) -> None:
    rows = {name: row for table, names in ASKED for name in names if (row := table[name]) is not None}
    upstreams, limiting = loopback.Upstreams(), Limiting()
    beyond = {**upstreams.ports, "h2c": limiting.port}
    (tmp_path / "later.json").write_text(json.dumps({"version_info": "1", "resources": []}))
    listeners, clusters, wrong = [], [], {}
    ports = loopback.free_ports(len(rows))
    for number, (port, row) in enumerate(zip(ports, rows.values(), strict=True)):
        name, upstream = f"out-{number}", spoken(row.at, beyond)
        listeners.append(listener(row, number, name, (port, upstream), tmp_path))
        clusters += [placed(each, name, upstream) for each in row.clusters]
    files = json.dumps([listeners, clusters]).replace("later.json", str(tmp_path / "later.json"))
    with loopback.running(*json.loads(files), tmp_path):
        for number, (condition, row) in enumerate(rows.items()):
            peer = ended(ports[number], sent(row.call))
            connection = loopback.entry(tmp_path / f"connection{number}", peer)
            stream = connection if is_raw(row.call) else loopback.entry(tmp_path / f"stream{number}", peer)
            told = (row.status, set(row.flags), row.details, row.close)
            seen = (stream["status"] or None, flags_of(stream), stream["details"], connection["close"])
            if told != seen:
                wrong[condition] = (told, seen)
    upstreams.close()
    limiting.close()
    assert wrong == {}
    assert len(rows) == sum(len(names) for _, names in ASKED)
