"""A real Envoy on loopback with many connection managers, an upstream that echoes, and what a client got.

Needs no root and no namespaces: nothing is intercepted here, only HTTP is compared.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.realism.prerequisites import envoy_binary

HCM_TYPE = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_START_SECONDS = 20
_ANSWER_SECONDS = 5


class Echo:
    """Answers every request with the bytes it received."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while True:
                received = b""
                while b"\r\n\r\n" not in received:
                    chunk = connection.recv(65536)
                    if not chunk:
                        return
                    received += chunk
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nx-echo: 1\r\ncontent-length: %d\r\n\r\n" % len(received) + received
                )


class Answer:
    """What a client got: an echoed request, or a reply of the proxy's own."""

    def __init__(self, received: bytes) -> None:
        head, _, self.body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if received else None
        self.headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines[1:])]
        self.echoed = ("x-echo", "1") in self.headers

    @property
    def location(self) -> str | None:
        return next((value for name, value in self.headers if name == "location"), None)

    def request(self) -> tuple[str, list[tuple[str, str]]]:
        """The request line and the headers that the upstream received."""
        line, *rest = self.body.decode("utf-8", "surrogateescape").rstrip("\r\n").split("\r\n")
        return line, sorted((name, value) for name, _, value in (field.partition(":") for field in rest))


class Envoy:
    """One process; connection manager number i listens on `ports[i]`."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = tuple(ports)

    def send(self, number: int, data: bytes) -> Answer:
        received = b""
        with socket.create_connection(("127.0.0.1", self.ports[number]), _ANSWER_SECONDS) as client:
            client.sendall(data)
            while not _complete(received):
                chunk = client.recv(65536)
                if not chunk:
                    break
                received += chunk
        return Answer(received)


def _complete(received: bytes) -> bool:
    head, ended, body = received.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return bool(ended) and len(body) >= int(line.partition(b":")[2])
    return False


@contextlib.contextmanager
def running(managers: Sequence[Mapping[str, Any]], clusters: Sequence[str]) -> Iterator[Envoy]:
    """Start Envoy with these connection managers; every cluster is the echo."""
    binary = envoy_binary()
    assert binary is not None
    echo = Echo()
    ports = _free_ports(len(managers))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "envoy.json"
        config.write_text(json.dumps(_bootstrap(managers, ports, clusters, echo.port)))
        log = Path(folder) / "log"
        options = ["--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "1", "-l", "critical"]
        with log.open("wb") as sink:
            process = subprocess.Popen([binary, "-c", config, *options], stdout=sink, stderr=sink)
        try:
            for port in ports:
                _await(port, process, log)
            yield Envoy(ports)
        finally:
            process.terminate()
            process.wait(10)
            echo.close()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("Envoy did not start: " + log.read_text(errors="replace")[-2000:])


def _bootstrap(
    managers: Sequence[Mapping[str, Any]], ports: Sequence[int], clusters: Sequence[str], upstream: int
) -> dict[str, Any]:
    listeners = [
        {
            "name": f"listener-{port}",
            "address": _address(port),
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {"@type": HCM_TYPE, **manager}}]}],
        }
        for manager, port in zip(managers, ports, strict=True)
    ]
    made = [
        {
            "name": name,
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(upstream)}}]}],
            },
        }
        for name in clusters
    ]
    return {"static_resources": {"listeners": listeners, "clusters": made}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
