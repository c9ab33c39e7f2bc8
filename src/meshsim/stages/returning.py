"""return: an ending travels back to whoever dialled; each proxy passes it on, tries again, or answers itself.

Answers follow envoyproxy/envoy source/common/router/router.cc and source/common/tcp_proxy/tcp_proxy.cc.
"""

from __future__ import annotations

from attrs import evolve

from ..choices import Chooser
from ..envoy.http_filters.response import BODILESS
from ..envoy.refusal import DRAINED
from ..envoy.route_actions import RouteAction
from ..envoy.upstream_failures import OVERFLOW
from ..explanation import Candidate, Change, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Attempt, Draft, Hop
from ..states import AtEndpoint, AtRedirect, AtRefresh, AtReturn, Ended, Frame, State
from .attempts import Return, arrived, asks_for_redirect, counted_again, refreshes, returned, tried_endpoints, tried_now
from .broken_off import BrokenOff
from .gone import describe_left
from .stage import Stage, agree

HANDSHAKE_TIMEOUT = "transport_socket_timeout"
NOT_CONNECTED = "tcp_initializion_failure:0"
"""Envoy's own spelling (source/common/tcp_proxy/tcp_proxy.cc)."""


def decide(_mesh: Mesh, at: AtReturn, chooser: Chooser) -> tuple[Return, State]:
    frame = at.frames
    if frame is None:
        if at.ending.states_more and at.ending.kind == "replied" and at.ending.cut is None:
            chooser.assume(because("return.states-more", at.ending.why.place))
        return Return(at.ending, None, again=False), Ended(at.ending)
    picked = returned(frame, at.ending)
    policy = frame.via.retry_policy
    if policy is not None:
        for reason in policy.unmodelled if picked.again else ():
            chooser.assume(reason)
        if policy.response_headers and at.ending.kind == "delivered" and not picked.again:
            chooser.assume(because("return.response-headers-unknown", policy.place, policy=policy.name))
    if asks_for_redirect(frame, at.ending, picked):
        return picked, AtRedirect(arrived(frame, at.ending), picked.ending, at.hop, frame, at.opened)
    if not picked.again:
        return picked, AtReturn(picked.ending, at.hop, frame.below, at.opened)
    return picked, _resumed(at, frame, picked)


def _resumed(at: AtReturn, frame: Frame, picked: Return) -> AtEndpoint | AtRefresh:
    dialled = frame.dialled
    assert dialled is not None
    tried = tried_now(frame, picked, at.hop + 1 if at.opened else at.hop)
    if frame.stream is not None and refreshes(frame.via, frame.stream):
        return AtRefresh(dialled, frame.stream, tried)
    conversation = dialled.conversation
    request = conversation.request
    if request is not None:
        headers = counted_again(request.headers, len(tried.endpoints) + 1)
        conversation = evolve(conversation, request=evolve(request, headers=headers))
    return AtEndpoint(
        dialled.pod,
        dialled.through or dialled.cluster,
        dialled.via,
        dialled.connection,
        conversation,
        dialled.alpn_override,
        dialled.hop,
        dialled.frames,
        tried,
        dialled.progress,
        None if dialled.stream is None else evolve(dialled.stream, attempts=len(tried.endpoints) + 1),
    )


def explain(_mesh: Mesh, at: AtReturn, picked: Return) -> Decision:
    frame = at.frames
    if frame is None:
        again = Return(at.ending, None, again=False)
    else:
        again = returned(frame, at.ending)
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
        attempt = len(tried_endpoints(frame.dialled)) + 2
        failed = picked.failure.reset if picked.failure is not None else f"status {ending.status}"
        if policy is None:
            return because("return.connects-again", frame.via.place, attempt=attempt, failure=failed)
        return because("return.tries-again", policy.place, attempt=attempt, failure=failed, policy=policy.name)
    if picked.broken_off is not None:
        return _told_of(picked.broken_off)
    if picked.ending is ending:
        return because("return.passed-on", ending=ending.kind)
    return picked.ending.why


def _told_of(part: BrokenOff) -> Reason:
    if part.lost:
        return because("return.length-differs", stated=part.stated, came=part.came)
    if part.cut is None:
        return because("return.waits-for-body", stated=part.stated, came=part.came)
    if part.cut.after is not None:
        return because("return.body-timed-out", stated=part.stated, came=part.came, after=part.cut.after)
    return because("return.broken-off", stated=part.stated, came=part.came)


