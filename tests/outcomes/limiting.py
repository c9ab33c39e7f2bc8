"""A rate limit service that counts nothing and lets nobody pass. Needs the package h2."""

from __future__ import annotations

import contextlib
import socket
import threading

import h2.config
import h2.connection
import h2.events

OVER_LIMIT = b"\0\0\0\0\x02\x08\x02"
"""A gRPC frame with a RateLimitResponse whose overall_code is OVER_LIMIT."""
READ_LIMIT = 1 << 16


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
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    with contextlib.suppress(OSError), stream:
        stream.sendall(connection.data_to_send())
        while data := stream.recv(READ_LIMIT):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                    connection.send_data(event.stream_id, OVER_LIMIT)
                    connection.send_headers(event.stream_id, [("grpc-status", "0")], end_stream=True)
            stream.sendall(connection.data_to_send())
