"""Replies that a proxy makes itself: status, flags, details, and what gRPC clients get instead.

envoyproxy/envoy source/common/http/utility.cc (sendLocalReply) and source/common/grpc/status.cc.
"""

from __future__ import annotations

from ..facts.request import Headers, Request
from ..outcome import Ending
from ..reasons import Reason

_GRPC_STATUS = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}


def grpc_status_of(status: int) -> int:
    """The grpc-status of a local reply with that HTTP status; everything not listed is UNKNOWN (2)."""
    return _GRPC_STATUS.get(status, 2)


def local_reply(
    request: Request | None,
    hop: int,
    why: Reason,
    *,
    status: int,
    details: str | None,
    flags: tuple[str, ...] = (),
    body: str = "",
    headers: Headers | None = None,
    location: str | None = None,
    grpc_status: int | None = None,
) -> Ending:
    """The ending a client gets; a gRPC request gets HTTP 200 with grpc-status and the body as grpc-message."""
    made = dict(headers or {})
    if location is not None:
        made["location"] = (location,)
    if request is not None and request.is_grpc():
        code = grpc_status_of(status) if grpc_status is None else grpc_status
        made["content-type"] = ("application/grpc",)
        made["grpc-status"] = (str(code),)
        if body:
            made["grpc-message"] = (_percent_encoded(body),)
        status, grpc_status, body = 200, code, ""
    elif body:
        made.setdefault("content-type", ("text/plain",))
        made["content-length"] = (str(len(body.encode())),)
    return Ending(
        "replied",
        why,
        status=status,
        grpc_status=grpc_status,
        location=location,
        body=body,
        response_headers=made,
        response_flags=flags,
        response_code_details=details,
        answered_by=hop,
    )


def _percent_encoded(text: str) -> str:
    """grpc-message: bytes outside space to tilde, and `%`, are written as %XX."""
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}" for byte in text.encode())
