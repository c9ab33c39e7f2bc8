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
    _answer_all(stream, b"", lambda _message: OVER_LIMIT)


def judge(stream: socket.socket, already: bytes, decide: Callable[[bytes], Any]) -> None:
    """An authorisation service: a CheckResponse with a denied_response, whatever it decides."""
    _answer_all(stream, already, lambda message: _framed(_denied(decide(message))))


def _denied(verdict: Any) -> bytes:
    options = (_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in verdict.headers)
    headers = b"".join(_field(2, each) for each in options)
    status = _field(1, b"\x08" + _number(verdict.status))
    permission_denied = _field(1, b"\x08\x07")
    return permission_denied + _field(2, status + headers + _field(3, verdict.body))


def _field(number: int, content: bytes) -> bytes:
    """A field of a length and that many bytes."""
    return bytes([number << 3 | 2]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    return bytes([value]) if value < 1 << 7 else bytes([value & 0x7F | 0x80]) + _number(value >> 7)


def _framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def _answer_all(stream: socket.socket, already: bytes, answer: Callable[[bytes], bytes]) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    stream.sendall(connection.data_to_send())
    messages: dict[int, bytes] = {}
    while data := already or stream.recv(READ_LIMIT):
        already = b""
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                messages[event.stream_id] = messages.get(event.stream_id, b"") + event.data
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                connection.send_data(event.stream_id, answer(messages.pop(event.stream_id, b"")))
                connection.send_headers(event.stream_id, [("grpc-status", "0")], end_stream=True)
        stream.sendall(connection.data_to_send())
