"""inspect: the listener filters of one listener run; what is learned of the connection, and whether it goes on.

Upstream: envoyproxy/envoy source/common/listener_manager/active_tcp_socket.cc.
"""

from __future__ import annotations

from ..choices import Choice, Chooser
from ..envoy.listener_filters import InspectResult, ListenerFilter, run
from ..envoy.listeners import Listener
from ..explanation import Candidate, Change, Check, Decision, Fate
from ..facts.connection import Connection
from ..facts.conversation import ClientTls
from ..istio.names import parse_config_path
from ..mesh import Mesh, Pod
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Downstream, DownstreamTlsReport, Draft
from ..states import AtChain, AtInspect, AtListener, AtReturn, State
from .stage import Stage, agree
from .unread import as_dialler_sees

_OPTIONS = ("pass", "blocks")


def decide(_mesh: Mesh, at: AtInspect, chooser: Chooser) -> tuple[InspectResult, State]:
    listener = at.listener

    def ask(each: ListenerFilter) -> bool:
        choice = Choice(f"{at.hop}/filter/{each.name}", _opaque(each), _OPTIONS, (None, None), each.place, 0)
        return chooser.pick(choice) == 0

    filters = listener.listener_filters
    for reason in filters.unmodelled:
        chooser.assume(reason)
    result = run(filters, at.connection, at.conversation, _may_hand_off(at), ask)
    if result.ended is not None:
        ending = as_dialler_sees(_ending(at, result), result.connection, at.frames)
        return result, AtReturn(ending, at.hop, at.frames)
    connection, conversation = result.connection, result.conversation
    if _may_hand_off(at) and listener.use_original_dst and connection.restored:
        return result, AtListener(at.pod, listener, connection, conversation, at.hop, at.frames)
    return result, AtChain(at.pod, listener, connection, conversation, at.hop, at.frames)


def _may_hand_off(at: AtInspect) -> bool:
    """Internal listeners keep what they are given, restored destination or not."""
    return at.handoff and not at.connection.is_internal


def _opaque(each: ListenerFilter) -> Reason:
    if each.kind == "local_ratelimit":
        return because("inspect.tokens-unknown", each.place, filter=each.name)
    return because("inspect.opaque-filter", each.place, filter=each.name, type=each.type_url)


def _ending(at: AtInspect, result: InspectResult) -> Ending:
    assert result.ended is not None
    answered_by = at.hop if result.ended == "closed" else None
    return Ending(result.ended, _reason(at, result), after=result.after, answered_by=answered_by)


def _reason(at: AtInspect, result: InspectResult) -> Reason:
    if not result.filters:
        return because("inspect.nothing", at.listener.place, listener=at.listener.name)
    last, what, _value = result.filters[-1]
    if what == "closes":
        return because("inspect.closed", last.place, filter=last.name)
    if what == "waits":
        if result.ended == "hanging":
            return because("inspect.hanging", last.place, filter=last.name)
        code = "inspect.timeout-closed" if result.ended else "inspect.timeout-passed"
        return because(code, last.place, filter=last.name, after=result.after)
    connection = result.connection
    return because(
        "inspect.learned",
        at.listener.place,
        destination=connection.local_text(),
        transport=connection.transport or "not known yet",
        sni=connection.sni or "none",
        alpn=", ".join(connection.alpn) or "none",
    )


def explain(_mesh: Mesh, at: AtInspect, picked: InspectResult) -> Decision:
    closed = {each for each, what, _value in picked.filters if what == "closes"}
    filters = at.listener.listener_filters
    result = run(filters, at.connection, at.conversation, _may_hand_off(at), lambda each: each not in closed)
    agree("inspect", at, picked, result)
    found = {each: (what, value) for each, what, value in result.filters}
    candidates = tuple(_candidate(each, found.get(each)) for each in filters.filters)
    peeks = any(each.kind != "original_dst" for each in filters.filters)
    notes = (*_refused_update(at.listener), *_source_kept(result))
    return Decision(
        stage="inspect",
        pod=at.pod.name,
        question=because("inspect.question", listener=at.listener.name),
        chosen=None,
        reason=_reason(at, result),
        candidates=candidates,
        changes=_changes(at.connection, result.connection),
        notes=notes,
        trivial=not peeks and result.ended is None and not notes,
        deciding=result.ended is not None or any(what == "waits" for _each, what, _value in result.filters),
        hop=at.hop,
    )


