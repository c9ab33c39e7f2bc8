"""What the hops log whose client went away while they waited. Not a stage.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (onResetStream): status 0, `DC`, and what a fault delayed.
"""

from __future__ import annotations

from attrs import evolve

from ..envoy.upstream_failures import MAX_DURATION, PER_TRY_IDLE, PER_TRY_TIMEOUT, RESPONSE_TIMEOUT, STREAM_IDLE
from ..report import Draft

DETAILS = "downstream_remote_disconnect"
NO_STATUS = 0
_TIMERS = (MAX_DURATION, PER_TRY_IDLE, PER_TRY_TIMEOUT, RESPONSE_TIMEOUT, STREAM_IDLE)
_ANSWERS_OF_TIMERS = frozenset(timer.reset for timer in _TIMERS)
_KEPT = "DI"


def describe_left(draft: Draft, index: int | None, *, streams: bool = True) -> None:
    """The side in front of that hop went away, whatever it and those behind it would have done later.

    `streams`: whether HTTP had begun on the connection.
    """
    while index is not None:
        hop = draft.hops[index]
        if hop.attempts and hop.response_code_details in _ANSWERS_OF_TIMERS:
            hop.attempts = (*hop.attempts[:-1], evolve(hop.attempts[-1], result="connected"))
        over_http = streams and hop.network_filter is not None and hop.network_filter != "tcp_proxy"
        delayed = tuple(flag for flag in hop.response_flags if flag == _KEPT)
        hop.status = NO_STATUS if over_http else None
        hop.response_flags = (*delayed, "DC") if over_http else ()
        hop.response_code_details = DETAILS if over_http else None
        hop.downstream_local_close_reason = None
        hop.upstream_transport_failure_reason = None
        index = next((later for later, one in reversed(tuple(enumerate(draft.hops))) if one.from_hop == index), None)
