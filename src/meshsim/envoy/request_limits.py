"""A route's action as one request sees it: retries and time-outs after what its headers ask for.

envoyproxy/envoy source/common/router/router.cc (FilterUtility::finalTimeout) and retry_state_impl.cc.
"""

from __future__ import annotations

from attrs import evolve

from ..facts.request import Request
from .retry_policy import for_request
from .route_actions import RouteAction
from .upstream_request import timeout_of


def limited(action: RouteAction, request: Request, stream_idle_timeout_ms: int | float) -> RouteAction:
    """The action itself where the request changes nothing. `stream_idle_timeout_ms` is the connection manager's."""
    policy = for_request(action.retry_policy, request)
    stated = request.headers.get("x-envoy-upstream-rq-timeout-ms")
    timeout: int | float = action.timeout_ms
    if stated or action.max_grpc_timeout_ms is not None:
        timeout = timeout_of(action, request, stated)[0]
    idle = action.idle_timeout_ms
    if idle is None and stream_idle_timeout_ms and (not timeout or timeout > stream_idle_timeout_ms):
        idle = stream_idle_timeout_ms
    if policy is action.retry_policy and timeout == action.timeout_ms and idle == action.idle_timeout_ms:
        return action
    return evolve(action, retry_policy=policy, timeout_ms=timeout, idle_timeout_ms=idle)