def _refused_update(listener: Listener) -> tuple[Reason, ...]:
    refused = listener.refused_update
    if refused is None:
        return ()
    facts = {"listener": refused.name, "error": refused.error, "time": refused.time}
    return (because("listener.update-refused", refused.place, **facts),)


def _source_kept(result: InspectResult) -> tuple[Reason, ...]:
    source = result.connection.remote_text()
    return tuple(
        because("inspect.source-kept", each.place, filter=each.name, source=source)
        for each, what, _value in result.filters
        if each.kind == "original_src" and what == "passes"
    )


def _candidate(each: ListenerFilter, found: tuple[str, object] | None) -> Candidate:
    if found is None:
        return Candidate(each.name, "listener_filter", Fate.NOT_REACHED, (), each.place)
    what, value = found
    check = Check("finding", None, what if value is None else f"{what} {value}", what != "closes", each.place)
    if what in ("disabled", "waits", "closes"):
        return Candidate(each.name, "listener_filter", Fate.FAILED, (check,), each.place, what)
    fate = Fate.UNKNOWN if what == "opaque" else Fate.CHOSEN
    return Candidate(each.name, "listener_filter", fate, (check,), each.place)


def _changes(before: Connection, after: Connection) -> tuple[Change, ...]:
    pairs = (
        ("destination", before.local_text(), after.local_text()),
        ("source", before.remote_text(), after.remote_text()),
        ("transport", before.transport, after.transport),
        ("sni", before.sni, after.sni),
        ("alpn", list(before.alpn), list(after.alpn)),
    )
    return tuple(Change(name, old, new) for name, old, new in pairs if old != new)


def describe(_mesh: Mesh, at: AtInspect, picked: InspectResult, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    listener, connection = at.listener, picked.connection
    if at.handoff:
        hop.received_by = listener.name
        hop.from_hop = at.frames.hop if at.frames is not None else None
        first = "internal_listener" if at.connection.is_internal else "connect"
        hop.cause = "retry" if at.frames is not None and at.frames.is_retry else first
    hop.listener = listener.name
    hop.direction = direction(at.pod, listener)
    # Each listener writes a log of its own: what the filters of the one before saw is not in it.
    hop.downstream_transport_failure_reason = picked.remark
    hop.original_destination = connection.local_text()
    hello = at.conversation.tls
    hop.downstream = Downstream(
        protocol=at.conversation.protocol,
        remote=connection.remote_text(),
        direct_remote=connection.direct_remote_text(),
        tls=_offered(hello, connection) if hello is not None else None,
    )
    if listener.origin is not None:
        hop.origin = {**hop.origin, "listener": parse_config_path(listener.origin) or listener.origin}
    hop.config_version = listener.version or None
    hop.rejected_updates += _refused_update(listener)


def _offered(hello: ClientTls, connection: Connection) -> DownstreamTlsReport:
    """What Envoy read of the ClientHello, in lower case; what the client sent where nobody looked."""
    sni = connection.sni or hello.sni
    return DownstreamTlsReport(terminated=False, sni=sni, alpn_offered=hello.alpn, alpn=None, peer=None)


def direction(pod: Pod, listener: Listener) -> str:
    """INTERFACE's hop direction: only a sidecar or a waypoint has two sides."""
    kind = pod.proxy.kind if pod.proxy is not None else ""
    if kind in ("", "router"):
        return "gateway"
    return "outbound" if listener.traffic_direction == "OUTBOUND" else "inbound"


STAGE = Stage("inspect", AtInspect, decide, explain, describe)
