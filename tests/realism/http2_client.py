"""HTTP/2 as the calling application speaks it: one request on one connection, whatever its headers are.

Needs the package h2 and nothing of this one. Nothing is checked, added or put in order, so that what a call states is
what goes out, be it against every rule.
"""

import socket
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from packed_bodies import unpacked

READ_LIMIT, GOAWAY = 1 << 16, 7
_PSEUDO = (":method", ":scheme", ":authority", ":path")


def header_list(call: dict[str, Any], *, secure: bool) -> list[tuple[bytes, bytes]]:
    """Pseudo headers first. One among the call's headers stands instead of what its fields say; `[]` leaves it out."""
    stated = call.get("headers", {})
    own = {":method": call["method"], ":scheme": "https" if secure else "http", ":path": call["path"]}
    if call["method"] == "CONNECT" and ":protocol" not in stated:
        own = {":method": "CONNECT"}
    if call.get("authority") is not None:
        own[":authority"] = call["authority"]
    pseudo = own | {name: value for name, value in stated.items() if name.startswith(":")}
    order = [*_PSEUDO, *(name for name in pseudo if name not in _PSEUDO)]
    regular = {name: value for name, value in stated.items() if not name.startswith(":")}
    if call["protocol"] == "grpc":
        regular = {"content-type": "application/grpc", "te": "trailers"} | regular
    whole = [(name, pseudo[name]) for name in order if name in pseudo] + list(regular.items())
    return [
        (_bytes(name.lower()), _bytes(one))
        for name, value in whole
        for one in (value if isinstance(value, list) else [value])
    ]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _texts(lines: Any) -> list[list[str]]:
    return [[part.decode("utf-8", "surrogateescape") for part in line] for line in lines]


def converse(stream: socket.socket, call: dict[str, Any], seen: dict[str, Any], *, secure: bool) -> bytes | None:
    """Make the request and wait for the end of its stream. What is answered in HTTP/1 is returned, unread."""
    config = h2.config.H2Configuration(
        client_side=True,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
        normalize_inbound_headers=False,
    )
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    headers = header_list(call, secure=secure)
    tunnel = call["method"] == "CONNECT"
    body, trailers = b"" if tunnel else _body(headers), call.get("trailers")
    connection.send_headers(1, headers, end_stream=not (body or trailers or tunnel))
    if body:
        connection.send_data(1, body, end_stream=not trailers)
    if trailers:
        lines = [(_bytes(name), _bytes(value)) for name, value in trailers.items()]
        connection.send_headers(1, lines, end_stream=True)
    stream.sendall(connection.data_to_send())
    body, buffer = b"", b""
    while True:
        read = stream.recv(READ_LIMIT)
        buffer += read
        if buffer.startswith(b"HTTP/1"):
            return buffer
        if not read:
            seen.update(detail="eof") if seen["status"] else seen.update(ended="closed", detail="eof")
            return None
        data, buffer = _frames(buffer)
        try:
            events = connection.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            seen.update(ended="closed", detail=type(error).__name__)
            return None
        for event in events:
            if isinstance(event, h2.events.ResponseReceived):
                lines = _texts(event.headers)
                seen["status"] = int(next(value for name, value in lines if name == ":status"))
                seen.update(ended="response", headers=[line for line in lines if line[0] != ":status"])
            elif isinstance(event, h2.events.TrailersReceived):
                seen["trailers"] = _texts(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                body += event.data
                connection.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, h2.events.StreamReset):
                seen.update(detail=f"reset {event.error_code}")
                if seen["status"] is None:
                    seen.update(ended="closed")
            elif isinstance(event, h2.events.ConnectionTerminated) and seen["status"] is None:
                seen.update(ended="closed", detail=f"goaway {event.error_code}")
        seen["body"] = unpacked(body[:READ_LIMIT], dict(seen["headers"]).get("content-encoding"))
        over = any(isinstance(event, h2.events.StreamEnded | h2.events.StreamReset) for event in events)
        if tunnel and seen["status"] is not None and not over:
            connection.end_stream(1)
            tunnel = False
        stream.sendall(connection.data_to_send())
        if over or seen["ended"] == "closed":
            return None


def _frames(buffer: bytes) -> tuple[bytes, bytes]:
    """Whole frames and the rest. A GOAWAY without an error only says that no further request is wanted: left out."""
    at, kept = 0, b""
    while len(buffer) >= at + 9:
        end = at + 9 + int.from_bytes(buffer[at : at + 3], "big")
        if len(buffer) < end:
            break
        if not (buffer[at + 3] == GOAWAY and buffer[at + 13 : at + 17] == bytes(4)):
            kept += buffer[at:end]
        at = end
    return kept, buffer[at:]


def _body(headers: list[tuple[bytes, bytes]]) -> bytes:
    """As long as the request says; gRPC sends one empty message."""
    length = next((value for name, value in headers if name == b"content-length"), b"")
    if length.isdigit() and len(length) < 6:
        return b"x" * int(length)
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    return b"\0\0\0\0\0" if kind == b"application/grpc" or kind.startswith(b"application/grpc+") else b""
