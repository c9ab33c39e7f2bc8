"""return: an ending travels back to whoever dialled; each proxy passes it on, tries again, or answers itself.

Answers follow envoyproxy/envoy source/common/router/router.cc and source/common/tcp_proxy/tcp_proxy.cc.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..choices import Chooser
from ..envoy.endpoints import Endpoint
from ..envoy.listener_filters import seconds
from ..envoy.local_reply import local_reply
from ..envoy.retry_policy import RetryPolicy
from ..envoy.route_actions import RouteAction
from ..envoy.timers import first_timer
from ..envoy.upstream_failures import IDLE, Failure, failure_of
from ..explanation import Candidate, Change, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Attempt, Draft
from ..states import AtEndpoint, AtReturn, AtTls, Ended, Frame, State, Tried
from .stage import Stage, agree

NOT_CONNECTED = "tcp_initializion_failure:0"
"""Envoy's own spelling (source/common/tcp_proxy/tcp_proxy.cc)."""
_ANSWERED = ("delivered", "replied")
_RETRIES_AT_ONCE = 3
"""max_retries of a circuit breaker that states none."""


@frozen
class Return:
    """What a proxy makes of how its attempt ended."""

    ending: Ending
    """What the side in front gets; of an attempt that is tried again, how it ended."""
    failure: Failure | None
    """How the attempt failed; None: it brought an answer, or nobody can say."""
    again: bool
    flags: tuple[str, ...] = ()
    """The response flags of this hop."""


def decide(_mesh: Mesh, at: AtReturn, chooser: Chooser) -> tuple[Return, State]:
    frame = at.frames
    if frame is None:
        return Return(at.ending, None, again=False), Ended(at.ending.outcome())
    picked = _returned(frame, at.ending)
    policy = frame.via.retry_policy
    if policy is not None:
        for reason in policy.unmodelled:
            chooser.assume(reason)
        if policy.response_headers and at.ending.kind in _ANSWERED and not picked.again:
            chooser.assume(because("return.response-headers-unknown", policy.place, policy=policy.name))
    if not picked.again:
        return picked, AtReturn(picked.ending, at.hop, frame.below, at.opened)
    return picked, _resumed(at, frame, picked)


def _resumed(at: AtReturn, frame: Frame, picked: Return) -> AtEndpoint:
    dialled = frame.dialled
    assert dialled is not None
    waited = picked.failure.waited_ms if picked.failure is not None else 0
    tried = Tried(
        endpoints=(*_tried(dialled), dialled.endpoint),
        next_hop=at.hop + 1 if at.opened else at.hop,
        waited_ms=_waited(dialled) + waited,
    )
    return AtEndpoint(
        dialled.pod,
        dialled.cluster,
        dialled.via,
        dialled.connection,
        dialled.conversation,
        dialled.alpn_override,
        dialled.hop,
        dialled.frames,
        tried,
    )


def _tried(dialled: AtTls) -> tuple[Endpoint, ...]:
    return dialled.tried.endpoints if dialled.tried is not None else ()


def _waited(dialled: AtTls) -> int | float:
    return dialled.tried.waited_ms if dialled.tried is not None else 0


def _returned(frame: Frame, ending: Ending) -> Return:
    """Pure: explaining asks it again."""
    failure = _failure(frame, ending)
    again, extra = _tries_again(frame, ending, failure)
    if again:
        return Return(ending, failure, again=True)
    if failure is None:
        if isinstance(frame.via, RouteAction):
            return Return(_with_flags(ending, extra, frame), None, again=False, flags=extra)
        # tcp_proxy keeps the flag of a failed attempt after one that succeeded.
        return Return(ending, None, again=False, flags=("UF",) if frame.is_retry else ())
    if isinstance(frame.via, RouteAction):
        return _answered(frame, ending, failure, extra)
    return _closed(frame, ending, failure)


