"""Which timer of a proxy ends an attempt that nobody else ends.

envoyproxy/envoy source/common/router/router.cc and source/common/tcp_proxy/tcp_proxy.cc. The pauses between attempts
are random and short (25 ms at first); they are not counted.
"""

from __future__ import annotations

from attrs import evolve

from .clusters import Cluster
from .network_filters.tcp_proxy import TcpProxy
from .route_actions import RouteAction
from .upstream_failures import (
    CONNECT_TIMEOUT,
    IDLE,
    LONGEST,
    MAX_DURATION,
    PER_TRY_IDLE,
    PER_TRY_TIMEOUT,
    RESPONSE_TIMEOUT,
    STREAM_IDLE,
    Failure,
)

OF_STREAMS = frozenset((MAX_DURATION.reset, STREAM_IDLE.reset))
"""What runs since the request came in, whatever filters do."""


def held_timer(idle_ms: int | float, duration_ms: int | float, held_ms: float) -> Failure | None:
    """What ends a stream while a filter still keeps its request, `held_ms` after it came in; 0 is no limit."""
    timers = [(after, failure) for after, failure in ((duration_ms, MAX_DURATION), (idle_ms, STREAM_IDLE)) if after]
    first = min(timers, key=lambda timer: timer[0], default=None)
    return None if first is None or first[0] > held_ms else evolve(first[1], waited_ms=first[0])


def first_timer(
    via: RouteAction | TcpProxy, cluster: Cluster, *, connected: bool, waited_ms: int | float, held_ms: int | float = 0
) -> Failure | None:
    """What fires first, and how long this attempt lasts until then; None: nothing ever does.

    A try's own time begins once its connection stands. `waited_ms`: how long the attempts before this one took;
    `held_ms`: how long filters kept the request before them.
    """
    timers: list[tuple[int | float, Failure]] = []
    if isinstance(via, RouteAction):
        per_try = via.retry_policy.per_try_timeout_ms if via.retry_policy is not None else 0
        per_try_idle = via.retry_policy.per_try_idle_timeout_ms if via.retry_policy is not None else 0
        # The reply to a tunnel is there once its connection is.
        answered = connected and via.tunnels
        if via.timeout_ms and not answered:
            timers.append((max(via.timeout_ms - waited_ms, 0), RESPONSE_TIMEOUT))
        if via.duration_ms:
            timers.append((max(via.duration_ms - waited_ms - held_ms, 0), MAX_DURATION))
        if via.idle_timeout_ms:
            timers.append((max(via.idle_timeout_ms - waited_ms - held_ms, 0), STREAM_IDLE))
        if per_try and connected and not answered:
            timers.append((per_try, PER_TRY_TIMEOUT))
        if per_try_idle and connected and not answered:
            timers.append((per_try_idle, PER_TRY_IDLE))
    else:
        if via.max_duration_ms:
            longest = LONGEST if connected else evolve(LONGEST, result="timeout")
            timers.append((max(via.max_duration_ms - waited_ms, 0), longest))
        if connected and via.idle_timeout_ms:
            timers.append((via.idle_timeout_ms, IDLE))
    if not connected:
        timers.append((cluster.connect_timeout_ms, CONNECT_TIMEOUT))
    if not timers:
        return None
    # Of two that are due together, the one that was started first.
    lasts, failure = min(timers, key=lambda timer: timer[0])
    return evolve(failure, waited_ms=lasts)


def first_timer_of_body(via: RouteAction, *, waited_ms: int | float, head_ms: int | float) -> Failure | None:
    """What ends a response of which only a part came, `head_ms` after this attempt was sent; None: nothing ever does.

    Its `waited_ms` counts from there on too.
    """
    policy = via.retry_policy
    timers: list[tuple[int | float, Failure]] = []
    if via.timeout_ms:
        timers.append((max(via.timeout_ms - waited_ms, head_ms), RESPONSE_TIMEOUT))
    if via.duration_ms:
        timers.append((max(via.duration_ms - waited_ms, head_ms), MAX_DURATION))
    if via.idle_timeout_ms:
        timers.append((head_ms + via.idle_timeout_ms, STREAM_IDLE))
    if policy is not None and policy.per_try_idle_timeout_ms:
        timers.append((head_ms + policy.per_try_idle_timeout_ms, PER_TRY_IDLE))
    if not timers:
        return None
    lasts, failure = min(timers, key=lambda timer: timer[0])
    return evolve(failure, waited_ms=lasts)
