"""How one attempt of a proxy failed, if it did: at the dial, in the handshake, by a timer, or for want of room.

Follows envoyproxy/envoy source/common/router/upstream_request.cc and source/common/network/connection_impl.cc. Not a
stage.
"""

from __future__ import annotations

from attrs import evolve

from ..envoy.downstream_tls import SECRET_MISSING
from ..envoy.endpoints import InternalAddress
from ..envoy.route_actions import RouteAction
from ..envoy.sendable import unsendable
from ..envoy.timers import first_timer
from ..envoy.upstream_failures import IDLE, NO_ROOM, NOT_HTTP, OVERFLOW, UNSENT, Failure, failure_of
from ..outcome import Ending
from ..states import AtTls, Frame
from .broken_off import states_a_length_for_nothing
from .socketless import not_connected


def failure_in(frame: Frame, ending: Ending) -> Failure | None:
    failure = _failed(frame, ending)
    missing = frame.unsaid is not None and frame.unsaid.transport_failure_reason == SECRET_MISSING
    if failure is None or failure is OVERFLOW or not (missing and failure.connecting):
        return failure
    if failure.text == SECRET_MISSING:
        return failure
    # connection_impl.cc transportFailureReason: what the socket met, then what the transport on it says
    return evolve(failure, text=SECRET_MISSING if failure.text is None else f"{failure.text}._{SECRET_MISSING}")


def _failed(frame: Frame, ending: Ending) -> Failure | None:
    request = frame.dialled.conversation.request if frame.dialled is not None else None
    at_once = _closed_at_once(frame, ending)
    failure = failure_of(
        "not_connected" if at_once else ending.kind,
        http=_version(frame, request.version if request is not None else "") if frame.via.speaks_http else None,
        secured=frame.tls is not None,
        shaken=frame.shaken,
        sees=ending.client_sees,
    )
    if failure is None and frame.via.speaks_http and states_a_length_for_nothing(frame, ending):
        failure = NOT_HTTP
    if failure is not None and at_once:
        return evolve(failure, text=not_connected(frame.endpoint or ""))
    if failure is not None and ending.transport_failure_reason is not None and failure.connecting:
        failure = evolve(failure, text=ending.transport_failure_reason)
    if lacks_room(frame) and (failure is None or not failure.connecting):
        return NO_ROOM
    unsent = unsendable_in(frame)
    if unsent and stands(frame, ending) and (failure is None or not failure.connecting):
        return evolve(UNSENT, unsendable=unsent)
    timer = _timer(frame, ending)
    return failure if timer is None else timer


_AT_ONCE = frozenset(("NR", "UH", "NC"))
"""Response flags of a connection that is closed before anything was read from it."""


def _closed_at_once(frame: Frame, ending: Ending) -> bool:
    """An internal listener that closes while it is being dialled makes the dial itself fail."""
    dialled = frame.dialled
    if dialled is None or ending.kind != "closed" or not isinstance(dialled.endpoint.address, InternalAddress):
        return False
    return ending.answered_by == frame.next_hop and bool(_AT_ONCE.intersection(ending.response_flags))


def lacks_room(frame: Frame) -> bool:
    """Circuit breaker max_requests is 0: a connection is made, and nothing asked over it."""
    return frame.dialled is not None and has_no_room(frame.dialled)


def unsendable_in(frame: Frame) -> str:
    """What keeps the request from being sent, once there is a connection; empty: nothing."""
    return why_unsendable(frame.dialled) if frame.dialled is not None else ""


def why_unsendable(at: AtTls) -> str:
    request = at.conversation.request
    if request is None or not isinstance(at.via, RouteAction) or at.via.tunnels:
        return ""
    return unsendable(request) or ""


def has_no_room(at: AtTls) -> bool:
    return at.via.speaks_http and at.cluster.limits_of(at.via.priority).max_requests == 0


def _version(frame: Frame, downstream: str) -> str:
    assert frame.dialled is not None
    return frame.dialled.cluster.protocol.versions(downstream)[0]


def _timer(frame: Frame, ending: Ending) -> Failure | None:
    """The timer of this proxy that ends the attempt before the far side does; None: none does."""
    lasts = ending.lasts_ms
    if lasts == 0 or frame.dialled is None:
        return None
    connected = stands(frame, ending)
    waited = waited_before(frame.dialled)
    held = frame.dialled.progress.held_ms
    timer = first_timer(frame.via, frame.dialled.cluster, connected=connected, waited_ms=waited, held_ms=held)
    request = frame.dialled.conversation.request
    patience = request.patience_ms if request is not None else None
    if timer is not None and patience is not None and waited + timer.waited_ms > patience:
        return None  # the side in front is gone by then
    if timer is None or (lasts is not None and lasts < timer.waited_ms):
        return None
    # Two idle timers that run alike: the one at the far end is taken.
    return None if lasts == timer.waited_ms and timer.reset == IDLE.reset else timer


def stands(frame: Frame, ending: Ending) -> bool:
    return ending.kind != "dropped" and (frame.tls is None or frame.shaken)


def waited_before(dialled: AtTls) -> int | float:
    return dialled.tried.waited_ms if dialled.tried is not None else 0
