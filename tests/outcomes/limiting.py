"""A rate limit service that counts nothing and lets nobody pass. Needs the package h2."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.realism import http2_server


class Limiting:
    """Listens on `port` until it is closed."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self._socket.accept()
                threading.Thread(target=_serve, args=(stream,), daemon=True).start()


def _serve(stream: socket.socket) -> None:
    with contextlib.suppress(OSError), stream:
        http2_server.limit(stream)
