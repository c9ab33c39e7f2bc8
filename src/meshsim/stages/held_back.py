"""What ends a stream while a filter keeps its request: a timer of the stream, or whoever waits in front. Not a stage.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (onIdleTimeout, onStreamMaxDurationReached): both run from the
moment the request came in, and no filter that lets it go on winds them up again.
"""

from __future__ import annotations

from attrs import evolve

from ..envoy.listener_filters import seconds
from ..envoy.local_reply import local_reply
from ..envoy.request_limits import limited
from ..envoy.route_actions import RouteAction
from ..envoy.stream import Stream
from ..envoy.timers import held_timer
from ..outcome import Ending
from ..place import Place
from ..reasons import because

DELAYED = "DI"


def cut_short(stream: Stream, hop: int, name: str, place: Place, held_ms: float) -> Ending | None:
    """None: nothing does. `name`, `place`: of the filter, and of what makes it keep the request for `held_ms`."""
    request, before = stream.request, stream.progress.held_ms
    patience = request.patience_ms if request is not None else None
    flags = tuple(dict.fromkeys((*stream.progress.flags, DELAYED)))
    timer = held_timer(*_limits(stream), before + held_ms)
    if patience is not None and (held_ms if timer is None else timer.waited_ms - before) > patience:
        delay = seconds(held_ms)
        why = because("filter.fault-outlasts", place, filter=name, delay=delay)
        return Ending("hanging", why, response_flags=flags)
    if timer is None:
        return None
    after = seconds(timer.waited_ms)
    why = because("return.timed-out", place, status=timer.status, details=timer.details(), after=after)
    reply = local_reply(
        stream,
        hop,
        why,
        status=timer.status,
        details=timer.details(),
        flags=(*flags, timer.flag) if timer.flag else flags,
        body=timer.body(retried=False),
        grpc_status=timer.grpc_status,
    )
    return evolve(reply, after=after, took_ms=timer.waited_ms)


def _limits(stream: Stream) -> tuple[int | float, int | float]:
    """How long the stream may be idle, and how long it may last, in milliseconds; 0: for ever."""
    manager = stream.manager
    idle, duration = manager.stream_idle_timeout_ms, manager.max_stream_duration_ms
    action = stream.route.action if stream.route is not None else None
    if stream.request is None or not isinstance(action, RouteAction):
        return idle, duration
    via = limited(action if stream.entry is None else stream.entry.via, stream.request, 0, duration)
    return idle if via.idle_timeout_ms is None else via.idle_timeout_ms, via.duration_ms
