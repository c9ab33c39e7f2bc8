"""return: an ending travels back to whoever dialled, as each proxy on the way passes it on or answers itself.

Answers follow envoyproxy/envoy source/common/router/router.cc and source/common/tcp_proxy/tcp_proxy.cc. Retries are
not modelled yet: where a policy could have tried again, that is an assumption.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..choices import Chooser
from ..explanation import Candidate, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import because
from ..report import Attempt, Draft
from ..states import AtReturn, Ended, Frame, State
from .stage import Stage, agree


@frozen
class Failure:
    """How a proxy reports one way its upstream failed before any response."""

    result: str
    """INTERFACE's attempt result."""
    http_flags: tuple[str, ...]
    http_details: str
    http_reset_reason: str
    tcp_flags: tuple[str, ...]
    transport_failure_reason: str | None = None
    connecting: bool = False
    """It failed before the connection stood."""


_CONNECT_REFUSED = Failure(
    result="refused",
    http_flags=("UF",),
    http_details="upstream_reset_before_response_started"
    "{remote_connection_failure|delayed_connect_error:_Connection_refused}",
    http_reset_reason="remote connection failure",
    tcp_flags=("UF", "URX"),
    transport_failure_reason="delayed_connect_error:_Connection_refused",
    connecting=True,
)
_CONNECT_TIMEOUT = Failure(
    result="timeout",
    http_flags=("UF",),
    http_details="upstream_reset_before_response_started{connection_timeout}",
    http_reset_reason="connection timeout",
    tcp_flags=("UF", "URX"),
    connecting=True,
)
_CLOSED = Failure(
    result="closed",
    http_flags=("UC",),
    http_details="upstream_reset_before_response_started{connection_termination}",
    http_reset_reason="connection termination",
    tcp_flags=(),
)
_TLS_FAILURE = Failure(
    result="tls_failure",
    http_flags=("UF",),
    http_details="upstream_reset_before_response_started{remote_connection_failure|TLS_error:}",
    http_reset_reason="remote connection failure",
    tcp_flags=("UF", "URX"),
    connecting=True,
)

_NOT_CONNECTED = "tcp_initializion_failure:0"
"""Envoy's own spelling (source/common/tcp_proxy/tcp_proxy.cc)."""

FAILURES = {
    "refused": _CONNECT_REFUSED,
    "dropped": _CONNECT_TIMEOUT,
    "closed": _CLOSED,
    "reset": evolve(_CLOSED, result="reset", tcp_flags=("UR",)),
    "tls_failure": _TLS_FAILURE,
}
"""Ending kind of what was dialled -> what the dialling proxy makes of it; other kinds are passed on."""


def decide(_mesh: Mesh, at: AtReturn, chooser: Chooser) -> tuple[Ending, State]:
    frame = at.frames
    if frame is None:
        return at.ending, Ended(at.ending.outcome())
    failure = FAILURES.get(at.ending.kind)
    if failure is not None and frame.via.retry_policy is not None:
        policy = frame.via.retry_policy
        chooser.assume(because("return.retries-not-modelled", policy.place, policy=policy.name))
    ending = _seen_through(frame, at.ending)
    return ending, AtReturn(ending, at.hop, frame.below)


def _seen_through(frame: Frame, ending: Ending) -> Ending:
    """What the side in front of this proxy gets."""
    failure = FAILURES.get(ending.kind)
    if failure is None:
        return ending
    if frame.via.kind == "http":
        return Ending(
            "replied",
            because(
                "return.local-reply", ending.why.place, status=503, details=failure.http_details, ending=ending.kind
            ),
            status=503,
            body="upstream connect error or disconnect/reset before headers. reset reason: "
            + failure.http_reset_reason,
            response_flags=failure.http_flags,
            response_code_details=failure.http_details,
            answered_by=frame.hop,
            destination=ending.destination,
            pod=ending.pod,
        )
    flags = failure.tcp_flags
    return Ending(
        "closed",
        because("return.closed", ending.why.place, flags=list(flags), ending=ending.kind),
        response_flags=flags,
        transport_failure_reason=failure.transport_failure_reason,
        answered_by=frame.hop,
        destination=ending.destination,
        pod=ending.pod,
    )


def explain(_mesh: Mesh, at: AtReturn, picked: Ending) -> Decision:
    frame = at.frames
    ending = at.ending if frame is None else _seen_through(frame, at.ending)
    agree("return", at, picked, ending)
    changed = ending is not at.ending
    return Decision(
        stage="return",
        pod=frame.pod.name if frame is not None else "client",
        question=because("return.question", ending=at.ending.kind),
        chosen=Candidate(ending.kind, "ending", Fate.CHOSEN, place=ending.why.place),
        reason=ending.why if changed else because("return.passed-on", ending=ending.kind),
        trivial=not changed,
        deciding=False,
        hop=frame.hop if frame is not None else None,
    )


def describe(_mesh: Mesh, at: AtReturn, picked: Ending, draft: Draft) -> None:
    frame = at.frames
    if frame is None:
        return
    hop = draft.hop(frame.hop, frame.pod.name)
    failure = FAILURES.get(at.ending.kind)
    next_hop = next((index for index, later in enumerate(draft.hops) if later.from_hop == frame.hop), None)
    result = failure.result if failure is not None else "connected"
    status = at.ending.status if failure is None else None
    hop.attempts = (*hop.attempts, Attempt(frame.endpoint, result, status, next_hop))
    hop.status = picked.status
    if failure is not None:
        hop.response_flags = picked.response_flags
        hop.response_code_details = picked.response_code_details
        hop.upstream_transport_failure_reason = failure.transport_failure_reason
    elif picked.status is not None and frame.via.kind == "http":
        hop.response_code_details = "via_upstream"
    if frame.via.kind == "tcp":
        hop.status = None
        if failure is not None and failure.connecting:
            hop.downstream_local_close_reason = _NOT_CONNECTED


STAGE = Stage("return", AtReturn, decide, explain, describe)
