"""Replies that a proxy makes itself: status, flags, details, body and headers, and what gRPC clients get instead.

envoyproxy/envoy source/common/http/utility.cc (sendLocalReply), conn_manager_impl.cc (encodeHeaders) and
source/common/grpc/status.cc. Order: the route's header mutations, local_reply_config, gRPC, the connection manager's
own headers.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..facts.request import Headers, Request
from ..outcome import Ending
from ..reasons import Reason, because
from .grpc_codes import grpc_message, grpc_status_of
from .header_mutations import MutationLevel, mutated
from .http_filters.response import BODILESS, STATUS, response_of, with_response
from .inline_headers import RESPONSE_INLINE_HEADERS, one_value, with_more
from .refusal import DRAINED
from .reply_mapping import Reply
from .response_headers import closes_unframed, closes_with, counted, encoded, past_filters, route_mutations, states_more
from .route_actions import RouteAction
from .stream import Stream

_BAD_GATEWAY = 502


def local_reply(
    stream: Stream | None,
    hop: int,
    why: Reason,
    *,
    status: int,
    details: str | None,
    flags: tuple[str, ...] = (),
    body: str | None = "",
    headers: Headers | None = None,
    added: Headers | None = None,
    additions: Sequence[MutationLevel] = (),
    content_type: str | None = None,
    location: str | None = None,
    located_late: bool = False,
    grpc_status: int | None = None,
    by_route: bool = True,
    ends_connection: bool = False,
    plain: bool = False,
    status_before: int | None = None,
) -> Ending:
    """The ending a client gets; a gRPC request gets HTTP 200 with grpc-status and the body as grpc-message.

    `headers` take the place of what the route's mutations wrote, `added` and `additions` come to that. `content_type`
    is the body's, whatever the route's header mutations say. `by_route`: whether the route's response header mutations
    apply; `located_late`: whether only after them the Location is added. `plain`: a filter wrote the whole response,
    which is no local reply. `status_before`: of the response that this one stands in for. Without a stream nothing is
    known of them.
    """
    made: dict[str, tuple[str, ...]] = dict(headers or {}) if plain or stream is None else {}
    if location is not None and not located_late:
        made["location"] = (location,)
    reply = Reply(status, details, flags, body, made)
    if stream is None:
        ending = _ending(None, hop, why, reply, grpc_status)
        return evolve(ending, body="") if status in BODILESS else ending
    closes = ends_connection or closes_with(stream, status)
    if plain:
        return _sent(_ending(None, hop, why, reply, None), stream, status, closes=closes)
    if by_route:
        reply = evolve(reply, headers=route_mutations(reply.headers, stream, details or "", flags, status_before))
    late: Headers = {**reply.headers, **(headers or {})}
    late = with_more(late, added or {}, RESPONSE_INLINE_HEADERS)
    late = mutated(late, additions, stream.format_facts(details=details or "", flags=flags), response=True)
    reply = evolve(reply, headers=counted(late, stream) if by_route else late)
    if content_type is not None:
        reply = evolve(reply, headers={**reply.headers, "content-type": (content_type,)})
    if location is not None and located_late:
        written = one_value((*reply.headers.get("location", ()), location))
        reply = evolve(reply, headers={**reply.headers, "location": (written,)})
    # the flag of a codec error is not set yet when its reply is made
    seen = reply if stream.request is not None else evolve(reply, flags=())
    mapped = stream.manager.reply_mapping.applied(seen, stream.format_facts())
    mapped = evolve(mapped, flags=flags)
    ending = _ending(stream.request, hop, why, mapped, grpc_status if mapped.status == status else None)
    return _sent(ending, stream, mapped.status, closes=closes)


def _sent(ending: Ending, stream: Stream, status: int, *, closes: bool) -> Ending:
    """Past the filters on the way back, and with what the connection manager adds. `status` is not yet a gRPC one."""
    request = stream.request
    response = response_of(ending, "HEAD" if request is not None and request.replied_as_head() else "")
    details, flags = ending.response_code_details or "", () if request is None else ending.response_flags
    response = past_filters(response, stream, status=status, details=details, flags=flags)
    if response.lacks_status:
        return without_status(stream, ending, status, closes=closes)
    closes = closes or closes_unframed(response, stream)
    headers = encoded(response, stream, closes=closes)
    body = "" if _sends_no_body(request, response.status) else response.body
    response = evolve(response, headers=headers, body=body)
    ending = evolve(with_response(ending, response), states_more=states_more(response, request))
    return evolve(ending, local_close_reason=DRAINED if closes and not _keeps_open(stream) else None)


def without_status(
    stream: Stream, before: Ending, status: int | None, *, hop: int | None = None, closes: bool = False
) -> Ending:
    """In stead of a response whose `:status` a filter took away; no filter sees this one.

    envoyproxy/envoy source/common/http/filter_manager.cc (FilterManager::encodeHeaders). `hop` is this proxy, where
    another one answered before.
    """
    missing = f"missing required header: {STATUS}"
    answers = before.answered_by if hop is None else hop
    assert answers is not None
    return local_reply(
        evolve(stream, progress=evolve(stream.progress, way_back=None)),
        answers,
        because("return.status-removed", stream.manager.place, before=before.response_code_details or before.kind),
        status=_BAD_GATEWAY,
        details=f"filter_removed_required_response_headers{{{missing.replace(' ', '_')}}}",
        flags=before.response_flags,
        body=missing,
        by_route=stream.route is not None and isinstance(stream.route.action, RouteAction),
        ends_connection=closes,
        status_before=status,
    )


def _keeps_open(stream: Stream) -> bool:
    """An HTTP/2 client is told to open no further streams, and closes by itself."""
    return stream.request is not None and stream.request.version == "http2"


def _ending(request: Request | None, hop: int, why: Reason, reply: Reply, grpc_status: int | None) -> Ending:
    status, body = reply.status, reply.body
    made = dict(reply.headers)
    if request is not None:
        made.pop("content-length", None)
    if request is not None and request.replied_as_grpc():
        grpc_status = grpc_status_of(status) if grpc_status is None else grpc_status
        made["content-type"] = ("application/grpc",)
        if not any(made.get("grpc-status", ())):
            made["grpc-status"] = (str(grpc_status),)
        if body and not request.replied_as_head():
            made["grpc-message"] = (grpc_message(body),)
        status, body = 200, ""
    else:
        grpc_status = None
        if body is None:
            made["content-length"] = ()
        elif body:
            made["content-length"] = (str(len(body.encode("utf-8", "surrogateescape"))),)
        if body == "":
            made.pop("content-type", None)
        elif reply.content_type is not None:
            made["content-type"] = (reply.content_type,)
        else:
            made.setdefault("content-type", ("text/plain",))
    location = made.get("location")
    return Ending(
        "replied",
        why,
        status=status,
        grpc_status=grpc_status,
        location=location[0] if location else None,
        body=body,
        response_headers=made,
        response_flags=reply.flags,
        response_code_details=reply.details,
        answered_by=hop,
    )


def _sends_no_body(request: Request | None, status: int) -> bool:
    """What a 204 or 304 says is left out by the HTTP/1 codec only."""
    if request is None:
        return status in BODILESS
    return request.replied_as_head() or (status in BODILESS and request.version != "http2")
