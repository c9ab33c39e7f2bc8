"""What a proxy makes of how one of its attempts ended: an answer of its own, another attempt, or neither. Not a stage.

Follows envoyproxy/envoy source/common/router/router.cc and source/common/tcp_proxy/tcp_proxy.cc.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..envoy.clusters import Cluster
from ..envoy.endpoints import Endpoint
from ..envoy.http_filters.progress import FRESH, passed_back
from ..envoy.http_filters.response import Response, response_of, with_response
from ..envoy.listener_filters import seconds
from ..envoy.local_reply import local_reply, without_status
from ..envoy.network_filters.tcp_proxy import TcpProxy
from ..envoy.network_filters.verdicts import Closes
from ..envoy.refusal import DRAINED
from ..envoy.response_headers import passed_on, states_more
from ..envoy.retry_policy import RetryPolicy
from ..envoy.route_actions import RouteAction
from ..envoy.stream import Stream
from ..envoy.timers import OF_STREAMS
from ..envoy.upstream_failures import MAX_DURATION, NO_ROOM, OVERFLOW, PER_TRY_IDLE, PER_TRY_TIMEOUT, Failure
from ..facts.request import Headers
from ..outcome import Ending
from ..reasons import Reason, because
from ..states import AtTls, Frame, Tried
from .attempt_failures import failure_in, lacks_room, stands, unsendable_in, waited_before
from .broken_off import BrokenOff, broken_off
from .upstream_chain import back_through_filters

TUNNEL_STANDS = 200
"""What the client gets once the connection of its tunnel stands."""
_OF_A_TRY = frozenset((PER_TRY_TIMEOUT.reset, PER_TRY_IDLE.reset))
ATTEMPT_COUNT = "x-envoy-attempt-count"
ANSWERED = ("delivered", "replied")
_SETTLED = frozenset(("delivered", "forwarded", "unknown", "loop"))
"""Nothing failed as far as is known; without a status no policy can want more."""
_NOBODY_CAN_SAY = frozenset(("forwarded", "unknown"))
"""Whoever is dialled is not known: taken as one who accepts."""
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
    denial: Closes | None = None
    """What a filter before tcp_proxy said, where that ended it."""
    broken_off: BrokenOff | None = None
    """What came of the answer's body, where that is not all."""


def returned(frame: Frame, ending: Ending) -> Return:
    """Pure: explaining asks it again."""
    if frame.refused is not None:
        own = ending.answered_by == frame.hop and bool(ending.response_flags)
        return Return(ending if own else frame.refused, None, again=False, flags=ending.response_flags if own else ())
    if frame.unsaid is not None and ending.kind in _NOBODY_CAN_SAY:
        ending = frame.unsaid
    denied = _denied(frame, ending)
    picked = _returned(frame, arrived(frame, ending)) if denied is None else denied
    progress = frame.dialled.progress if frame.dialled is not None else FRESH
    if not picked.again:
        picked = _timed(picked, frame, ending, progress.held_ms)
    if picked.again or progress is FRESH:
        return picked
    ending = picked.ending
    if picked.failure is not None and ending.answered_by == frame.hop:
        ending = passed_back(ending, progress)
    return evolve(picked, ending=ending, flags=(*progress.flags, *picked.flags))


def _timed(picked: Return, frame: Frame, ending: Ending, held_ms: float) -> Return:
    """With how long it took from the request's arrival here on."""
    lasts = picked.failure.waited_ms if picked.failure is not None else ending.lasts_ms or 0
    took = held_ms + lasts + (waited_before(frame.dialled) if frame.dialled is not None else 0)
    return evolve(picked, ending=evolve(picked.ending, took_ms=took)) if took else picked


def arrived(frame: Frame, ending: Ending) -> Ending:
    """A response that another proxy made, as the filters between it and this router leave it."""
    dialled = frame.dialled
    if dialled is None or ending.kind != "replied" or not ending.response_headers or ending.answered_by == frame.hop:
        return ending
    if not isinstance(frame.via, RouteAction):
        return ending
    response = response_of(ending)
    passed = back_through_filters(dialled, response)
    return ending if passed is response else with_response(ending, passed)


