"""A real Envoy on loopback between a client and upstreams that fail in stated ways; what it logged of each call."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.outcomes.worlds import TYPES
from tests.realism import access_log
from tests.realism.prerequisites import envoy_binary

START_SECONDS = 60
ANSWER_SECONDS = 10
LOGGED = {
    "peer": "%DOWNSTREAM_REMOTE_PORT%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "status": "%RESPONSE_CODE%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "transport": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "close": "%DOWNSTREAM_LOCAL_CLOSE_REASON%",
}


class Upstreams:
    """One socket for each way of answering; `refused` is a port that nobody holds while this lives."""

    def __init__(self) -> None:
        self._sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in _ANSWERS}
        for name, server in self._sockets.items():
            threading.Thread(target=self._accept, args=(server, _ANSWERS[name]), daemon=True).start()
        self._bound = socket.socket()
        # Bound and never listening: nobody else can take the port, and a dial is refused.
        self._bound.bind(("127.0.0.1", 0))
        self.ports = {name: server.getsockname()[1] for name, server in self._sockets.items()}
        self.ports["refused"] = self._bound.getsockname()[1]

    def close(self) -> None:
        for server in (*self._sockets.values(), self._bound):
            server.close()

    @staticmethod
    def _accept(server: socket.socket, answer: Callable[[socket.socket], None]) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=_served, args=(connection, answer), daemon=True).start()


def _served(connection: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError), connection:
        while connection.recv(65536):
            answer(connection)


def _status(code: int) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(b"HTTP/1.1 %d Echo\r\ncontent-length: 0\r\n\r\n" % code)


def _close(connection: socket.socket) -> None:
    connection.close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _nothing(_connection: socket.socket) -> None:
    """Never answers."""


_ANSWERS = {
    "200": _status(200),
    "409": _status(409),
    "500": _status(500),
    "503": _status(503),
    "close": _close,
    "reset": _reset,
    "silent": _nothing,
}


def logged_to(path: Path) -> dict[str, Any]:
    kind = f"{TYPES}access_loggers.file.v3.FileAccessLog"
    config = {"@type": kind, "path": str(path), "log_format": {"json_format": LOGGED}}
    return {"access_log": [{"name": "file", "typed_config": config}]}


@contextlib.contextmanager
def running(
    listeners: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]], folder: Path
) -> Iterator[None]:
    binary = envoy_binary()
    assert binary is not None
    config, errors = folder / "envoy.json", folder / "errors"
    static = {"listeners": list(listeners), "clusters": list(clusters)}
    config.write_text(json.dumps({"node": {"id": "gate", "cluster": "gate"}, "static_resources": static}))
    options = ["--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "1", "-l", "critical"]
    flush = ["--file-flush-interval-msec", "20"]
    with errors.open("wb") as sink:
        process = subprocess.Popen([binary, "-c", config, *options, *flush], stdout=sink, stderr=sink)
    try:
        for listener in listeners:
            _await(listener["address"]["socket_address"]["port_value"], process, errors)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: subprocess.Popen[bytes], errors: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("Envoy did not start: " + errors.read_text(errors="replace")[-2000:])


def free_ports(count: int) -> list[int]:
    """Held together, so that no two are the same."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def send(port: int, data: bytes) -> tuple[int, bytes]:
    """The client's own port, and all that comes back until the other side closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as client:
        own: int = client.getsockname()[1]
        with contextlib.suppress(OSError):
            client.sendall(data)
            while chunk := client.recv(65536):
                received += chunk
    return own, received


def entry(path: Path, peer: int) -> dict[str, Any]:
    """The log's line about the connection from that port, once it is written."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        found = [made for made in map(json.loads, access_log.written(path)) if int(made["peer"]) == peer]
        if found:
            return dict(found[-1])
        time.sleep(0.02)
    raise RuntimeError(f"Envoy logged nothing about port {peer}")
