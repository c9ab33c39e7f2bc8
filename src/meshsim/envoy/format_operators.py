"""What each command operator reads: the value a call and a configuration can know, nothing, or UNKNOWN.

envoyproxy/envoy source/common/formatter (stream_info_formatter.cc, http_specific_formatter.cc), as Envoy 1.40 was seen
to fill them in while a request is sent on and in replies it makes itself. Who adds an operator adds it to a table here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from attrs import field, frozen

from ..address import format_endpoint, format_ip
from ..facts.connection import Connection
from ..facts.request import Headers, Request
from ..match.strings import query_parameters
from .grpc_codes import GRPC_STATUS_NAMES
from .json_text import json_text
from .paths import without_query
from .query_parameters import url_decoded

UNKNOWN = object()
"""The operator's value is made at run time."""


@frozen
class FormatFacts:
    """What operators may ask."""

    request: Request
    connection: Connection
    route_name: str
    cluster: str = ""
    """The upstream cluster, once there is one."""
    details: str = ""
    flags: tuple[str, ...] = ()
    """Of a reply that is being made."""
    body: str | None = ""
    """The reply's, where its format is being filled in; None: known to be there, and not what it says."""
    status: int | None = None
    """Of a reply whose status is set; it is not while its own headers are written."""
    grpc_status: int | None = None
    """Of a reply that a gRPC client gets."""
    response: Headers | None = None
    """The reply's headers, where its format is being filled in; None: nobody says them yet."""
    route_metadata: Mapping[str, Any] = field(factory=dict)
    vhost_metadata: Mapping[str, Any] = field(factory=dict)
    attempts: int = 0
    metadata: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    """Dynamic metadata that filters wrote down."""
    filter_state: Mapping[str, str] = field(factory=dict)
    upstream: str = ""
    """request or response, in a filter towards the upstream: its endpoint is chosen, and has answered."""

    @property
    def after_upstream(self) -> bool:
        """Whether an endpoint may have been chosen before this reply."""
        again = self.upstream == "request" and self.attempts > 1
        return again or self.upstream == "response" or self.details.startswith(_AFTER_UPSTREAM)


_AFTER_UPSTREAM = ("upstream", "via_upstream", "response_timeout", "stream_idle_timeout", "max_duration_timeout")
Operator = Callable[[FormatFacts], object]
"""A text, number or structure, None (nothing there) or UNKNOWN."""


def compile_operator(name: str, argument: str | None, limit: int | None) -> Operator:
    make = _WITH_ARGUMENT.get(name)
    read = make(argument or "") if make is not None else _PLAIN.get(name, _unknown)
    if limit is None:
        return read

    def cut(facts: FormatFacts) -> object:
        value = read(facts)
        return as_text(value)[:limit] if isinstance(value, str | Mapping | list) else value

    return cut


def _unknown(_facts: FormatFacts) -> object:
    return UNKNOWN


def _nothing(_facts: FormatFacts) -> object:
    return None


def _request_header(argument: str) -> Operator:
    first, _, second = argument.lower().partition("?")

    def read(facts: FormatFacts) -> object:
        for name in (first, second):
            values = facts.request.values(name)
            if values and (values[0] or not name.startswith(":")):
                return values[0]
            if name in facts.request.headers:
                return UNKNOWN
        return None

    return read


def _response_header(argument: str) -> Operator:
    names = tuple(name for name in argument.lower().partition("?") if name != "?")

    def read(facts: FormatFacts) -> object:
        if facts.response is None:
            return UNKNOWN
        headers: Headers = {":status": (str(facts.status),), **facts.response}
        found = next((headers[name] for name in names if name in headers), None)
        return None if found is None else found[0] if found else UNKNOWN

    return read


def _path(argument: str) -> Operator:
    """%PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)%: with or without its query, before or after a rewrite."""
    query, _, which = argument.partition(":")

    def read(facts: FormatFacts) -> object:
        stated = facts.request.headers.get("x-envoy-original-path")
        original = stated[0] if stated else None
        path: str | None = facts.request.path
        if which == "ORIG" or (which != "PATH" and original):
            path = original
        return (without_query(path) if query == "NQ" else path) if path else None

    return read


def _query_parameter(argument: str) -> Operator:
    return lambda facts: _decoded(query_parameters(facts.request.path).get(argument))


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote(text, errors="surrogateescape")


def _query(argument: str) -> Operator:
    decode = argument == "DECODED"

    def read(facts: FormatFacts) -> object:
        _, _mark, query = facts.request.path.partition("?")
        if not query:
            return None
        return url_decoded(query) if decode else query

    return read


def _dynamic_metadata(argument: str) -> Operator:
    keys = argument.split(":")

    def read(facts: FormatFacts) -> object:
        value: Any = facts.metadata
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                return None
            value = value[key]
        return value

    return read


