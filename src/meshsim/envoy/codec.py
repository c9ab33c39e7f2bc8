"""What the HTTP codec takes and what it refuses before any routing.

envoyproxy/envoy source/common/http/conn_manager_utility.cc (which codec); flags and details as
observed on Envoy 1.40.
"""

from __future__ import annotations

from attrs import evolve

from ..facts.connection import Connection
from ..facts.conversation import Conversation
from ..place import Place
from ..reasons import because
from .hcm_options import CodecOptions
from .http1_request import METHODS, http1_refusal, parser_error
from .http2_preface import MAGIC, NOT_HTTP2, preface_refusal
from .http2_request import http2_refusal
from .listener_filters import seconds
from .raw_request import WAITS, request_in
from .refusal import DRAINED, Refusal

_NO_LINE = "NO_REQUEST_LINE_IN_REQUEST"


def with_raw_request(conversation: Conversation) -> Conversation:
    """Plain bytes that are a whole request are one; blanks around a target are none of it in HTTP/1."""
    request = conversation.request
    if request is not None and request.version != "http2" and request.path != request.path.strip(" \t"):
        return evolve(conversation, request=evolve(request, path=request.path.strip(" \t")))
    if request is not None or conversation.tls is not None or conversation.server_first:
        return conversation
    found = request_in(conversation.payload)
    return conversation if isinstance(found, str) else evolve(conversation, protocol=found.version, request=found)


def refused_by_codec(
    options: CodecOptions, connection: Connection, conversation: Conversation, place: Place
) -> Refusal | None:
    """Not HTTP at all, the wrong HTTP, or HTTP the parser refuses; None when it is decoded."""
    request = conversation.request
    if conversation.server_first:
        return _silent(options, place)
    if _is_http2_codec(options, connection, conversation):
        if request is None and conversation.tls is None:
            refusal = preface_refusal(options, conversation.payload, place)
            if refusal is not None:
                return refusal
        if request is None or conversation.tls is not None or request.version != "http2":
            why = because("http.not-http2", place, seen=_spoken(conversation))
            return Refusal(why, "closed", flags=("DPE",), closes=NOT_HTTP2)
        return http2_refusal(options, request, place)
    if request is None and conversation.tls is None and request_in(conversation.payload) == WAITS:
        return _incomplete(options, place)
    if request is None or conversation.tls is not None or request.version == "http2":
        return parser_error(place, _spoken(conversation), _stumbles(conversation))
    return http1_refusal(options, request, place, secure=connection.tls is not None)


def _silent(options: CodecOptions, place: Place) -> Refusal:
    """No stream begins; only the timers of the connection end it."""
    timer = next(iter(options.quiet_timers), None)
    if timer is None:
        return Refusal(because("http.server-first", place), "hanging")
    after = seconds(timer.after_ms)
    why = because("http.connection-timed-out", place, after=after, timer=timer.field)
    return Refusal(why, "closed", closes=timer.close_reason, after=after)


def _incomplete(options: CodecOptions, place: Place) -> Refusal:
    """The rest of the head never comes; Envoy waits as long as its timers let it."""
    timer = next(iter(options.head_timers), None)
    if timer is None:
        return Refusal(because("http.incomplete", place), "hanging")
    after = seconds(timer.after_ms)
    why = because("http.head-timed-out", place, after=after, timer=timer.field, details=timer.details)
    return Refusal(why, "replied", 408, timer.details, timer.flags, timer.body, closes=DRAINED, after=after)


def codec_of(options: CodecOptions, connection: Connection, conversation: Conversation) -> str:
    """The version whose codec reads the client's bytes."""
    return "http2" if _is_http2_codec(options, connection, conversation) else "http/1.1"


def _is_http2_codec(options: CodecOptions, connection: Connection, conversation: Conversation) -> bool:
    if options.codec_type != "AUTO":
        return options.codec_type != "HTTP1"
    if connection.tls is not None and connection.tls.alpn is not None:
        return connection.tls.alpn == "h2"
    if conversation.tls is not None:
        return False
    if conversation.request is None:
        return conversation.payload.startswith(MAGIC)
    return conversation.request.version == "http2"


def _spoken(conversation: Conversation) -> str:
    if conversation.tls is not None:
        return "TLS"
    return {"http2": "HTTP/2", "tcp": "bytes that are not HTTP"}.get(conversation.protocol, conversation.protocol)


def _stumbles(conversation: Conversation) -> str:
    """What the HTTP/1 parser stumbles over first in bytes that are no request, in its own words."""
    if conversation.tls is not None:
        return _NO_LINE
    if conversation.request is not None:
        return "HPE_INVALID_METHOD"
    line, _, rest = conversation.payload.lstrip("\r\n").partition("\n")
    if not line or line[0] <= " ":
        return _NO_LINE
    method, *others = line.split()
    if method not in METHODS:
        return "HPE_INVALID_METHOD"
    if len(others) > 1 and not others[-1].startswith("HTTP/"):
        return "HPE_INVALID_VERSION"
    first = rest.partition("\n")[0]
    return "HEADER_MISSING_COLON" if ":" not in first else "INVALID_HEADER_FORMAT"
