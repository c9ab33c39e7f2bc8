"""Command operators in configured header values (`%REQ(:authority)%`): the few that a call can know.

envoyproxy/envoy source/common/formatter. An operator that hangs on run time makes the whole value unknown (None).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from ..address import format_endpoint, format_ip
from ..facts.connection import Connection
from ..facts.request import Request

_OPERATOR = re.compile(r"%%|%([A-Z_0-9]+)(?:\(([^)]*)\))?(?::([0-9]+))?%")


@frozen
class FormatFacts:
    """What operators may ask."""

    request: Request
    connection: Connection
    route_name: str
    metadata: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    """Dynamic metadata that filters wrote down."""
    filter_state: Mapping[str, str] = field(factory=dict)


Piece = str | Callable[[FormatFacts], str | None]


@frozen(eq=False)
class FormatString:
    """A compiled value: literal texts and operators."""

    source: str
    pieces: tuple[Piece, ...]

    def render(self, facts: FormatFacts) -> str | None:
        """The value; None when run time decides it. An absent operand is the empty text."""
        made = []
        for piece in self.pieces:
            text = piece if isinstance(piece, str) else piece(facts)
            if text is None:
                return None
            made.append(text)
        return "".join(made)


def compile_format_string(source: str) -> FormatString:
    if "%" not in source:
        return FormatString(source, (source,))
    pieces: list[Piece] = []
    position = 0
    for found in _OPERATOR.finditer(source):
        if found.start() > position:
            pieces.append(source[position : found.start()])
        pieces.append("%" if found.group() == "%%" else _operator(found))
        position = found.end()
    if position < len(source):
        pieces.append(source[position:])
    return FormatString(source, tuple(pieces))


def _operator(found: re.Match[str]) -> Callable[[FormatFacts], str | None]:
    name, argument, length = found.groups()
    limit = int(length) if length else None
    if name == "REQ":
        first, _, second = (argument or "").partition("?")
        return _request_header(first.lower(), second.lower(), limit)
    if name == "DYNAMIC_METADATA":
        return _metadata((argument or "").split(":"), limit)
    if name == "FILTER_STATE" and (argument or "").partition(":")[2] == "PLAIN":
        return lambda facts: facts.filter_state.get((argument or "").partition(":")[0], "")[:limit]
    return _KNOWN.get(name, _unknown)


def _request_header(first: str, second: str, limit: int | None) -> Callable[[FormatFacts], str | None]:
    def read(facts: FormatFacts) -> str | None:
        for name in (first, second):
            values = facts.request.values(name)
            if values:
                return values[0][:limit]
            if name in facts.request.headers:
                return None
        return ""

    return read


def _metadata(path: list[str], limit: int | None) -> Callable[[FormatFacts], str | None]:
    """A namespace and keys below it; texts as they are, structs and lists as JSON."""

    def read(facts: FormatFacts) -> str | None:
        value: Any = facts.metadata
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None:
            return ""
        if isinstance(value, str):
            return value[:limit]
        return json.dumps(value, separators=(",", ":"), sort_keys=True)[:limit]

    return read


def _unknown(_facts: FormatFacts) -> None:
    return None


def _peer_uri_sans(facts: FormatFacts) -> str:
    tls = facts.connection.tls
    return "" if tls is None or tls.peer is None else ",".join(tls.peer.uri_sans)


_PROTOCOLS = {"http/1.0": "HTTP/1.0", "http/1.1": "HTTP/1.1", "http2": "HTTP/2"}

_KNOWN: dict[str, Callable[[FormatFacts], str | None]] = {
    "PROTOCOL": lambda facts: _PROTOCOLS.get(facts.request.version),
    "ROUTE_NAME": lambda facts: facts.route_name,
    "REQUESTED_SERVER_NAME": lambda facts: facts.connection.sni,
    "DOWNSTREAM_PEER_URI_SAN": _peer_uri_sans,
    "DOWNSTREAM_REMOTE_ADDRESS": lambda facts: facts.connection.remote_text(),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": lambda facts: format_ip(facts.connection.remote),
    "DOWNSTREAM_REMOTE_PORT": lambda facts: str(facts.connection.remote_port),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": lambda facts: facts.connection.direct_remote_text(),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": lambda facts: format_ip(facts.connection.direct_remote),
    "DOWNSTREAM_LOCAL_ADDRESS": lambda facts: format_endpoint(facts.connection.local, facts.connection.local_port),
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": lambda facts: format_ip(facts.connection.local),
    "DOWNSTREAM_LOCAL_PORT": lambda facts: str(facts.connection.local_port),
}
"""Operators that a call and a configuration can answer; any other is unknown."""