def _filter_state(argument: str) -> Operator:
    """As plain text only; what an object serialises to otherwise is its own affair."""
    key, _, form = argument.partition(":")
    return lambda facts: facts.filter_state.get(key) if form == "PLAIN" or key not in facts.filter_state else UNKNOWN


def _metadata(argument: str) -> Operator:
    kind, _, rest = argument.partition(":")
    source = _METADATA_SOURCES.get(kind)
    if source is None:
        return _nothing if kind == "UPSTREAM_HOST" else _unknown
    keys = rest.split(":")

    def read(facts: FormatFacts) -> object:
        value: Any = source(facts)
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                return None
            value = value[key]
        return value

    return read


def as_text(value: object) -> str:
    """What an operator found, within a text: numbers and structures as JSON writes them."""
    return value if isinstance(value, str) else json_text(value)


_METADATA_SOURCES: dict[str, Callable[[FormatFacts], Mapping[str, Any]]] = {
    "ROUTE": lambda facts: facts.route_metadata,
    "VIRTUAL_HOST": lambda facts: facts.vhost_metadata,
}


def _before_upstream(argument: str) -> Operator:
    return lambda facts: UNKNOWN if facts.after_upstream else None


def _grpc_status(form: str) -> Operator:
    """%GRPC_STATUS(CAMEL_STRING|SNAKE_STRING|NUMBER)%."""

    def read(facts: FormatFacts) -> object:
        code = facts.grpc_status
        if code is None or form == "NUMBER" or code >= len(GRPC_STATUS_NAMES):
            return code
        name = GRPC_STATUS_NAMES[code]
        if form == "SNAKE_STRING" or name == "OK":
            return name
        return "".join(word.capitalize() for word in name.split("_"))

    return read


_WITH_ARGUMENT: dict[str, Callable[[str], Operator]] = {
    "REQ": _request_header,
    "REQUEST_HEADER": _request_header,
    "STREAM_INFO_REQ": _request_header,
    "RESP": _response_header,
    "RESPONSE_HEADER": _response_header,
    "PATH": _path,
    "QUERY_PARAM": _query_parameter,
    "QUERY_PARAMS": _query,
    "METADATA": _metadata,
    "DYNAMIC_METADATA": _dynamic_metadata,
    "FILTER_STATE": _filter_state,
    "UPSTREAM_METADATA": _before_upstream,
    "GRPC_STATUS": _grpc_status,
}


def _tls(read: Callable[[Connection], object]) -> Operator:
    """Without TLS there is nothing to read."""
    return lambda facts: None if facts.connection.tls is None else read(facts.connection)


def _peer(field_name: str) -> Operator:
    def read(connection: Connection) -> object:
        peer = connection.tls.peer if connection.tls is not None else None
        value = getattr(peer, field_name) if peer is not None else ""
        return (value if isinstance(value, str) else ",".join(value)) or None

    return _tls(read)


def _not_restored(read: Callable[[Connection], object]) -> Operator:
    """The address of the accepted socket, which is not the restored one."""
    return lambda facts: UNKNOWN if facts.connection.restored else read(facts.connection)


def _status(facts: FormatFacts) -> object:
    if facts.status is not None:
        return facts.status
    if facts.after_upstream and not facts.upstream:
        return UNKNOWN
    return 100 if facts.request.continued else 0


def _attempts(facts: FormatFacts) -> object:
    return facts.attempts


def _endpoint(facts: FormatFacts) -> object:
    return UNKNOWN if facts.after_upstream or facts.upstream else None


def _flags(facts: FormatFacts) -> object:
    return ",".join(facts.flags) or "-"


_PROTOCOLS = {"http/1.0": "HTTP/1.0", "http/1.1": "HTTP/1.1", "http2": "HTTP/2"}

