"""Listener filters: what is learned of a connection before its filter chain is chosen, and who waits for whom.

Follows envoyproxy/envoy source/common/listener_manager/active_tcp_socket.cc and
source/extensions/filters/listener/*. Only the client's first bytes and the listener's own settings may matter here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from ..address import parse_endpoint
from ..config.view import View
from ..facts.connection import Connection
from ..facts.conversation import Conversation
from ..place import Place
from ..reasons import Reason
from . import proxy_protocol
from .filter_disabled import Disabled, compile_disabled
from .first_bytes import (
    TOO_LONG,
    WAITING,
    begins_with_tls,
    first_text,
    http_of,
    plaintext_remark,
    tls_in,
)
from .unmodelled import unmodelled_fields

_PREFIX = "type.googleapis.com/envoy.extensions.filters.listener."


@define(eq=False)
class Socket:
    """An accepted connection while listener filters work on it."""

    local: int
    local_port: int
    remote: int
    remote_port: int
    restored: bool
    original: tuple[int, int] | None
    transport: str
    sni: str
    alpn: tuple[str, ...]
    conversation: Conversation
    transparent: bool
    local_name: str = ""
    remote_name: str = ""
    remark: str | None = None
    """What tls_inspector notes of bytes that are no TLS; logged as downstream transport failure reason."""


@define(eq=False)
class ListenerFilter:
    name: str
    type_url: str
    place: Place
    kind: str
    """A listener filter's short name, or opaque."""
    act: Callable[[ListenerFilter, Socket], tuple[str, Any]]
    """-> (what happened, a JSON-safe value); `waits` and `closes` end the iteration."""
    disabled: Disabled | None = None
    optional: bool = False
    """proxy_protocol: connections without a header are allowed."""
    refuses_header: bool = False
    """proxy_protocol: the header's version is among the disallowed ones."""
    strict: bool = False
    """tls_inspector: what is no TLS is closed."""
    unmodelled: tuple[Reason, ...] = ()


@frozen
class InspectResult:
    """What the filters found, and whether the connection goes on."""

    connection: Connection
    conversation: Conversation
    filters: tuple[tuple[ListenerFilter, str, Any], ...]
    """Each filter that was reached, what happened (a reason code without its area), and a value."""
    ended: str | None
    """None, closed or hanging."""
    after: str | None
    """The timer that ended it, such as 15s."""
    remark: str | None = None
    """Envoy's note on bytes that are no TLS; nothing fails for it."""


