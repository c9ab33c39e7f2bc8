"""A request as the connection manager takes it: every check and rewrite before routing, in Envoy's order.

envoyproxy/envoy source/common/http/conn_manager_impl.cc (ActiveStream::decodeHeaders).
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..facts.connection import Connection
from ..facts.conversation import Conversation
from ..facts.request import Request
from ..reasons import because
from .codec import absolute_form, refused_by_codec, with_raw_request
from .forwarding import forwarded, without_hop_by_hop
from .hosts import strip_port, strip_trailing_dot
from .inline_headers import joined
from .network_filters.hcm import HttpConnectionManager
from .paths import normalised
from .refusal import Refusal

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


def receive(
    hcm: HttpConnectionManager,
    connection: Connection,
    conversation: Conversation,
    own_address: int | None,
    internal_only: tuple[str, ...] = (),
) -> Received | Refusal:
    """The normalised request, or what the client gets instead of routing."""
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
    if request.version == "http/1.0" and not hcm.codec.accept_http_10:
        why = because("http.version-refused", hcm.place, version=request.version)
        return Refusal(why, "replied", 426, "low_version", ("DPE",), "Upgrade Required", close=_LOW_VERSION)
    if authority is None and request.version == "http/1.0":
        authority = hcm.codec.default_host
    if authority is None:
        return Refusal(because("http.no-host", hcm.place), "replied", 400, "missing_host_header", close=DRAINED)
    if request.method == "CONNECT":
        path = ""
    elif not path.startswith("/"):
        why = because("http.path-not-absolute", hcm.place, path=path)
        return Refusal(why, "replied", 404, "absolute_path_rejected")
    else:
        cleaned = normalised(
            path,
            normalize=hcm.normalisation.normalize_path,
            merge_slashes=hcm.normalisation.merge_slashes,
            escaped_slashes=hcm.normalisation.escaped_slashes,
        )
        if cleaned.rejected is not None:
            why = because("http.path-refused", hcm.place, path=path, rule=cleaned.rejected)
            return Refusal(why, "replied", 400, "path_normalization_failed", close=DRAINED)
        if cleaned.redirect:
            why = because("http.path-redirected", hcm.place, path=path, location=cleaned.path)
            return Refusal(why, "replied", 307, "path_normalization_failed", (), "", cleaned.path)
        path = cleaned.path
    authority = _host(hcm, authority, connection.local_port)
    without_hop_by_hop(headers)
    seen = forwarded(hcm.forwarding, connection, scheme, headers, own_address, internal_only)
    if seen.remote != connection.remote:
        connection = evolve(connection, remote=seen.remote, remote_port=0)
    return Received(Request(request.method, seen.scheme, authority, path, seen.headers, request.version), connection)


def _decoded(
    hcm: HttpConnectionManager, request: Request, headers: dict[str, tuple[str, ...]]
) -> tuple[str, str | None, str]:
    """The codec's own doing: host lines, absolute targets, dropped headers.

    Returns scheme ("": not stated), authority and path.
    """
    http2 = request.version == "http2"
    scheme = request.scheme if http2 else ""
    authority, path = request.authority, request.path
    hosts = headers.pop("host", None)
    if hosts and authority is None:
        authority = ",".join(hosts)
    elif hosts and authority is not None and not http2:
        authority = ",".join((authority, *hosts))
    if headers.get("expect") == _CONTINUE and not hcm.codec.proxy_100_continue:
        del headers["expect"]
    if hcm.codec.underscores == "DROP_HEADER":
        for name in [name for name in headers if "_" in name]:
            del headers[name]
    if not http2 and not path.startswith("/") and request.method != "CONNECT" and hcm.codec.allow_absolute_url:
        absolute = absolute_form(path)
        if absolute is not None:
            scheme, authority, path = absolute
    return scheme, authority, path


def _host(hcm: HttpConnectionManager, authority: str, local_port: int) -> str:
    options = hcm.normalisation
    if options.strip_any_port:
        authority = strip_port(authority)
    elif options.strip_matching_port:
        authority = strip_port(authority, local_port)
    if options.strip_trailing_dot:
        authority = strip_trailing_dot(authority)
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
