"""A request as the connection manager takes it: every check and rewrite before routing, in Envoy's order.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (ActiveStream::decodeHeaders).
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from ..facts.connection import Connection
from ..facts.conversation import Conversation
from ..facts.request import Headers, Request
from ..reasons import Reason, because
from .absolute_url import absolute_url
from .codec import refused_by_codec, with_raw_request
from .format_operators import FormatFacts
from .forwarding import forwarded, without_hop_by_hop
from .hosts import port_number, strip_port, strip_trailing_dot
from .http2_request import extended_connect
from .inline_headers import joined, one_value
from .mutation_steps import stepped
from .network_filters.hcm import HttpConnectionManager
from .paths import DOTS_WITH_PARAMETERS, normalised
from .refusal import Refusal
from .runtime import NO_RUNTIME, Runtime
from .tunnels import asks_for_datagrams, datagram_target

_BLANKS = " \t"
_CONTINUE = ("100-continue",)
DRAINED = "deferred_close_on_drained_connection"
"""Envoy's close reason where a connection is done with its last answer."""
_LOW_VERSION = "codec_error:Upgrade_required_for_HTTP/1.0_or_HTTP/0.9"


@frozen
class Received:
    """What routing, filters and the router see."""

    request: Request
    connection: Connection
    """With the client's address as x-forwarded-for gives it."""
    doubt: Reason | None = None
    """What had to be assumed on the way."""


def _none(_request: Request) -> tuple[str, ...]:
    return ()


def receive(
    hcm: HttpConnectionManager,
    connection: Connection,
    conversation: Conversation,
    own_address: int | None,
    internal_only: Callable[[Request], tuple[str, ...]] = _none,
    runtime: Runtime = NO_RUNTIME,
) -> Received | Refusal:
    """The normalised request, or what the client gets instead of routing.

    `internal_only`: the headers that the request's route configuration keeps to internal clients; which one that is, a
    scope reads off the request as it was decoded.
    """
    conversation = with_raw_request(conversation)
    refusal = refused_by_codec(hcm.codec, connection, conversation, hcm.place)
    if refusal is not None:
        return refusal
    request = conversation.request
    assert request is not None
    headers = dict(request.headers)
    for name, values in headers.items():
        if len(values) != 1 or values[0].strip(_BLANKS) != values[0]:
            headers[name] = tuple(value.strip(_BLANKS) for value in values)
    joined(headers)
    scheme, authority, path = _decoded(hcm, request, headers)
    upgrade = extended_connect(request)
    method = request.method if upgrade is None else "GET"
    if authority is None and request.version == "http/1.0":
        authority = hcm.codec.default_host
    closes = request.version != "http2" and _wants_close(request.version, headers)
    ends = request.version != "http2" and (closes or request.method == "CONNECT" or _has_more(headers))
    continued = "expect" in request.headers and "expect" not in headers
    chunked = "transfer-encoding" in headers
    if chunked:
        headers.pop("content-length", None)
    body = _body(request, headers, chunked=chunked)
    if authority is not None and asks_for_datagrams(headers if upgrade is None else {"upgrade": (upgrade,)}):
        target = datagram_target(path)
        if target is None:
            decoded = Request(
                method, scheme, authority, path, headers, request.version, ends, closes, chunked, body=body
            )
            why = because("http.no-datagram-path", hcm.place, path=path)
            return evolve(_refused(decoded, why, 404, "invalid_path"), body="The path is incorrect for CONNECT-UDP")
        authority = target
    decoded = Request(
        method, scheme, authority, path, headers, request.version, ends, closes, chunked, continued, body=body
    )
    if request.version == "http2" and decoded.is_grpc() and "content-length" not in headers:
        chunked = True  # whose messages come after the head, whatever becomes of its content type
    decoded = evolve(
        decoded,
        body=body,
        arrived_as_grpc=bool(path) and decoded.is_grpc(),
        arrived_as_head=method == "HEAD",
        patience_ms=request.patience_ms,
    )
    cleaned = _checked(hcm, decoded, runtime)
    if isinstance(cleaned, Refusal):
        return cleaned
    assert authority is not None
    whole, authority = authority, _host(hcm, authority, connection.local_port)
    host: str | None = authority
    if hcm.forwarding.early_mutations:
        early = evolve(decoded, method=method, authority=authority, path=cleaned)
        early = stepped(early, hcm.forwarding.early_mutations, FormatFacts(decoded, connection, ""))
        method, host, cleaned, headers = early.method, early.authority, early.path, dict(early.headers)
    else:
        headers = dict(headers)
    without_hop_by_hop(headers)
    if upgrade is not None:
        headers["upgrade"], headers["connection"] = (upgrade,), ("upgrade",)
    taken = evolve(decoded, method=method, authority=host, path=cleaned, headers=headers, chunked=chunked)
    seen = forwarded(hcm.forwarding, connection, taken, headers, own_address, internal_only(decoded))
    if seen.reject is not None:
        why = because("http.client-unknown", hcm.place, status=seen.reject)
        return _refused(decoded, why, seen.reject, "rejecting_because_detection_failed")
    if seen.remote != connection.remote:
        known = (connection.remote, connection.remote_port)
        connection = evolve(connection, remote=seen.remote, remote_port=0, before_detection=known)
    taken = evolve(taken, scheme=seen.scheme, headers=seen.headers)
    if request.method == "CONNECT" and whole != authority:
        taken = evolve(taken, connect_port=str(port_number(whole)))
    return Received(taken, connection, seen.doubt)


_DIGITS = 18
"""Of a length that is believed; a longer one is as large as anything."""


