"""Lengths that replies state and do not keep.

A body that ends before its length is through leaves the client with the head, so that no other answer can follow.

Not a stage. envoyproxy/envoy source/common/http/http1/codec_impl.cc and source/common/router/router.cc
(onUpstreamReset). Only of what another proxy answers is the body known; who looks after the connection says whether it
ends there, or whether everybody waits for the rest.
"""

from __future__ import annotations

from attrs import frozen

from ..envoy.http_filters.response import BODILESS
from ..outcome import Ending
from ..states import Frame

FLAG = "UPE"
DETAILS = "upstream_reset_after_response_started{protocol_error}"
_DIGITS = 18
_NO_CONTENT = 204


@frozen
class BrokenOff:
    stated: int
    came: int
    """Bytes."""


def broken_off(frame: Frame, ending: Ending) -> BrokenOff | None:
    """None: all of it came, it is waited for, or nobody can say."""
    stated = _stated_length(frame, ending)
    if stated is None or ending.body is None or ending.status in BODILESS or _asks_for_none(frame):
        return None
    if "close" not in ending.response_headers.get("connection", ()):
        return None
    came = len(ending.body.encode("utf-8", "surrogateescape"))
    return BrokenOff(stated, came) if came < stated else None


def states_a_length_for_nothing(frame: Frame, ending: Ending) -> bool:
    """A 204 that states a length other than 0 is no HTTP/1 to who reads it."""
    return ending.status == _NO_CONTENT and bool(_stated_length(frame, ending))


def _stated_length(frame: Frame, ending: Ending) -> int | None:
    """Of another proxy's reply over HTTP/1."""
    dialled = frame.dialled
    request = dialled.conversation.request if dialled is not None else None
    if dialled is None or request is None or ending.kind != "replied" or ending.answered_by == frame.hop:
        return None
    if dialled.cluster.protocol.versions(request.version)[0] == "http2":
        return None
    stated = (ending.response_headers.get("content-length") or ("",))[0]
    return int(stated) if stated.isascii() and stated.isdecimal() and len(stated) <= _DIGITS else None


def _asks_for_none(frame: Frame) -> bool:
    request = frame.dialled.conversation.request if frame.dialled is not None else None
    return request is not None and request.method == "HEAD"
