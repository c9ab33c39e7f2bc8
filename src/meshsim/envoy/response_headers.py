"""The headers of a reply that the proxy makes itself: the route's mutations, and what the connection manager adds.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (encodeHeaders) and conn_manager_utility.cc
(mutateResponseHeaders). An empty tuple of values is a header whose value only run time knows.
"""

from __future__ import annotations

from ..facts.request import Headers
from .header_mutations import mutated
from .inline_headers import one_value
from .stream import Stream

BODILESS = (204, 304)


def route_mutations(headers: Headers, stream: Stream, details: str, flags: tuple[str, ...] = ()) -> Headers:
    """A weighted cluster's own first. Only where a route exists: an answer without one is left as it is."""
    route, entry = stream.route, stream.entry or stream.progress.entry
    if route is None or stream.request is None:
        return headers
    levels = route.response_mutations
    if entry is not None and entry.response_mutations:
        levels = (entry.response_mutations, *levels)
    if not levels:
        return headers
    facts = stream.format_facts(details=details, flags=flags)
    return mutated(headers, levels, facts, response=True)


def closes_with(stream: Stream, status: int) -> bool:
    """Whether an HTTP/1 connection ends with this reply. `status` is the one before any mapping."""
    request = stream.request
    if request is None or request.version == "http2":
        return False
    codec = stream.manager.codec
    return request.ends_connection or codec.takes_one_request or (status == 400 and not codec.keeps_bad_connections)


def passed_on(headers: Headers, stream: Stream) -> Headers:
    """An upstream proxy's own reply as the proxy in front hands it on."""
    manager = stream.manager
    made = {name: values for name, values in headers.items() if name != "connection"}
    made["x-envoy-upstream-service-time"] = ()
    made = dict(route_mutations(made, stream, "via_upstream"))
    if manager.server_header == "OVERWRITE" or (manager.server_header == "APPEND_IF_ABSENT" and "server" not in made):
        made["server"] = (manager.server_name,)
    if manager.forwarding.via:
        made["via"] = (", ".join((*made.get("via", ()), manager.forwarding.via)),)
    return made


def encoded(headers: Headers, stream: Stream, *, status: int, closes: bool) -> Headers:
    """As they leave: with server, date, via and what belongs to the connection."""
    manager, request = stream.manager, stream.request
    made = dict(headers)
    http1 = request is None or request.version != "http2"
    bodiless = status in BODILESS or (request is not None and request.method == "HEAD")
    if "content-length" not in made and http1:
        if not bodiless:
            made["content-length"] = ("0",)
        elif status not in BODILESS and request is not None and request.version != "http/1.0":
            made["transfer-encoding"] = ("chunked",)  # what a GET might have got
    made["date"] = ()
    if manager.server_header == "OVERWRITE" or (manager.server_header == "APPEND_IF_ABSENT" and "server" not in made):
        made["server"] = (manager.server_name,)
    if manager.forwarding.via:
        before = one_value(made.get("via", ()))
        made["via"] = (", ".join(filter(None, (before, manager.forwarding.via))),)
    if manager.always_sets_request_id and request is not None:
        made["x-request-id"] = ()
    if closes and http1:
        made["connection"] = ("close",)
    elif request is not None and request.version == "http/1.0":
        made["connection"] = ("keep-alive",)
    return made