def _returned(frame: Frame, ending: Ending) -> Return:
    if isinstance(frame.via, RouteAction) and frame.via.tunnels and ending.kind not in ("unknown", "loop"):
        failure = failure_in(frame, ending)
        if failure is None or not (failure.connecting or (failure.waited_ms and not stands(frame, ending))):
            return _tunnelled(frame, ending, failure)
    if ending.status is None and ending.kind in _SETTLED and not (lacks_room(frame) or unsendable_in(frame)):
        if ending.kind == "delivered":
            ending = _passed_on(ending, frame)
        return Return(ending, None, again=False, flags=_kept_flags(frame) if frame.via.kind == "tcp" else ())
    failure = failure_in(frame, ending)
    again, extra = _tries_again(frame, ending, failure)
    if again:
        return Return(ending, failure, again=True)
    if failure is None:
        if ending.kind == "dropped":
            ending = evolve(ending, kind="hanging")  # to the side in front, which was accepted
        if isinstance(frame.via, RouteAction):
            waited = waited_before(frame.dialled) if frame.dialled is not None else 0
            part = broken_off(frame, ending, waited)
            passed = _passed_on(_with_flags(ending, extra, frame), frame, extra)
            if part is None:
                return Return(passed, None, again=False, flags=extra)
            flags = (*extra, part.flag) if part.flag else extra
            passed = evolve(passed, cut=part.cut, body="" if part.lost else passed.body)
            if part.cut is None and frame.below is None:
                why = because("return.waits-for-body", stated=part.stated, came=part.came)
                passed = evolve(passed, kind="hanging", why=why, client_sees="nothing")
            return Return(passed, None, again=False, flags=flags, broken_off=part)
        return Return(ending, None, again=False, flags=_kept_flags(frame))
    if isinstance(frame.via, RouteAction):
        return _answered(frame, ending, failure, extra)
    return _closed(frame, ending, failure)


def _tunnelled(frame: Frame, ending: Ending, failure: Failure | None) -> Return:
    """The client has its 200 since the connection stood; what came later cannot take that back."""
    if failure is None and ending.kind in ("delivered", "forwarded"):
        return Return(evolve(ending, status=TUNNEL_STANDS), None, again=False)
    timed = failure is not None and bool(failure.waited_ms)
    # An alert that comes when this side of TLS 1.3 was done is an error of the connection, and no orderly end.
    alerted = frame.tls is not None and ending.client_sees == "tls_alert"
    cut = failure is not None and (failure.result == "reset" or alerted)
    details = "via_upstream"
    if failure is not None and (timed or cut):
        details = failure.reset if timed else f"upstream_reset_after_response_started{{{failure.reset}}}"
    flags = (failure.flag,) if failure is not None and failure.flag and (timed or cut) else ()
    answered = Ending(
        "replied",
        because("return.tunnel-ended", ending.why.place, ending=ending.kind),
        response_headers=_tunnel_headers(frame),
        after=_after(frame, failure) if failure is not None else ending.after,
        status=TUNNEL_STANDS,
        response_flags=flags,
        response_code_details=details,
        answered_by=frame.hop,
        destination=ending.destination,
        pod=ending.pod,
        local_close_reason=DRAINED if _is_connection(frame) and details != MAX_DURATION.reset else None,
    )
    return Return(answered, failure, again=False, flags=flags)


def _tunnel_headers(frame: Frame) -> Headers:
    """Of the 200 that the router makes of a connection that stands."""
    if frame.stream is None:
        return {}
    return passed_on(Response(TUNNEL_STANDS, {}, None, ended=False), frame.stream).headers


def _is_connection(frame: Frame) -> bool:
    """Whether the client's whole connection is the tunnel."""
    request = frame.dialled.conversation.request if frame.dialled is not None else None
    asked = frame.stream.request if frame.stream is not None else None
    return request is not None and request.method == "CONNECT" and asked is not None and asked.version != "http2"


