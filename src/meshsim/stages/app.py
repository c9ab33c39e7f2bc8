"""app: a socket that is no proxy's accepted; what it answers, as far as host facts state it."""

from __future__ import annotations

from typing import Any

from ..choices import Chooser
from ..config.host_facts import StatedTls
from ..envoy.downstream_tls import REFUSED_CERTIFICATES, negotiated, not_named
from ..envoy.tls_versions import SERVER, TLS_1_3
from ..envoy.upstream_failures import ALERTS
from ..explanation import Candidate, Decision, Fate
from ..facts.conversation import ClientCertificate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtApp, AtReturn, Frame, State
from .far_side import describe_handshake, fault_of_server
from .stage import Stage, agree

_SPEAKS_TLS = ("https", "tls")
_PLAIN_TLS = StatedTls()
_SPEAKS_HTTP = ("http", "h2c", "https", "grpc")
_WRAPPED = "app.tls-inside-tls"
_SILENT_ENDINGS = {
    "silent": ("hanging", "app.silent"),
    "close": ("closed", "app.closed"),
    "reset": ("reset", "app.reset"),
}


def decide(_mesh: Mesh, at: AtApp, _chooser: Chooser) -> tuple[str, State]:
    ending = _ending(at)
    frames = at.frames
    if frames is not None and (
        ending.why.code == _WRAPPED or (ending.client_sees == "tls_alert" and _speaks_tls13(frames))
    ):
        # As in the handshake stage: the client's side of TLS 1.3 was done before the alert.
        frames = frames.after_handshake()
    return ending.kind, AtReturn(ending, at.hop, frames, opened=False)


def _speaks_tls13(frames: Frame) -> bool:
    return frames.tls is not None and frames.tls.parameters.versions.spoken_with(SERVER) == TLS_1_3


def _ending(at: AtApp) -> Ending:
    destination, socket = at.destination, at.socket
    speaks = socket.speaks if socket is not None else None
    if speaks in _SILENT_ENDINGS:
        kind, code = _SILENT_ENDINGS[speaks]
        return Ending(kind, because(code, destination=destination), destination=destination, pod=at.pod.name)
    mismatch = _mismatch(at, speaks, destination)
    if mismatch is not None:
        return Ending("closed", mismatch, destination=destination, pod=at.pod.name)
    refused = (
        _handshake_fails(at, destination)
        or _wrapped_twice(at, speaks, destination)
        or _other_version(at, speaks, destination)
    )
    if refused is not None:
        return refused
    status = socket.status if socket is not None and speaks in _SPEAKS_HTTP and at.conversation.speaks_http() else None
    return Ending(
        "delivered",
        because("app.delivered", destination=destination, pod=at.pod.name),
        status=status,
        destination=destination,
        pod=at.pod.name,
    )


def _stated_tls(at: AtApp) -> StatedTls | None:
    """The TLS side of a socket that speaks it; the defaults where its facts say no more than that."""
    if at.socket is None or at.socket.speaks not in _SPEAKS_TLS:
        return None
    return at.socket.tls or _PLAIN_TLS


def _handshake_fails(at: AtApp, destination: str) -> Ending | None:
    """Between the certificate that the socket's facts state and what either side asks of the other."""
    stated, hello = _stated_tls(at), at.conversation.tls
    if stated is None or hello is None:
        return None
    kept: dict[str, Any] = {"destination": destination, "pod": at.pod.name}
    shown = ClientCertificate(stated.uri_sans, stated.dns_sans, trusted=stated.trusted)
    fault = fault_of_server(at.frames, at.conversation, shown)
    if fault == "untrusted-certificate":
        why = because("app.certificate-not-trusted", destination=destination)
        return Ending("tls_failure", why, transport_failure_reason=REFUSED_CERTIFICATES[fault], **kept)
    if fault is not None and (shown.uri_sans or shown.dns_sans):
        why = because("app.certificate-for-others", destination=destination, names=[*shown.uri_sans, *shown.dns_sans])
        return Ending("tls_failure", why, transport_failure_reason=not_named(shown), **kept)
    certificate = hello.client_certificate
    if not stated.require_client_certificate or (certificate is not None and certificate.trusted):
        return None
    failure = "no-certificate" if certificate is None else "untrusted-certificate"
    why = because("app.client-certificate-refused", destination=destination, failure=failure)
    return Ending("closed", why, transport_failure_reason=ALERTS[failure], client_sees="tls_alert", **kept)


def _wrapped_twice(at: AtApp, speaks: str | None, destination: str) -> Ending | None:
    """Somebody on the way encrypted once more what was TLS already: inside the TLS is a ClientHello, and no HTTP."""
    if speaks != "https" or at.conversation.inner is None:
        return None
    return Ending(
        "closed", because("app.tls-inside-tls", destination=destination), destination=destination, pod=at.pod.name
    )


def _other_version(at: AtApp, speaks: str | None, destination: str) -> Ending | None:
    """HTTP/2 to a server of HTTP/1 or the reverse, in plaintext: each answers in its own language."""
    request = at.conversation.request
    wanted = {"http": "http/1.1", "h2c": "http2", "grpc": "http2"}.get(speaks or "")
    if request is None or wanted is None or at.conversation.tls is not None:
        return None
    if (request.version == "http2") == (wanted == "http2"):
        return None
    why = because("app.other-version", destination=destination, client=request.version, server=wanted)
    return Ending("closed", why, client_sees="data", destination=destination, pod=at.pod.name)


def _mismatch(at: AtApp, speaks: str | None, destination: str) -> Reason | None:
    """TLS to a plaintext HTTP server, or plaintext to a TLS server: neither gets an answer."""
    if speaks is None or speaks in ("tcp", "udp"):
        return None
    client_tls = at.conversation.tls is not None
    server_tls = speaks in _SPEAKS_TLS
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
    destination = at.destination
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


def describe(_mesh: Mesh, at: AtApp, _picked: str, draft: Draft) -> None:
    stated, hello = _stated_tls(at), at.conversation.tls
    if stated is not None and hello is not None:
        alpn = negotiated(stated.alpn, hello)
        describe_handshake(at.frames, draft, alpn, certificate_requested=stated.require_client_certificate)


STAGE = Stage("app", AtApp, decide, explain, describe)
