"""Lengths that replies state and do not keep.

A body that ends before its length is through leaves the client with the head, so that no other answer can follow.

Not a stage. envoyproxy/envoy source/common/http/http1/codec_impl.cc and source/common/router/router.cc
(onUpstreamReset). Only of what another proxy answers is the body known; who looks after the connection says whether it
ends there, or whether everybody waits for the rest.
"""

from __future__ import annotations

from attrs import frozen

from ..envoy.hcm_options import DEFAULT_DELAYED_CLOSE_TIMEOUT_MS
from ..envoy.http_filters.response import BODILESS
from ..envoy.listener_filters import seconds
from ..envoy.route_actions import RouteAction
from ..envoy.timers import first_timer_of_body
from ..outcome import Cut, Ending
from ..states import Frame

_AFTER_START = "upstream_reset_after_response_started"
_NOT_HTTP = f"{_AFTER_START}{{protocol_error}}", "UPE"
_REMOTE_RESET = f"{_AFTER_START}{{remote_reset}}", "UR"
_DIGITS = 18
_NO_CONTENT = 204


@frozen
class BrokenOff:
    """A body that is not of its length."""

    stated: int
    came: int
    """Bytes."""
    details: str | None = None
    """What the log says of it; None: nothing ends it but the client."""
    flag: str = ""
    cut: Cut | None = None
    """None: everybody waits."""
    lost: bool = False
    """Nothing of it goes on: HTTP/2 takes no body of another length than the one stated, be it shorter or longer."""

    @property
    def by_timer(self) -> bool:
        return self.cut is not None and self.cut.after is not None


def broken_off(frame: Frame, ending: Ending, waited_ms: int | float) -> BrokenOff | None:
    """None: all of it came, or nobody can say. `waited_ms` is how long the attempts before this one took."""
    stated = _stated_length(frame, ending)
    if stated is None or ending.body is None or _asks_for_none(frame) or not isinstance(frame.via, RouteAction):
        return None
    came, bodiless = len(ending.body.encode("utf-8", "surrogateescape")), ending.status in BODILESS
    over_http1, lingers = _speaks_http1(frame), _lingers_ms(frame)
    head_ms = float(ending.after[:-1]) * 1000 if ending.after is not None else 0
    if not over_http1 and ending.cut is None:
        differs = came > 0 if bodiless else came != stated
        return BrokenOff(stated, came, *_NOT_HTTP, Cut(head_ms, lingers, None), lost=True) if differs else None
    if came >= stated or bodiless:
        return None
    closes_at = _closes_at(ending, head_ms, over_http1=over_http1)
    timer = first_timer_of_body(frame.via, waited_ms=waited_ms, head_ms=head_ms)
    if timer is not None and (closes_at is None or timer.waited_ms < closes_at):
        after = seconds(waited_ms + timer.waited_ms)
        return BrokenOff(stated, came, timer.reset, timer.flag, Cut(timer.waited_ms, lingers, after))
    if closes_at is None:
        return BrokenOff(stated, came)
    details, flag = _NOT_HTTP if over_http1 else _REMOTE_RESET
    return BrokenOff(stated, came, details, flag, Cut(closes_at, lingers, None))


def _closes_at(ending: Ending, head_ms: float, *, over_http1: bool) -> float | None:
    """When the side behind ends it; None: it does not. HTTP/1 connections stay open for a while after the last byte."""
    if ending.cut is not None:
        return ending.cut.at_ms + (ending.cut.lingers_ms if over_http1 else 0)
    if over_http1 and "close" in ending.response_headers.get("connection", ()):
        return head_ms + DEFAULT_DELAYED_CLOSE_TIMEOUT_MS
    return None


def _lingers_ms(frame: Frame) -> int | float:
    """Of the connection in front."""
    return 0 if frame.stream is None else frame.stream.manager.codec.delayed_close_timeout_ms


def _speaks_http1(frame: Frame) -> bool:
    dialled = frame.dialled
    request = dialled.conversation.request if dialled is not None else None
    return dialled is None or request is None or dialled.cluster.protocol.versions(request.version)[0] != "http2"


def states_a_length_for_nothing(frame: Frame, ending: Ending) -> bool:
    """A 204 that states a length other than 0 is no HTTP to who reads it."""
    return ending.status == _NO_CONTENT and bool(_stated_length(frame, ending))


def _stated_length(frame: Frame, ending: Ending) -> int | None:
    """Of another proxy's reply."""
    dialled = frame.dialled
    request = dialled.conversation.request if dialled is not None else None
    if dialled is None or request is None or ending.kind != "replied" or ending.answered_by == frame.hop:
        return None
    stated = (ending.response_headers.get("content-length") or ("",))[0]
    return int(stated) if stated.isascii() and stated.isdecimal() and len(stated) <= _DIGITS else None


def _asks_for_none(frame: Frame) -> bool:
    request = frame.dialled.conversation.request if frame.dialled is not None else None
    return request is not None and request.method == "HEAD"
