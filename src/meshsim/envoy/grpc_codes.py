"""gRPC over HTTP: its status codes, which one stands for an HTTP status, its content types and messages.

envoyproxy/envoy source/common/grpc.
"""

from __future__ import annotations

_NAMES = """
OK CANCELED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED
FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED
"""
GRPC_STATUS_NAMES = tuple(_NAMES.split())
"""In the order of their numbers."""
_OF_HTTP = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}


def grpc_status_of(status: int) -> int:
    """The grpc-status of a local reply with that HTTP status; everything not listed is UNKNOWN (2)."""
    return _OF_HTTP.get(status, 2)


def grpc_message(text: str) -> str:
    """grpc-message: bytes outside space to tilde, and `%`, are written as %XX."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}" for byte in data)
