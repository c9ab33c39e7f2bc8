"""The headers of a reply that the proxy makes itself: the route's mutations, and what the connection manager adds.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (encodeHeaders) and conn_manager_utility.cc
(mutateResponseHeaders). An empty tuple of values is a header whose value only run time knows.
"""

from __future__ import annotations

from attrs import evolve

from ..facts.request import Headers, Request
from .header_mutations import mutated
from .http_filters.response import BODILESS, Response, stated_grpc_status
from .inline_headers import one_value
from .stream import Stream

_OF_A_CONNECTION = frozenset({"connection", "transfer-encoding", "proxy-connection", "upgrade"})
_HOP_BY_HOP = _OF_A_CONNECTION | {"keep-alive"}


def route_mutations(
    headers: Headers, stream: Stream, details: str, flags: tuple[str, ...] = (), status: int | None = None
) -> Headers:
    """A weighted cluster's own first. Only where a route exists: an answer without one is left as it is.

    `status` is that of a response before this one.
    """
    route, entry = stream.route, stream.entry or stream.progress.entry
    if route is None or stream.request is None:
        return headers
    levels = route.response_mutations
    if entry is not None and entry.response_mutations:
        levels = (entry.response_mutations, *levels)
    if not levels:
        return headers
    facts = evolve(stream.format_facts(details=details, flags=flags), status=status)
    return mutated(headers, levels, facts, response=True)


def counted(headers: Headers, stream: Stream) -> Headers:
    """With how many attempts there were, whatever mutations said of that, and whatever is suppressed."""
    if not stream.attempts or stream.route is None or not stream.route.tells_attempts:
        return headers
    return {**headers, "x-envoy-attempt-count": (str(stream.attempts),)}


def past_filters(
    response: Response, stream: Stream, *, status: int | None, details: str, flags: tuple[str, ...] = ()
) -> Response:
    """A reply behind the filters on the way back. `status` is what a gRPC client's 200 stands for."""
    way_back = stream.progress.way_back
    if way_back is None:
        return response
    facts = stream.format_facts(details=details, flags=flags)
    return way_back.passed(response, evolve(facts, status=status, grpc_status=stated_grpc_status(response.headers)))


def closes_with(stream: Stream, status: int) -> bool:
    """Whether an HTTP/1 connection ends with this reply. `status` is the one before any mapping."""
    request = stream.request
    if request is None or request.version == "http2":
        return False
    codec = stream.manager.codec
    return request.ends_connection or codec.takes_one_request or (status == 400 and not codec.keeps_bad_connections)


def closes_unframed(response: Response, stream: Stream) -> bool:
    """HTTP/1.0 has no other way to say where a body without a length ends; without a body neither."""
    return (
        stream.request is not None and stream.request.version == "http/1.0" and "content-length" not in response.headers
    )


def passed_on(response: Response, stream: Stream) -> Response:
    """An upstream proxy's own reply as the proxy in front hands it on."""
    request = stream.request
    made = {name: values for name, values in response.headers.items() if name not in _HOP_BY_HOP}
    made["x-envoy-upstream-service-time"] = ()
    headers = counted(route_mutations(made, stream, "via_upstream"), stream)
    response = evolve(response, headers=headers)
    response = past_filters(response, stream, status=response.status or None, details="via_upstream")
    once = stream.manager.codec.takes_one_request
    closes = request is not None and (request.wants_close or (once and request.version != "http2"))
    return evolve(response, headers=encoded(response, stream, closes=closes))


def encoded(response: Response, stream: Stream, *, closes: bool) -> Headers:
    """As they leave: with server, date, via and what belongs to the connection."""
    manager, request, status = stream.manager, stream.request, response.status
    http1 = request is None or request.version != "http2"
    dropped = _OF_A_CONNECTION if http1 else _HOP_BY_HOP
    made = {name: values for name, values in response.headers.items() if name not in dropped}
    bodiless = status in BODILESS or (request is not None and request.replied_as_head())
    closes = closes or closes_unframed(response, stream)
    if "content-length" not in made and http1 and not _is_tunnel(stream, status):
        if response.ended and not bodiless:
            made["content-length"] = ("0",)
        elif status not in BODILESS and request is not None and request.version != "http/1.0":
            made["transfer-encoding"] = ("chunked",)  # for HEAD: what a GET might have got
    made.setdefault("date", ())
    if manager.server_header == "OVERWRITE" or (manager.server_header == "APPEND_IF_ABSENT" and "server" not in made):
        made["server"] = (manager.server_name,)
    if manager.forwarding.via:
        before = one_value(made.get("via", ()))
        made["via"] = (", ".join(filter(None, (before, manager.forwarding.via))),)
    if manager.always_sets_request_id and request is not None:
        made["x-request-id"] = ()
    if closes and http1 and not _is_tunnel(stream, status):
        made["connection"] = ("close",)
    elif request is not None and request.version == "http/1.0":
        made["connection"] = ("keep-alive",)
    return made


def _is_tunnel(stream: Stream, status: int) -> bool:
    return stream.request is not None and stream.request.method == "CONNECT" and 200 <= status < 300


_DIGITS = 18


def states_more(response: Response, request: Request | None) -> bool:
    """Whether its content-length is more than its body has; not of replies that never have one."""
    stated = (response.headers.get("content-length") or ("",))[0]
    if response.body is None or response.status in BODILESS or (request is not None and request.replied_as_head()):
        return False
    if not (stated.isascii() and stated.isdecimal() and len(stated) <= _DIGITS):
        return False
    return int(stated) > len(response.body.encode("utf-8", "surrogateescape"))