@define(eq=False)
class ListenerFilters:
    """The filters of one listener in the order they run, and the timer they share."""

    filters: tuple[ListenerFilter, ...]
    timeout_ms: int | float
    """0: no timer."""
    continue_on_timeout: bool
    transparent: bool
    hands_off: bool
    unmodelled: tuple[Reason, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.unmodelled = tuple(reason for each in self.filters for reason in each.unmodelled)


def run(
    filters: ListenerFilters,
    connection: Connection,
    conversation: Conversation,
    handoff: bool,
    ask: Callable[[ListenerFilter], bool],
) -> InspectResult:
    """One pass. `ask` says whether a filter nobody models lets the connection pass."""
    if not filters.filters and connection.transport:
        return InspectResult(connection, conversation, (), None, None)
    socket = Socket(
        local=connection.local,
        local_port=connection.local_port,
        remote=connection.remote,
        remote_port=connection.remote_port,
        restored=connection.restored,
        original=connection.original,
        transport=connection.transport,
        sni=connection.sni,
        alpn=connection.alpn,
        conversation=conversation,
        transparent=filters.transparent,
        local_name=connection.local_name,
        remote_name=connection.remote_name,
    )
    happened: list[tuple[ListenerFilter, str, Any]] = []
    ended = after = None
    for each in filters.filters:
        if each.disabled is not None and each.disabled(None if socket.local_name else socket.local_port):
            happened.append((each, "disabled", None))
            continue
        what, value = each.act(each, socket)
        if what == "opaque":
            what = "opaque" if ask(each) else "closes"
        happened.append((each, what, value))
        if what == "closes":
            ended = "closed"
            break
        if what == "waits":
            if filters.timeout_ms == 0:
                ended = "hanging"
                break
            after = seconds(filters.timeout_ms)
            if not filters.continue_on_timeout:
                ended = "closed"
            break
    if not (handoff and filters.hands_off and socket.restored) and ended is None and not socket.transport:
        socket.transport = "raw_buffer"
    learned = _learned(connection, socket, unread=connection.unread or _peeked(happened, conversation))
    return InspectResult(learned, socket.conversation, tuple(happened), ended, after, socket.remark)


_PEEK = frozenset(("tls_inspector", "http_inspector"))


def _peeked(happened: list[tuple[ListenerFilter, str, Any]], conversation: Conversation) -> bool:
    """Whether a filter waited for the client's first bytes and saw some."""
    looked = any(each.kind in _PEEK and what not in ("disabled", "skipped-tls") for each, what, _value in happened)
    return looked and (begins_with_tls(conversation) or first_text(conversation) is not None)


def _learned(connection: Connection, socket: Socket, *, unread: bool) -> Connection:
    return Connection(
        local=socket.local,
        local_port=socket.local_port,
        remote=socket.remote,
        remote_port=socket.remote_port,
        direct_remote=connection.direct_remote,
        direct_remote_port=connection.direct_remote_port,
        restored=socket.restored,
        original=connection.original,
        transport=socket.transport,
        sni=socket.sni,
        alpn=socket.alpn,
        tls=connection.tls,
        unread=unread,
        local_name=socket.local_name,
        remote_name=socket.remote_name,
        direct_remote_name=connection.direct_remote_name,
    )


def seconds(milliseconds: int | float) -> str:
    """15000 -> 15s, as Envoy's own durations are written."""
    return f"{milliseconds / 1000:g}s"


def _original_dst(_filter: ListenerFilter, socket: Socket) -> tuple[str, Any]:
    original = socket.original
    if original is None and socket.transparent and not socket.local_name:
        original = (socket.local, socket.local_port)
    if original is None:
        return "not-restored", None
    socket.local, socket.local_port = original
    socket.local_name = ""
    socket.restored = True
    return "restored", None


def _tls_inspector(this: ListenerFilter, socket: Socket) -> tuple[str, Any]:
    conversation = socket.conversation
    if begins_with_tls(conversation) and conversation.tls is not None:
        socket.transport = "tls"
        if conversation.tls.sni is not None:
            socket.sni = conversation.tls.sni.lower()
        if conversation.tls.alpn:
            socket.alpn = conversation.tls.alpn
        return "found-tls", socket.sni
    text = first_text(conversation)
    if text is None or tls_in(text) == WAITING:
        return "waits", None
    socket.remark = plaintext_remark(text)
    return ("closes", None) if this.strict else ("found-no-tls", None)


def _http_inspector(_filter: ListenerFilter, socket: Socket) -> tuple[str, Any]:
    if socket.transport not in ("", "raw_buffer"):
        return "skipped-tls", None
    conversation = socket.conversation
    if begins_with_tls(conversation):
        return "found-no-http", None
    found = http_of(conversation)
    if found == WAITING:
        return "waits", None
    if found == TOO_LONG:
        return "closes", None
    if not found:
        return "found-no-http", None
    socket.alpn = (found,)
    return "found-http", found


def _proxy_protocol(this: ListenerFilter, socket: Socket) -> tuple[str, Any]:
    conversation = socket.conversation
    header = conversation.proxy_protocol
    if header is None:
        return _headerless(this, conversation)
    if this.refuses_header:
        # Taken for no header at all, it stays among the bytes.
        return ("found-no-proxy-header", None) if this.optional else ("closes", None)
    source, destination = parse_endpoint(header.source), parse_endpoint(header.destination)
    if not (proxy_protocol.is_unicast(source[0]) and proxy_protocol.is_unicast(destination[0])):
        return "closes", None
    socket.remote, socket.remote_port = source
    socket.remote_name = ""
    if destination != (socket.local, socket.local_port):
        socket.local, socket.local_port = destination
        socket.local_name = ""
        socket.restored = True
    socket.conversation = conversation.after_proxy_header()
    return "found-proxy-header", header.source


def _headerless(this: ListenerFilter, conversation: Conversation) -> tuple[str, Any]:
    if conversation.tls is not None:
        found = proxy_protocol.NO_HEADER
    else:
        text = first_text(conversation)
        if text is None:
            return "waits", None
        found = proxy_protocol.header_in(text, required=not this.optional)
    if found == proxy_protocol.WAITING:
        return "waits", None
    return ("found-no-proxy-header", None) if found == proxy_protocol.NO_HEADER and this.optional else ("closes", None)


def _neutral(_filter: ListenerFilter, _socket: Socket) -> tuple[str, Any]:
    return "passes", None


def _opaque(_filter: ListenerFilter, _socket: Socket) -> tuple[str, Any]:
    return "opaque", None


_TLS_KNOWN = frozenset(
    {
        "initial_read_buffer_size",
        "enable_ja3_fingerprinting",
        "enable_ja4_fingerprinting",
        "close_connection_on_client_hello_parsing_errors",
    }
)
_PROXY_KNOWN = frozenset(
    {
        "allow_requests_without_proxy_protocol",
        "disallowed_versions",
        "rules",
        "pass_through_tlvs",
        "stat_prefix",
        "tlv_location",
    }
)
_RATE_LIMIT_KNOWN = frozenset({"stat_prefix", "token_bucket", "runtime_enabled"})
_ORIGINAL_SRC_KNOWN = frozenset({"bind_port", "mark"})

KINDS: dict[str, tuple[str, Callable[[ListenerFilter, Socket], tuple[str, Any]], frozenset[str]]] = {
    "original_dst.v3.OriginalDst": ("original_dst", _original_dst, frozenset()),
    "tls_inspector.v3.TlsInspector": ("tls_inspector", _tls_inspector, _TLS_KNOWN),
    "http_inspector.v3.HttpInspector": ("http_inspector", _http_inspector, frozenset()),
    "proxy_protocol.v3.ProxyProtocol": ("proxy_protocol", _proxy_protocol, _PROXY_KNOWN),
    "original_src.v3.OriginalSrc": ("original_src", _neutral, _ORIGINAL_SRC_KNOWN),
    "set_filter_state.v3.Config": ("set_filter_state", _neutral, frozenset({"on_new_connection"})),
    "local_ratelimit.v3.LocalRateLimit": ("local_ratelimit", _opaque, _RATE_LIMIT_KNOWN),
}
"""Type URL without its prefix -> kind, what it does, and the fields of its configuration that are known."""


def compile_listener_filters(
    view: View, *, timeout_ms: int | float, continue_on_timeout: bool, transparent: bool, use_original_dst: bool
) -> ListenerFilters:
    """The listener's own filters, and the ones its flags imply."""
    filters = [compile_listener_filter(each) for each in view.views("listener_filters")]
    first = next(iter(view.views("filter_chains")), None)
    if first is not None and first.boolean("use_proxy_proto", False):
        filters.append(_implied("proxy_protocol.v3.ProxyProtocol", first.place_of("use_proxy_proto")))
    if use_original_dst:
        filters.append(_implied("original_dst.v3.OriginalDst", view.place_of("use_original_dst")))
    return ListenerFilters(tuple(filters), timeout_ms, continue_on_timeout, transparent, use_original_dst)


def _implied(short: str, place: Place) -> ListenerFilter:
    kind, act, _known = KINDS[short]
    return ListenerFilter(f"envoy.filters.listener.{kind}", _PREFIX + short, place, kind, act)


def compile_listener_filter(view: View) -> ListenerFilter:
    name = view.text("name", "")
    typed = view.extension()
    type_url = typed.type_url if typed is not None else ""
    known = KINDS.get(type_url.removeprefix(_PREFIX)) or KINDS.get(_V2.get(type_url, ""))
    predicate = view.view("filter_disabled")
    disabled = compile_disabled(predicate) if predicate is not None else None
    if known is None or typed is None:
        return ListenerFilter(name, type_url, view.place, "opaque", _opaque, disabled)
    kind, act, fields = known
    config = typed.view
    if kind == "local_ratelimit" and _switched_off(config):
        act = _neutral
    return ListenerFilter(
        name,
        type_url,
        view.place,
        kind,
        act,
        disabled,
        optional=config.boolean("allow_requests_without_proxy_protocol", False),
        refuses_header=_ASSUMED_VERSION in _versions(config),
        strict=config.boolean("close_connection_on_client_hello_parsing_errors", False),
        unmodelled=unmodelled_fields(config, fields, name),
    )


_ASSUMED_VERSION = "V1"
"""The version of a header that a call states."""


def _versions(config: View) -> tuple[str, ...]:
    """disallowed_versions, an enum list: names or numbers."""
    return tuple({0: "V1", 1: "V2"}.get(each, str(each)) for each in config.values("disallowed_versions"))


def _switched_off(config: View) -> bool:
    """runtime_enabled whose default is false; it is true where nobody says so."""
    enabled = config.view("runtime_enabled")
    return enabled is not None and not enabled.boolean("default_value", False)


_V2 = {
    f"type.googleapis.com/envoy.config.filter.listener.{short}.v2.{message}": f"{short}.v3.{message}"
    for short, message in (
        ("original_dst", "OriginalDst"),
        ("tls_inspector", "TlsInspector"),
        ("http_inspector", "HttpInspector"),
        ("proxy_protocol", "ProxyProtocol"),
        ("original_src", "OriginalSrc"),
    )
}