def _denied(frame: Frame, ending: Ending) -> Return | None:
    """A filter before tcp_proxy closes it with the first byte, which is read once the upstream connection stands."""
    denial = frame.via.denial if isinstance(frame.via, TcpProxy) else None
    if denial is None or ending.kind in ("unknown", "loop"):
        return None
    failure = failure_in(frame, ending)
    if failure is not None and failure.connecting:
        return None
    flags = (*_kept_flags(frame), *denial.flags)
    closed = Ending(
        "closed",
        denial.why,
        response_flags=flags,
        response_code_details=denial.response_code_details,
        answered_by=frame.hop,
        destination=ending.destination,
        pod=ending.pod,
    )
    return Return(closed, None, again=False, flags=flags, denial=denial)


def _tries_again(frame: Frame, ending: Ending, failure: Failure | None) -> tuple[bool, tuple[str, ...]]:
    """(whether there is another attempt, the flags of an attempt that should have had one)."""
    dialled, via = frame.dialled, frame.via
    if dialled is None:
        return False, ()
    made = len(tried_endpoints(dialled)) + 1
    if not isinstance(via, RouteAction):
        return failure is not None and failure.connecting and made < via.max_connect_attempts, ()
    policy = via.retry_policy
    if policy is None or not via.sends_again or not _wants_again(policy, ending, failure):
        return False, ()
    if made > policy.num_retries:
        return False, ("URX",)
    limit = _counts_retries(dialled).limits_of(via.priority).max_retries
    return (False, ("UO",)) if (_RETRIES_AT_ONCE if limit is None else limit) == 0 else (True, ())


def _counts_retries(dialled: AtTls) -> Cluster:
    """The cluster by which the route was looked up, wherever retries have gone since."""
    first = dialled.tried.first if dialled.tried is not None else None
    return first or dialled.through or dialled.cluster


def _wants_again(policy: RetryPolicy, ending: Ending, failure: Failure | None) -> bool:
    if failure is not None and failure.unsendable:
        return False
    if failure is not None:
        if failure.status == 504:
            return failure.reset in _OF_A_TRY and policy.after_reset("local_reset", request_sent=True)
        return policy.after_reset(failure.reset, request_sent=not failure.connecting)
    if ending.kind not in ANSWERED or ending.status is None:
        return False
    return policy.after_response(ending.status, ending.grpc_status, ending.response_headers)


def asks_for_redirect(frame: Frame, ending: Ending, picked: Return) -> bool:
    """Whether the route has a policy for the status of what the upstream answered."""
    policy = frame.via.internal_redirects if isinstance(frame.via, RouteAction) else None
    if policy is None or picked.again or picked.failure is not None or ending.kind not in ANSWERED:
        return False
    return ending.status in policy.statuses and frame.refused is None


def _passed_on(ending: Ending, frame: Frame, flags: tuple[str, ...] = ()) -> Ending:
    """A reply that a proxy further on made passes through this one's connection manager."""
    replied = ending.kind == "replied" and bool(ending.response_headers)
    stream = frame.stream
    if stream is None or not (replied or (stream.progress.way_back is not None and ending.kind in ANSWERED)):
        return ending
    response = passed_on(response_of(ending), stream)
    if response.lacks_status:
        reply = without_status(stream, evolve(ending, response_flags=flags), ending.status, hop=frame.hop)
        return evolve(passed_back(reply, stream.progress), destination=ending.destination, pod=ending.pod)
    if not replied:
        return ending
    more = states_more(response, stream.request)
    return evolve(with_response(ending, response), local_close_reason=None, states_more=more)


def _with_flags(ending: Ending, flags: tuple[str, ...], frame: Frame) -> Ending:
    """The last response after retries is passed on; the outcome's flags stay those of who answered."""
    if not flags or ending.answered_by is not None:
        return ending
    return evolve(ending, response_flags=flags)


