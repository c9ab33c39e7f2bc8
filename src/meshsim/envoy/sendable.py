"""What a request may no longer lack, or hold, when the router hands it to the codec; filters may have seen to that.

envoyproxy/envoy source/common/http/header_utility.cc (checkRequiredRequestHeaders, checkValidRequestHeaders); asked
once the connection to the upstream stands.
"""

from __future__ import annotations

import re

from ..facts.request import Request

_FORBIDDEN = re.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f]")


def unsendable(request: Request) -> str | None:
    """Envoy's own words; None: it can be sent."""
    if not request.method:
        return "missing required header: :method"
    if request.method == "CONNECT":
        if request.authority is None:
            return "missing required header: :authority"
    elif not request.path:
        return "missing required header: :path"
    for name, value in ((":authority", request.authority or ""), (":path", request.path)):
        if _is_forbidden(value):
            return f"invalid header value for: {name}"
    for name, values in request.headers.items():
        if any(map(_is_forbidden, values)):
            return f"invalid header value for: {name}"
    return None


def _is_forbidden(value: str) -> bool:
    # most values are printable, which is told faster
    return not value.isprintable() and _FORBIDDEN.search(value) is not None