_PLAIN: dict[str, Operator] = {
    "ACCESS_LOG_TYPE": lambda _facts: "NotSet",
    "BYTES_RECEIVED": lambda _facts: 0,
    "BYTES_SENT": lambda _facts: 0,
    "CONNECTION_TERMINATION_DETAILS": _nothing,
    "CUSTOM_FLAGS": _nothing,
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS": _not_restored(lambda made: format_endpoint(made.local, made.local_port)),
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT": _not_restored(lambda made: format_ip(made.local)),
    "DOWNSTREAM_DIRECT_LOCAL_PORT": _not_restored(lambda made: made.local_port),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": lambda facts: facts.connection.direct_remote_text(),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": lambda facts: format_ip(facts.connection.direct_remote),
    "DOWNSTREAM_DIRECT_REMOTE_PORT": lambda facts: facts.connection.direct_remote_port,
    "DOWNSTREAM_LOCAL_ADDRESS": lambda facts: format_endpoint(facts.connection.local, facts.connection.local_port),
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": lambda facts: format_ip(facts.connection.local),
    "DOWNSTREAM_LOCAL_CLOSE_REASON": _nothing,
    "DOWNSTREAM_LOCAL_PORT": lambda facts: facts.connection.local_port,
    "DOWNSTREAM_PEER_DNS_SAN": _peer("dns_sans"),
    "DOWNSTREAM_PEER_SUBJECT": _peer("subject"),
    "DOWNSTREAM_PEER_URI_SAN": _peer("uri_sans"),
    "DOWNSTREAM_REMOTE_ADDRESS": lambda facts: facts.connection.remote_text(),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": lambda facts: format_ip(facts.connection.remote),
    "DOWNSTREAM_REMOTE_PORT": lambda facts: facts.connection.remote_port,
    "GRPC_STATUS": _grpc_status(""),
    "GRPC_STATUS_NUMBER": _grpc_status("NUMBER"),
    "LOCAL_REPLY_BODY": lambda facts: UNKNOWN if facts.body is None else facts.body,
    "PATH": _path(""),
    "PROTOCOL": lambda facts: _PROTOCOLS.get(facts.request.version, UNKNOWN),
    "QUERY_PARAMS": _query(""),
    "REQUESTED_SERVER_NAME": lambda facts: facts.connection.sni or None,
    "RESPONSE_CODE": _status,
    "RESPONSE_CODE_DETAILS": lambda facts: facts.details or None,
    "RESPONSE_FLAGS": _flags,
    "ROUTE_NAME": lambda facts: facts.route_name or None,
    "RESPONSE_TRAILERS_BYTES": lambda _facts: 0,
    "UPSTREAM_CLUSTER": lambda facts: facts.cluster or None,
    "UPSTREAM_CLUSTER_RAW": lambda facts: facts.cluster or None,
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": _attempts,
}
"""Operators without an argument that a call and a configuration can answer."""

_TLS_ONLY = """
DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN
DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1
DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_EMAIL_SAN
DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER
DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN
DOWNSTREAM_PEER_SERIAL DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION
TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT
"""
_AFTER_AN_ENDPOINT = """
REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION ROUNDTRIP_DURATION UPSTREAM_CONNECTION_IDS_ATTEMPTED
UPSTREAM_CONNECTION_POOL_READY_DURATION UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_HOST UPSTREAM_HOSTS_ATTEMPTED
UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED
UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_ADDRESS
UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN
UPSTREAM_LOCAL_PORT UPSTREAM_LOCAL_URI_SAN UPSTREAM_PEER_CERT UPSTREAM_PEER_CERT_V_START UPSTREAM_PEER_CERT_V_END
UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_URI_SAN
UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
UPSTREAM_REMOTE_PORT UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP UPSTREAM_TLS_SESSION_ID
UPSTREAM_TLS_VERSION UPSTREAM_TRANSPORT_FAILURE_REASON
"""
_RUN_TIME = """
BYTES_RETRANSMITTED CEL CLUSTER_METADATA COALESCE COMMON_DURATION CONNECTION_ID DOWNSTREAM_CX_RTT
DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DETECTED_CLOSE_TYPE
DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT
DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED
DOWNSTREAM_WIRE_BYTES_SENT DURATION DYNAMIC_METADATA EMIT_TIME EMIT_TIME_LOCAL ENVIRONMENT
FILTER_CHAIN_NAME FILTER_STATE HOSTNAME LISTENER_NAME PER_REQUEST_STATE REQUEST_DURATION REQUEST_HEADERS_BYTES
RESPONSE_FLAGS_LONG RESPONSE_HEADERS_BYTES RESPONSE_TRAILER ROUTE_RESOLUTION_COUNT
ROUTE_RESOLUTION_TIME_US SPAN_ID START_TIME START_TIME_LOCAL STREAM_ID TRACE_ID
TRAILER TYPED_CEL UNIQUE_ID UPSTREAM_CONNECTION_ID UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_FILTER_STATE UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT
UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT VIRTUAL_CLUSTER_NAME
"""
_PLAIN.update((name, _tls(lambda _connection: UNKNOWN)) for name in _TLS_ONLY.split())
_PLAIN.update((name, _before_upstream("")) for name in _AFTER_AN_ENDPOINT.split())
_PLAIN.update((name, _endpoint) for name in _AFTER_AN_ENDPOINT.split() if name.startswith("UPSTREAM_HOST"))

NAMES = frozenset({*_PLAIN, *_WITH_ARGUMENT, *_RUN_TIME.split()})
"""Every operator that Envoy 1.40 loads."""
