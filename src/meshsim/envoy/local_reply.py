"""Replies that a proxy makes itself: status, flags, details, body and headers, and what gRPC clients get instead.

envoyproxy/envoy source/common/http/utility.cc (sendLocalReply), conn_manager_impl.cc (encodeHeaders) and
source/common/grpc/status.cc. Order: the route's header mutations, local_reply_config, gRPC, the connection manager's
own headers.
"""

from __future__ import annotations

from attrs import evolve

from ..facts.request import Headers, Request
from ..outcome import Ending
from ..reasons import Reason
from .grpc_codes import grpc_status_of
from .inline_headers import one_value
from .refusal import DRAINED
from .reply_mapping import Reply
from .response_headers import BODILESS, closes_with, encoded, route_mutations
from .stream import Stream


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
    content_type: str | None = None,
    location: str | None = None,
    located_late: bool = False,
    grpc_status: int | None = None,
    by_route: bool = True,
    ends_connection: bool = False,
    plain: bool = False,
) -> Ending:
    """The ending a client gets; a gRPC request gets HTTP 200 with grpc-status and the body as grpc-message.

    `content_type` is the body's, whatever the route's header mutations say. `by_route`: whether the route's response
    header mutations apply; `located_late`: whether only after them the Location is added. `plain`: a filter wrote the
    whole response, which is no local reply. Without a stream nothing is known of them.
    """
    made = dict(headers or {})
    if location is not None and not located_late:
        made["location"] = (location,)
    reply = Reply(status, details, flags, body, made)
    if stream is None:
        return _ending(None, hop, why, reply, grpc_status)
    closes = ends_connection or closes_with(stream, status)
    if plain:
        return _sent(_ending(None, hop, why, reply, None), stream, closes=closes)
    if by_route:
        reply = evolve(reply, headers=route_mutations(reply.headers, stream, details or "", flags))
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
    return _sent(ending, stream, closes=closes)


def _sent(ending: Ending, stream: Stream, *, closes: bool) -> Ending:
    """Past the filters on the way back, and with what the connection manager adds."""
    headers, way_back = ending.response_headers, stream.progress.way_back
    if way_back is not None:
        headers = way_back.headers(headers)
    old = stream.request is not None and stream.request.version == "http/1.0"
    closes = closes or (old and "content-length" not in headers)  # whose length only the end would tell
    return evolve(
        ending,
        response_headers=encoded(headers, stream, status=ending.status or 0, closes=closes),
        local_close_reason=DRAINED if closes and not _keeps_open(stream) else None,
    )


def _keeps_open(stream: Stream) -> bool:
    """An HTTP/2 client is told to open no further streams, and closes by itself."""
    return stream.request is not None and stream.request.version == "http2"


def _ending(request: Request | None, hop: int, why: Reason, reply: Reply, grpc_status: int | None) -> Ending:
    status, body = reply.status, reply.body
    made = dict(reply.headers)
    if request is not None and request.is_grpc():
        grpc_status = grpc_status_of(status) if grpc_status is None else grpc_status
        made["content-type"] = ("application/grpc",)
        made["grpc-status"] = (str(grpc_status),)
        if body and request.method != "HEAD":
            made["grpc-message"] = (_percent_encoded(body),)
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
        body="" if _sends_no_body(request, status) else body,
        response_headers=made,
        response_flags=reply.flags,
        response_code_details=reply.details,
        answered_by=hop,
    )


def _sends_no_body(request: Request | None, status: int) -> bool:
    """What a 204 or 304 says is left out by the HTTP/1 codec only."""
    if request is None:
        return status in BODILESS
    return request.method == "HEAD" or (status in BODILESS and request.version != "http2")


def _percent_encoded(text: str) -> str:
    """grpc-message: bytes outside space to tilde, and `%`, are written as %XX."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}" for byte in data)