def describe(_mesh: Mesh, at: AtReturn, picked: Return, draft: Draft) -> None:
    frame = at.frames
    if frame is None:
        return
    hop = draft.hop(frame.hop, frame.pod.name)
    if frame.refused is not None:
        if picked.ending is frame.refused:
            _describe_refused(draft, hop, frame)
        return
    failure, ending = picked.failure, picked.ending
    next_hop = frame.next_hop
    opened = next_hop is not None and next_hop < len(draft.hops)
    tunnelled = isinstance(frame.via, RouteAction) and frame.via.tunnels
    replaced = failure is None and not tunnelled and ending.answered_by == frame.hop
    answered = (at.ending if replaced else ending).status if failure is None and not tunnelled else None
    if opened and failure is not None and failure.waited_ms:
        describe_left(draft, next_hop)
    # of a dial that nobody answered and no timer of this proxy ended
    standing = "timeout" if at.ending.kind == "dropped" else "connected"
    result = failure.result if failure is not None else standing
    if failure is OVERFLOW:
        hop.endpoint = None
    hop.attempts = (*hop.attempts, Attempt(frame.endpoint, result, answered, next_hop if opened else None))
    if picked.again:
        return
    hop.response_flags = picked.flags
    hop.upstream_transport_failure_reason = failure.text if failure is not None else None
    if picked.denial is not None:
        hop.response_code_details = picked.denial.response_code_details
        hop.connection_termination_details = picked.denial.termination_details
        hop.downstream_local_close_reason = picked.denial.close_reason
        describe_left(draft, next_hop if opened else None)
        return
    if frame.via.kind == "http":
        hop.status = ending.status
        if ending.status is None:
            hop.downstream_local_close_reason = None
        if failure is not None or replaced:
            hop.response_code_details = ending.response_code_details
            hop.downstream_local_close_reason = ending.local_close_reason
        elif tunnelled:
            # Who leaves the tunnel first decides what the log says.
            hop.downstream_local_close_reason = None
        elif ending.status is not None:
            hop.response_code_details = "via_upstream"
            if picked.broken_off is not None:
                _describe_part(draft, hop, frame, picked.broken_off, at.ending)
    elif failure is not None and failure.connecting:
        hop.downstream_local_close_reason = NOT_CONNECTED
    elif failure is not None and failure.waited_ms:
        hop.downstream_local_close_reason = failure.reset


def _describe_part(draft: Draft, hop: Hop, frame: Frame, part: BrokenOff, behind: Ending) -> None:
    """Who leaves first decides what the proxies behind log: they wait still, or only hold their connection open."""
    hop.response_code_details = part.details
    complete = part.lost and (not part.stated or behind.status in BODILESS)
    if part.cut is not None and (complete or not part.cut.lingers_ms) and frame.stream is not None:
        request = frame.stream.request
        hop.downstream_local_close_reason = DRAINED if request is not None and request.version != "http2" else None
    if not part.by_timer or frame.next_hop is None:
        return
    if behind.cut is not None and part.cut is not None and behind.cut.at_ms < part.cut.at_ms:
        draft.hops[frame.next_hop].downstream_local_close_reason = DRAINED
        return
    for waiting in draft.hops[frame.next_hop : behind.answered_by]:
        waiting.response_flags = ("DC",)
        waiting.response_code_details = "downstream_remote_disconnect"
        waiting.downstream_local_close_reason = None


def _describe_refused(draft: Draft, hop: Hop, frame: Frame) -> None:
    """Whatever the upstream would have done, the client's side was closed first."""
    hop.response_flags = ()
    hop.upstream_transport_failure_reason = None
    timed_out = frame.refused is not None and frame.refused.after is not None
    hop.downstream_local_close_reason = HANDSHAKE_TIMEOUT if timed_out else None
    hop.attempts = tuple(evolve(attempt, result="connected") for attempt in hop.attempts)
    waits = frame.refused is not None and frame.refused.kind == "hanging"
    if not waits and frame.next_hop is not None and frame.next_hop < len(draft.hops):
        describe_left(draft, frame.next_hop)


STAGE = Stage("return", AtReturn, decide, explain, describe)
