"""app: a socket that is no proxy's accepted; what it answers, as far as host facts state it."""

from __future__ import annotations

from ..choices import Chooser
from ..explanation import Candidate, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..states import AtApp, AtReturn, State
from .stage import Stage, agree, nothing_to_describe

_SPEAKS_HTTP = ("http", "h2c", "https", "grpc")
_SILENT_ENDINGS = {
    "silent": ("hanging", "app.silent"),
    "close": ("closed", "app.closed"),
    "reset": ("reset", "app.reset"),
}


def decide(_mesh: Mesh, at: AtApp, _chooser: Chooser) -> tuple[str, State]:
    ending = _ending(at)
    return ending.kind, AtReturn(ending, at.hop, at.frames)


def _ending(at: AtApp) -> Ending:
    destination = at.packet.destination_text()
    socket = at.socket
    speaks = socket.speaks if socket is not None else None
    if speaks in _SILENT_ENDINGS:
        kind, code = _SILENT_ENDINGS[speaks]
        return Ending(kind, because(code, destination=destination), destination=destination, pod=at.pod.name)
    mismatch = _mismatch(at, speaks, destination)
    if mismatch is not None:
        return Ending("closed", mismatch, destination=destination, pod=at.pod.name)
    status = socket.status if socket is not None and speaks in _SPEAKS_HTTP and at.conversation.speaks_http() else None
    return Ending(
        "delivered",
        because("app.delivered", destination=destination, pod=at.pod.name),
        status=status,
        destination=destination,
        pod=at.pod.name,
    )


def _mismatch(at: AtApp, speaks: str | None, destination: str) -> Reason | None:
    """TLS to a plaintext HTTP server, or plaintext to a TLS server: neither gets an answer."""
    if speaks is None or speaks in ("tcp", "udp"):
        return None
    client_tls = at.conversation.tls is not None
    server_tls = speaks in ("https", "tls")
    if client_tls == server_tls or (speaks == "grpc" and not client_tls):
        return None
    words = ("TLS", "plaintext")
    return because(
        "app.tls-mismatch",
        destination=destination,
        client=words[not client_tls],
        server=words[not server_tls],
    )


def explain(_mesh: Mesh, at: AtApp, picked: str) -> Decision:
    ending = _ending(at)
    agree("app", at, picked, ending.kind)
    destination = at.packet.destination_text()
    return Decision(
        stage="app",
        pod=at.pod.name,
        question=because("app.question", destination=destination),
        chosen=Candidate(destination, "application", Fate.CHOSEN),
        reason=ending.why,
        trivial=ending.kind == "delivered",
        deciding=ending.kind != "delivered",
        hop=at.hop,
    )


STAGE = Stage("app", AtApp, decide, explain, nothing_to_describe)
