"""The beginning of an HTTP/2 connection that a call states as plain bytes, and how long Envoy waits for a stream on it.

Observed on Envoy 1.40: the first twelve bytes choose the codec, which sends its SETTINGS at once. Without a stream the
connection is drained when it has been idle (or has lasted) long enough: GOAWAY, the drain's time, GOAWAY, and the
delay that a closing connection gets.
"""

from __future__ import annotations

from ..place import Place
from ..reasons import because
from .first_bytes import PREFACE
from .hcm_options import CodecOptions
from .listener_filters import seconds
from .refusal import DRAINED, Refusal

MAGIC = "PRI * HTTP/2"
"""envoyproxy/envoy source/common/http/http2/codec_impl.cc CLIENT_MAGIC_PREFIX"""
NOT_HTTP2 = "codec_error:Received_bad_client_magic_byte_string"
_BROKEN_FRAME = "codec_error:The_user_callback_function_failed"
_DELAYED = "triggered_delayed_close_timeout"
_FRAME_HEADER = 9
_SETTINGS = 4
_OF_THE_CONNECTION = frozenset((2, _SETTINGS, 6, 8))
"""PRIORITY, SETTINGS, PING and WINDOW_UPDATE begin no stream."""


def preface_refusal(options: CodecOptions, payload: str, place: Place) -> Refusal | None:
    """What the HTTP/2 codec makes of the bytes; None where they are no HTTP/2."""
    if not payload or not (PREFACE.startswith(payload) or payload.startswith(PREFACE)):
        return None
    kinds = _frames(payload[len(PREFACE) :])
    if kinds[:1] not in ((), (_SETTINGS,)):
        return Refusal(because("http.first-frame", place), "closed", flags=("DPE",), closes=_BROKEN_FRAME)
    if not _OF_THE_CONNECTION.issuperset(kinds):
        return Refusal(because("http.frames-unread", place), "unknown")
    return _without_stream(options, place)


def _frames(rest: str) -> tuple[int, ...]:
    """The kinds of the frames whose headers are there."""
    kinds: list[int] = []
    while len(rest) >= _FRAME_HEADER:
        length = ord(rest[0]) << 16 | ord(rest[1]) << 8 | ord(rest[2])
        kinds.append(ord(rest[3]))
        rest = rest[_FRAME_HEADER + length :]
    return tuple(kinds)


def _without_stream(options: CodecOptions, place: Place) -> Refusal:
    timer = next(iter(options.quiet_timers), None)
    drained_ms = None if timer is None else timer.after_ms + options.drain_timeout_ms + options.delayed_close_timeout_ms
    ping = options.unanswered_ping
    if ping is not None and (drained_ms is None or ping.after_ms < drained_ms):
        return _timed_out(ping.after_ms, ping.field, ping.close_reason, place)
    if timer is None or drained_ms is None:
        return Refusal(because("http.no-stream", place), "hanging")
    return _timed_out(drained_ms, timer.field, _DELAYED if options.delayed_close_timeout_ms else DRAINED, place)


def _timed_out(after_ms: int | float, timer: str, closes: str, place: Place) -> Refusal:
    after = seconds(after_ms)
    return Refusal(
        because("http.no-stream-closed", place, after=after, timer=timer), "closed", closes=closes, after=after
    )