def _failure(frame: Frame, ending: Ending) -> Failure | None:
    request = frame.dialled.conversation.request if frame.dialled is not None else None
    failure = failure_of(
        ending.kind,
        http=_version(frame, request.version if request is not None else "") if frame.via.kind == "http" else None,
        secured=frame.tls is not None,
        shaken=frame.shaken,
        sees=ending.client_sees,
    )
    if failure is not None and ending.transport_failure_reason is not None and failure.connecting:
        failure = evolve(failure, text=ending.transport_failure_reason)
    timer = _timer(frame, ending)
    return failure if timer is None else timer


def _version(frame: Frame, downstream: str) -> str:
    assert frame.dialled is not None
    return frame.dialled.cluster.protocol.versions(downstream)[0]


def _timer(frame: Frame, ending: Ending) -> Failure | None:
    """The timer of this proxy that ends the attempt before the far side does; None: none does."""
    lasts = _lasts_ms(ending)
    if lasts == 0 or frame.dialled is None:
        return None
    connected = ending.kind != "dropped" and (frame.tls is None or frame.shaken)
    waited = _waited(frame.dialled)
    timer = first_timer(frame.via, frame.dialled.cluster, connected=connected, waited_ms=waited)
    if timer is None or (lasts is not None and lasts < timer.waited_ms):
        return None
    # Two idle timers that run alike: the one at the far end is taken.
    return None if lasts == timer.waited_ms and timer.reset == IDLE.reset else timer


def _lasts_ms(ending: Ending) -> float | None:
    """How long the far side takes; None: for ever."""
    if ending.kind in ("hanging", "dropped"):
        return None
    return float(ending.after[:-1]) * 1000 if ending.after is not None else 0


def _tries_again(frame: Frame, ending: Ending, failure: Failure | None) -> tuple[bool, tuple[str, ...]]:
    """(whether there is another attempt, the flags of an attempt that should have had one)."""
    dialled, via = frame.dialled, frame.via
    if dialled is None:
        return False, ()
    made = len(_tried(dialled)) + 1
    if not isinstance(via, RouteAction):
        return failure is not None and failure.connecting and made < via.max_connect_attempts, ()
    policy = via.retry_policy
    if policy is None or not _wants_again(policy, ending, failure):
        return False, ()
    if made > policy.num_retries:
        return False, ("URX",)
    limit = dialled.cluster.limits.max_retries
    return (False, ("UO",)) if (_RETRIES_AT_ONCE if limit is None else limit) == 0 else (True, ())


def _wants_again(policy: RetryPolicy, ending: Ending, failure: Failure | None) -> bool:
    if failure is not None:
        if failure.status == 504:
            return failure.reset == "upstream_per_try_timeout" and policy.after_reset("local_reset", request_sent=True)
        return policy.after_reset(failure.reset, request_sent=not failure.connecting)
    if ending.kind not in _ANSWERED or ending.status is None:
        return False
    return policy.after_response(ending.status, ending.grpc_status, ending.response_headers)


def _with_flags(ending: Ending, flags: tuple[str, ...], frame: Frame) -> Ending:
    """The last response after retries is passed on; the outcome's flags stay those of who answered."""
    if not flags or ending.answered_by is not None:
        return ending
    return evolve(ending, response_flags=flags)


def _answered(frame: Frame, ending: Ending, failure: Failure, extra: tuple[str, ...]) -> Return:
    """The router's own reply."""
    dialled = frame.dialled
    request = dialled.conversation.request if dialled is not None else None
    flags = (*extra, failure.flag)
    details = failure.details()
    reply = local_reply(
        request,
        frame.hop,
        _why_replied(frame, ending, failure, details),
        status=failure.status,
        details=details,
        flags=flags,
        body=failure.body(retried=frame.is_retry),
    )
    reply = evolve(
        reply,
        after=_after(frame, failure),
        transport_failure_reason=failure.text,
        destination=ending.destination,
        pod=ending.pod,
    )
    return Return(reply, failure, again=False, flags=flags)


