"""A route's action as one request sees it: retries and time-outs after what its headers ask for, and tunnels.

envoyproxy/envoy source/common/router/router.cc (FilterUtility::finalTimeout) and retry_state_impl.cc.
"""

from __future__ import annotations

from attrs import evolve

from ..facts.connection import Connection
from ..facts.request import Request
from .retry_policy import for_request
from .route_actions import RouteAction
from .routes import Route
from .upstream_request import stated_timeout, stream_duration_ms, timeout_of


def body_kept(route: Route | None, connection: Connection, filters: int | None) -> int | None:
    """How many bytes of a body are kept to be sent once more; None: all of it. `filters` is what those let be kept."""
    if route is not None and route.body_limit is not None:
        return route.body_limit
    return (connection.buffer_limit or None) if filters is None else filters


def limited(
    action: RouteAction,
    request: Request,
    stream_idle_timeout_ms: int | float,
    max_stream_duration_ms: int | float = 0,
    held_ms: float = 0,
) -> RouteAction:
    """The action itself where the request changes nothing. Both time-outs are the connection manager's; 0: none.

    `held_ms`: how long filters have kept the request.
    """
    policy = for_request(action.retry_policy, request)
    stated = stated_timeout(action, request)
    timeout: int | float = action.timeout_ms
    duration = stream_duration_ms(action, request, max_stream_duration_ms)
    if stated or action.stream_duration is not None or action.max_grpc_timeout_ms is not None:
        timeout = timeout_of(action, request, stated)[0]
    idle = action.idle_timeout_ms
    if idle is None and stream_idle_timeout_ms and (not timeout or timeout + held_ms > stream_idle_timeout_ms):
        idle = stream_idle_timeout_ms
    tunnels = action.connect_config is not None and action.connect_config.ends(request)
    same = policy is action.retry_policy and timeout == action.timeout_ms and idle == action.idle_timeout_ms
    if same and duration == action.duration_ms and not tunnels:
        return action
    return evolve(
        action,
        retry_policy=policy,
        timeout_ms=timeout,
        idle_timeout_ms=idle,
        duration_ms=duration,
        tunnels=tunnels,
    )
