"""HTTP/2 as the called application speaks it: every request is recorded and echoed. Needs the package h2."""

import json
import socket
from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings

READ_LIMIT = 1 << 16


def serve(
    stream: socket.socket, spec: dict[str, Any], seen: dict[str, Any], already: bytes, write: Callable[[Any], None]
) -> None:
    """Answers the headers of each request at once, and ends its stream when the client does."""
    config = h2.config.H2Configuration(client_side=False, header_encoding=None, validate_inbound_headers=False)
    connection = h2.connection.H2Connection(config)
    connection.local_settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL] = 1
    connection.initiate_connection()
    stream.sendall(connection.data_to_send())
    data = already or stream.recv(READ_LIMIT)
    while data:
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                _answer(connection, event, spec, seen, write)
            elif isinstance(event, h2.events.DataReceived):
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream.sendall(connection.data_to_send())
        data = stream.recv(READ_LIMIT)


def _answer(
    connection: h2.connection.H2Connection,
    event: h2.events.RequestReceived,
    spec: dict[str, Any],
    seen: dict[str, Any],
    write: Callable[[Any], None],
) -> None:
    headers = [[part.decode("utf-8", "surrogateescape") for part in line] for line in event.headers]
    pseudo = {name: value for name, value in headers if name.startswith(":")}
    record = {
        **seen,
        "protocol": "http2",
        "method": pseudo.get(":method"),
        "path": pseudo.get(":path"),
        "authority": pseudo.get(":authority"),
        "headers": headers,
    }
    write(record)
    answer = json.dumps(record).encode()
    status = str(spec.get("status", 200))
    connection.send_headers(event.stream_id, [(":status", status), ("content-type", "application/json")])
    connection.send_data(event.stream_id, b"" if pseudo.get(":method") == "HEAD" else answer, end_stream=True)


OVER_LIMIT = b"\0\0\0\0\x02\x08\x02"
"""A gRPC frame with a RateLimitResponse whose overall_code is OVER_LIMIT."""


def limit(stream: socket.socket) -> None:
    """A rate limit service that counts nothing and lets nobody pass."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    stream.sendall(connection.data_to_send())
    while data := stream.recv(READ_LIMIT):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.StreamEnded):
                connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                connection.send_data(event.stream_id, OVER_LIMIT)
                connection.send_headers(event.stream_id, [("grpc-status", "0")], end_stream=True)
        stream.sendall(connection.data_to_send())
