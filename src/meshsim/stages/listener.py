"""listener: which listener owns the original destination; without one the accepting listener keeps the connection.

Upstream: envoyproxy/envoy source/common/listener_manager/connection_handler_impl.cc (getBalancedHandlerByAddress).
"""

from __future__ import annotations

from ..choices import Chooser
from ..envoy.listeners import Listener, ListenerTable, RefusedListener, WarmingListener
from ..explanation import Decision, Fate
from ..facts.connection import Connection
from ..mesh import Mesh
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtChain, AtInspect, AtListener, State
from .stage import Stage, agree


def decide(_mesh: Mesh, at: AtListener, chooser: Chooser) -> tuple[Listener | None, State]:
    connection = at.connection
    table = _table(at)
    found = table.lookup(connection.local, connection.local_port)
    if table.unreadable:
        for doubt in table.doubts(connection.local_port):
            chooser.assume(doubt)
    if found is not None:
        return found, AtInspect(at.pod, found, connection, at.conversation, at.hop, at.frames, handoff=False)
    if not connection.transport:
        connection = _raw(connection)
    return None, AtChain(at.pod, at.receiver, connection, at.conversation, at.hop, at.frames)


def _table(at: AtListener) -> ListenerTable:
    assert at.pod.proxy is not None, "a listener accepted, so the pod has a proxy"
    return at.pod.proxy.listeners


def _raw(seen: Connection) -> Connection:
    """No filter found a transport protocol, and none will: it is raw_buffer to the chains."""
    return Connection(
        local=seen.local,
        local_port=seen.local_port,
        remote=seen.remote,
        remote_port=seen.remote_port,
        direct_remote=seen.direct_remote,
        direct_remote_port=seen.direct_remote_port,
        restored=seen.restored,
        original=seen.original,
        transport="raw_buffer",
        sni=seen.sni,
        alpn=seen.alpn,
        tls=seen.tls,
        unread=seen.unread,
        local_name=seen.local_name,
        remote_name=seen.remote_name,
        direct_remote_name=seen.direct_remote_name,
    )


def explain(_mesh: Mesh, at: AtListener, picked: Listener | None) -> Decision:
    connection = at.connection
    winner, candidates = _table(at).explain_lookup(connection.local, connection.local_port)
    agree("listener", at, picked, winner)
    chosen = next((candidate for candidate in candidates if candidate.fate is Fate.CHOSEN), None)
    return Decision(
        stage="listener",
        pod=at.pod.name,
        question=because("listener.question", destination=connection.local_text()),
        chosen=chosen,
        reason=_reason(at, winner),
        candidates=candidates,
        deciding=winner is None or winner is at.receiver,
        hop=at.hop,
    )


def _reason(at: AtListener, winner: Listener | None) -> Reason:
    destination = at.connection.local_text()
    if winner is None:
        missing = _table(at).not_in_force(at.connection.local, at.connection.local_port)
        if missing is not None:
            return _missing(missing, destination)
        return because("listener.none", at.receiver.place, receiver=at.receiver.name, destination=destination)
    code = "listener.to-itself" if winner is at.receiver else "listener.handed-off"
    return because(code, winner.place, listener=winner.name, destination=destination)


def _missing(missing: RefusedListener | WarmingListener, destination: str) -> Reason:
    """The owner of the address exists, but Envoy never took it into force."""
    if isinstance(missing, RefusedListener):
        return because(
            "listener.none-rejected",
            missing.place,
            destination=destination,
            listener=missing.name,
            error=missing.error,
            time=missing.time,
        )
    return because("listener.none-warming", missing.place, destination=destination, listener=missing.name)


def describe(_mesh: Mesh, at: AtListener, picked: Listener | None, draft: Draft) -> None:
    draft.hop(at.hop, at.pod.name).listener = (picked or at.receiver).name


STAGE = Stage("listener", AtListener, decide, explain, describe)