def _body(request: Request, headers: Headers, *, chunked: bool) -> int:
    """A content-length is taken at its word; without one only chunks and HTTP/2 bring a body."""
    stated = headers.get("content-length", ("",))[0].strip()
    if stated.isdecimal():
        return int(stated[:_DIGITS])
    return request.body if chunked or request.version == "http2" else 0


def receive_again(
    hcm: HttpConnectionManager, connection: Connection, request: Request, runtime: Runtime = NO_RUNTIME
) -> Received | Refusal:
    """The request of a stream that is made again: its headers were sanitised before, host and path are new.

    The client is no longer taken for the one that x-forwarded-for names.
    """
    cleaned = _checked(hcm, request, runtime)
    if isinstance(cleaned, Refusal):
        return cleaned
    assert request.authority is not None
    if connection.before_detection is not None:
        remote, port = connection.before_detection
        connection = evolve(connection, remote=remote, remote_port=port, before_detection=None)
    authority = _host(hcm, request.authority, connection.local_port)
    again = evolve(request, authority=authority, path=cleaned, arrived_as_grpc=request.is_grpc())
    return Received(again, connection)


def _checked(hcm: HttpConnectionManager, request: Request, runtime: Runtime) -> str | Refusal:
    """The path that routing sees."""
    path = request.path
    if request.authority is None:
        return _refused(request, because("http.no-host", hcm.place), 400, "missing_host_header")
    if request.method == "QUERY" and "content-type" not in request.headers:
        return _refused(request, because("http.query-untyped", hcm.place), 400, "query_missing_content_type")
    if request.method == "CONNECT":
        return ""
    if not path.startswith("/"):
        return _refused(request, because("http.path-not-absolute", hcm.place, path=path), 404, "absolute_path_rejected")
    cleaned = normalised(
        path,
        normalize=hcm.normalisation.normalize_path,
        merge_slashes=hcm.normalisation.merge_slashes,
        escaped_slashes=hcm.normalisation.escaped_slashes,
        dots_with_parameters=runtime.guard(DOTS_WITH_PARAMETERS),
    )
    if cleaned.rejected is not None:
        why = because("http.path-refused", hcm.place, path=path, rule=cleaned.rejected)
        return _refused(evolve(request, path=cleaned.path), why, 400, "path_normalization_failed")
    if cleaned.redirect:
        why = because("http.path-redirected", hcm.place, path=path, location=cleaned.path)
        return _refused(evolve(request, path=cleaned.path), why, 307, "path_normalization_failed", cleaned.path)
    return cleaned.path


def _refused(request: Request, why: Reason, status: int, details: str, location: str | None = None) -> Refusal:
    return Refusal(why, "replied", status, details, location=location, request=request)


def _tokens(*values: str) -> list[str]:
    return [token.strip().lower() for token in ",".join(values).split(",")] if values else []


def _wants_close(version: str, headers: Headers) -> bool:
    """HTTP/1.0 does unless it says keep-alive, whatever else it says."""
    said = headers.get("connection", ())
    if version == "http/1.0":
        return "keep-alive" not in _tokens(*said) or "close" in _tokens(*headers.get("proxy-connection", ()))
    return "close" in _tokens(*said, *headers.get("proxy-connection", ()))


def _has_more(headers: Headers) -> bool:
    """A body (an upgrade's too) that nobody will have read when a reply is made."""
    if "transfer-encoding" in headers or headers.get("content-length", ("0",))[0].strip("0"):
        return True
    said = _tokens(*headers.get("connection", ()), *headers.get("proxy-connection", ()))
    return "upgrade" in said and headers.get("upgrade", ("h2c",))[0].lower() != "h2c"


def _decoded(
    hcm: HttpConnectionManager, request: Request, headers: dict[str, tuple[str, ...]]
) -> tuple[str, str | None, str]:
    """The codec's own doing: host lines, absolute targets, dropped headers.

    Returns scheme ("": not stated), authority and path.
    """
    http2 = request.version == "http2"
    scheme = request.scheme.lower() if http2 else ""
    authority, path = request.authority, request.path
    if http2 and len(headers.get("cookie", ())) > 1:
        headers["cookie"] = ("; ".join(headers["cookie"]),)
    hosts = headers.pop("host", None)
    if hosts and authority is None:
        authority = one_value(hosts)
    elif hosts and authority is not None and not http2:
        authority = one_value((authority, *hosts))
    if headers.get("expect") == _CONTINUE and not hcm.codec.proxy_100_continue:
        del headers["expect"]
    if hcm.codec.underscores == "DROP_HEADER":
        for name in [name for name in headers if "_" in name]:
            del headers[name]
    if not http2 and not path.startswith("/") and request.method != "CONNECT" and hcm.codec.allow_absolute_url:
        url = absolute_url(path)
        if url is not None:
            scheme, authority, path = url.scheme, url.authority, url.path
    return scheme, authority, path


def _host(hcm: HttpConnectionManager, authority: str, local_port: int) -> str:
    options = hcm.normalisation
    if options.strip_trailing_dot:
        authority = strip_trailing_dot(authority)
    if options.strip_any_port:
        authority = strip_port(authority)
    elif options.strip_matching_port:
        authority = strip_port(authority, local_port)
    return authority


def closes_after_answer(request: Request) -> bool:
    """Whether the client's own request ends the connection with its answer: only HTTP/1 can ask for that."""
    if request.version == "http2":
        return False
    asked = [
        token.strip(_BLANKS).lower()
        for name in ("connection", "proxy-connection")
        for value in request.headers.get(name, ())
        for token in value.split(",")
    ]
    if request.version == "http/1.0":
        return "keep-alive" not in asked
    return "close" in asked or request.method == "CONNECT"