def _closed(frame: Frame, ending: Ending, failure: Failure) -> Return:
    """tcp_proxy's close: its own, or the far side's passed on."""
    flags = failure.tcp_flags
    if frame.is_retry and "UF" not in flags:
        flags = ("UF", *flags)
    if not flags and failure.waited_ms == 0:
        return Return(ending, failure, again=False)
    closed = Ending(
        "closed",
        because("return.closed", ending.why.place, flags=list(flags), ending=ending.kind),
        after=_after(frame, failure),
        response_flags=flags,
        transport_failure_reason=failure.text,
        answered_by=frame.hop,
        destination=ending.destination,
        pod=ending.pod,
    )
    return Return(closed, failure, again=False, flags=flags)


def _after(frame: Frame, failure: Failure) -> str | None:
    """The time that a timer took, over all attempts."""
    if not failure.waited_ms:
        return None
    before = _waited(frame.dialled) if frame.dialled is not None else 0
    return seconds(before + failure.waited_ms)


def _why_replied(frame: Frame, ending: Ending, failure: Failure, details: str) -> Reason:
    after = _after(frame, failure)
    place = ending.why.place
    if after is not None:
        return because("return.timed-out", place, status=failure.status, details=details, after=after)
    return because("return.local-reply", place, status=failure.status, details=details, ending=ending.kind)


def explain(_mesh: Mesh, at: AtReturn, picked: Return) -> Decision:
    frame = at.frames
    if frame is None:
        again = Return(at.ending, None, again=False)
    else:
        again = _returned(frame, at.ending)
    agree("return", at, picked, again)
    ending = again.ending
    changed = ending is not at.ending
    reason = _reason(frame, at.ending, again)
    before, after = at.ending.status, ending.status
    return Decision(
        stage="return",
        pod=frame.pod.name if frame is not None else "client",
        question=because("return.question", ending=at.ending.kind),
        chosen=Candidate(ending.kind, "ending", Fate.CHOSEN, place=ending.why.place),
        reason=reason,
        changes=(Change("status", before, after),) if before != after else (),
        trivial=not changed and not again.again,
        deciding=False,
        hop=frame.hop if frame is not None else None,
    )


def _reason(frame: Frame | None, ending: Ending, picked: Return) -> Reason:
    if frame is not None and picked.again and frame.dialled is not None:
        policy = frame.via.retry_policy
        attempt = len(_tried(frame.dialled)) + 2
        failed = picked.failure.reset if picked.failure is not None else f"status {ending.status}"
        if policy is None:
            return because("return.connects-again", frame.via.place, attempt=attempt, failure=failed)
        return because("return.tries-again", policy.place, attempt=attempt, failure=failed, policy=policy.name)
    if picked.ending is ending:
        return because("return.passed-on", ending=ending.kind)
    return picked.ending.why


def describe(_mesh: Mesh, at: AtReturn, picked: Return, draft: Draft) -> None:
    frame = at.frames
    if frame is None:
        return
    hop = draft.hop(frame.hop, frame.pod.name)
    failure, ending = picked.failure, picked.ending
    next_hop = frame.next_hop
    opened = next_hop is not None and next_hop < len(draft.hops)
    answered = ending.status if failure is None else None
    result = failure.result if failure is not None else "connected"
    hop.attempts = (*hop.attempts, Attempt(frame.endpoint, result, answered, next_hop if opened else None))
    if picked.again:
        return
    hop.response_flags = picked.flags
    hop.upstream_transport_failure_reason = failure.text if failure is not None else None
    if frame.via.kind == "http":
        hop.status = ending.status
        if failure is not None:
            hop.response_code_details = ending.response_code_details
        elif ending.status is not None:
            hop.response_code_details = "via_upstream"
    elif failure is not None and failure.connecting:
        hop.downstream_local_close_reason = NOT_CONNECTED
    elif failure is not None and failure.waited_ms:
        hop.downstream_local_close_reason = failure.reset


STAGE = Stage("return", AtReturn, decide, explain, describe)