def _answered(frame: Frame, ending: Ending, failure: Failure, extra: tuple[str, ...]) -> Return:
    """The router's own reply."""
    flags = (*extra, failure.flag) if failure.flag else extra
    details = failure.details()
    reply = local_reply(
        frame.stream,
        frame.hop,
        _why_replied(frame, ending, failure, details),
        status=failure.status,
        details=details,
        flags=flags,
        body=failure.body(retried=frame.is_retry),
        added=_overloaded(frame) if failure in (OVERFLOW, NO_ROOM) else None,
        grpc_status=failure.grpc_status,
    )
    reply = evolve(
        reply,
        after=_after(frame, failure),
        transport_failure_reason=failure.text,
        destination=ending.destination,
        pod=ending.pod,
    )
    return Return(reply, failure, again=False, flags=flags)


def _overloaded(frame: Frame) -> Headers | None:
    """Kept back where the router suppresses x-envoy- headers."""
    told = isinstance(frame.via, RouteAction) and frame.via.envoy_headers
    return {"x-envoy-overloaded": ("true",)} if told else None


def _closed(frame: Frame, ending: Ending, failure: Failure) -> Return:
    """tcp_proxy's close: its own, or the far side's passed on."""
    kept = _kept_flags(frame)
    flags = (*kept, *(flag for flag in failure.tcp_flags if flag not in kept))
    if not flags and failure.waited_ms == 0:
        return Return(ending, failure, again=False)
    connection = frame.dialled.connection if frame.dialled is not None else None
    reset = failure.result == "reset" or (failure.connecting and connection is not None and connection.unread)
    closed = Ending(
        # A reset goes through; so does the kernel's answer to a close that leaves bytes unread.
        "reset" if reset and frame.below is not None else "closed",
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
    before = waited_before(frame.dialled) if frame.dialled is not None else 0
    if frame.dialled is not None and failure.reset in OF_STREAMS:
        before += frame.dialled.progress.held_ms
    return seconds(before + failure.waited_ms)


def _why_replied(frame: Frame, ending: Ending, failure: Failure, details: str) -> Reason:
    after = _after(frame, failure)
    place = ending.why.place
    if after is not None:
        return because("return.timed-out", place, status=failure.status, details=details, after=after)
    facts = {"status": failure.status, "details": details, "ending": failure.result}
    if frame.is_retry and frame.dialled is not None:
        return because("return.gave-up", place, attempts=len(tried_endpoints(frame.dialled)) + 1, **facts)
    return because("return.local-reply", place, **facts)


def counted_again(headers: Headers, attempt: int) -> Headers:
    """x-envoy-attempt-count, where this proxy wrote one, counts on."""
    if headers.get(ATTEMPT_COUNT) != (str(attempt - 1),):
        return headers
    return {**headers, ATTEMPT_COUNT: (str(attempt),)}


def tried_now(frame: Frame, picked: Return, next_hop: int) -> Tried:
    """What the next attempt knows of those before it."""
    dialled = frame.dialled
    assert dialled is not None
    waited = picked.failure.waited_ms if picked.failure is not None else picked.ending.lasts_ms or 0
    return Tried(
        endpoints=(*tried_endpoints(dialled), dialled.endpoint),
        next_hop=next_hop,
        waited_ms=waited_before(dialled) + waited,
        flags=_kept_flags(frame) or _lasting(picked.failure),
        first=_counts_retries(dialled) if refreshes(frame.via, frame.stream) else None,
    )


def refreshes(via: RouteAction | TcpProxy, stream: Stream | None) -> bool:
    """Whether a retry may go to another cluster: one cluster and cluster_header name the same again."""
    if not isinstance(via, RouteAction) or via.retry_policy is None or stream is None:
        return False
    return via.retry_policy.refreshes_cluster and (stream.entry is not None or via.specifier is not None)


def tried_endpoints(dialled: AtTls) -> tuple[Endpoint, ...]:
    return dialled.tried.endpoints if dialled.tried is not None else ()


def _lasting(failure: Failure | None) -> tuple[str, ...]:
    """tcp_proxy keeps the flag of a failed attempt, also after one that succeeds."""
    return ("UF",) if failure is not None and "UF" in failure.tcp_flags else ()


def _kept_flags(frame: Frame) -> tuple[str, ...]:
    tried = frame.dialled.tried if frame.dialled is not None else None
    return tried.flags if tried is not None else ()
