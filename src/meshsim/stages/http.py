"""http: does the connection manager take the request, and what does routing see of it?"""

from __future__ import annotations

from attrs import evolve

from ..address import format_endpoint
from ..choices import Chooser
from ..envoy.codec import codec_of, with_raw_request
from ..envoy.receive import DRAINED, Received, closes_after_answer, receive
from ..envoy.refusal import Refusal
from ..envoy.route_actions import RouteAction
from ..envoy.runtime import NO_RUNTIME
from ..explanation import Candidate, Decision, Fate
from ..facts.conversation import Conversation
from ..facts.request import Request
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Downstream, Draft, Hop
from ..states import AtHttp, AtReturn, AtVhost, State
from .changes import request_changes
from .refusals import ending_of, only_entry, route_of
from .stage import Stage, agree

FRAGMENTS = "http_reject_path_with_fragment"


def decide(_mesh: Mesh, at: AtHttp, chooser: Chooser) -> tuple[Received | Refusal, State]:
    for reason in at.hcm.unmodelled:
        chooser.assume(reason)
    picked = _receive(at)
    if isinstance(picked, Received):
        if picked.doubt is not None:
            chooser.assume(picked.doubt)
        return picked, AtVhost(at.pod, at.hcm, picked.connection, picked.request, at.hop, at.frames)
    picked = evolve(picked, why=_why(at, picked))
    if picked.kind == "unknown":
        chooser.assume(picked.why)
    return picked, AtReturn(_as_the_client_reads(at, _ending(at, picked)), at.hop, at.frames)


def _why(at: AtHttp, refusal: Refusal) -> Reason:
    """Where TLS arrives that this side does not take off, who put it on."""
    near = at.frames
    if at.conversation.tls is None:
        return refusal.why
    if at.connection.tls is not None:
        return because("http.tls-within-tls", refusal.why.place, filter=at.hcm.name)
    if near is None or near.tls is None or near.transport is None:
        return refusal.why
    return because(
        "http.peer-speaks-tls",
        refusal.why.place,
        filter=at.hcm.name,
        near=near.pod.name,
        mode="mTLS" if near.tls.client_certificate else "TLS",
        cluster=near.cluster,
        transport=near.transport.name,
        written=str(near.transport.place),
    )


def _receive(at: AtHttp) -> Received | Refusal:
    def internal_only(request: Request) -> tuple[str, ...]:
        table = at.hcm.table(at.pod.proxy, request)
        return table.internal_only_headers if table is not None else ()

    return receive(
        at.hcm,
        at.connection,
        _without_fragment(at),
        at.pod.addresses[0] if at.pod.addresses else None,
        internal_only,
        at.pod.proxy.runtime if at.pod.proxy is not None else NO_RUNTIME,
    )


def _without_fragment(at: AtHttp) -> Conversation:
    """Where the guard is off, what follows `#` is dropped before anything looks at the path."""
    said, proxy = at.conversation, at.pod.proxy
    request = said.request
    if request is None or "#" not in request.path or proxy is None or proxy.runtime.guard(FRAGMENTS):
        return said
    return evolve(said, request=evolve(request, path=request.path.partition("#")[0]))


def _ending(at: AtHttp, refusal: Refusal) -> Ending:
    return ending_of(refusal, at.pod, at.hcm, at.connection, at.hop)


def _as_the_client_reads(at: AtHttp, ending: Ending) -> Ending:
    """A client that asked for a head reads no body, not even of a reply by a codec that had not seen the method yet.

    To a client in the middle of a TLS handshake, an answer in plaintext is no answer: the handshake fails.
    """
    said = at.conversation.request
    if ending.kind == "replied" and said is not None and said.method == "HEAD":
        ending = evolve(ending, body="")
    if ending.kind != "replied" or at.conversation.tls is None or (at.frames is not None and at.frames.in_handshake):
        return ending
    return Ending(
        "closed",
        ending.why,
        response_flags=ending.response_flags,
        response_code_details=ending.response_code_details,
        answered_by=at.hop,
    )


def explain(_mesh: Mesh, at: AtHttp, picked: Received | Refusal) -> Decision:
    again = _receive(at)
    if isinstance(again, Refusal):
        again = evolve(again, why=_why(at, again))
    agree("http", at, picked, again)
    question = because("http.question", protocol=at.conversation.protocol)
    if isinstance(again, Refusal):
        return Decision(
            stage="http",
            pod=at.pod.name,
            question=question,
            chosen=None,
            reason=again.why,
            notes=at.hcm.unmodelled,
            deciding=True,
            hop=at.hop,
        )
    before = with_raw_request(at.conversation).request
    assert before is not None
    request = again.request
    changed = (before.authority, before.path) != (request.authority, request.path)
    return Decision(
        stage="http",
        pod=at.pod.name,
        question=question,
        chosen=Candidate(at.hcm.name, "http_connection_manager", Fate.CHOSEN, place=at.hcm.place),
        reason=because(
            "http.received", at.hcm.place, method=request.method, authority=request.authority, path=request.path
        ),
        changes=request_changes(before, request),
        notes=at.hcm.unmodelled if again.doubt is None else (*at.hcm.unmodelled, again.doubt),
        trivial=not changed,
        hop=at.hop,
    )


def describe(_mesh: Mesh, at: AtHttp, picked: Received | Refusal, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    connection = at.connection
    conversation = with_raw_request(at.conversation)
    request = conversation.request
    protocol = request.version if request is not None else conversation.protocol
    seen = hop.downstream or Downstream(protocol, connection.remote_text(), connection.direct_remote_text())
    remote = seen.remote
    if isinstance(picked, Received) and picked.connection is not connection:
        remote = format_endpoint(picked.connection.remote, picked.connection.remote_port)
    hop.downstream = evolve(seen, protocol=protocol, remote=remote)
    if isinstance(picked, Refusal):
        ending = _ending(at, picked)
        hop.status = ending.status
        hop.response_flags = ending.response_flags
        hop.response_code_details = ending.response_code_details
        hop.downstream_local_close_reason = _as_the_client_reads(at, ending).local_close_reason
        _describe_refused(at, picked, hop)
    elif request is not None and closes_after_answer(request):
        hop.downstream_local_close_reason = DRAINED


def _describe_refused(at: AtHttp, refusal: Refusal, hop: Hop) -> None:
    """What the codec took, Envoy logs with its virtual host and route, though it goes nowhere."""
    request, seen = refusal.request, hop.downstream
    if request is None:
        if seen is not None and seen.protocol in ("http/1.0", "http2"):
            # the codec answers before it has told anybody the client's version
            read_by = codec_of(at.hcm.codec, at.connection, at.conversation)
            hop.downstream = evolve(seen, protocol=read_by)
        return
    vhost, route = route_of(refusal, at.pod, at.hcm, at.connection)
    hop.virtual_host = vhost.name if vhost is not None else None
    hop.route = (route.name or None) if route is not None else None
    proxy = at.pod.proxy
    if route is not None and proxy is not None and isinstance(route.action, RouteAction):
        entry = only_entry(route, at.pod)
        name = route.action.cluster if entry is None else entry.name
        hop.cluster = name if name and proxy.cluster(name) is not None else None


STAGE = Stage("http", AtHttp, decide, explain, describe)
