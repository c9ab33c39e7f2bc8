"""handshake: the chain's transport socket meets what the client sends; TLS is terminated, refused, or left alone.

Upstream: envoyproxy/envoy source/common/tls/ssl_socket.cc. A failed handshake never moves to another chain.
"""

from __future__ import annotations

from attrs import evolve

from ..choices import Chooser
from ..config.certificate_names import Certificate
from ..envoy.downstream_tls import (
    OWN_REFUSED,
    PARTINGS,
    SECRET_MISSING,
    DownstreamTlsContext,
    Handshake,
    not_named,
    parameters_of,
    shake_hands,
)
from ..envoy.listener_filters import seconds
from ..envoy.network_filters.tcp_proxy import TcpProxy
from ..envoy.server_certificates import shown
from ..envoy.tls_versions import TLS_1_3
from ..envoy.upstream_failures import ALERTS
from ..explanation import Candidate, Change, Check, Decision, Fate
from ..facts.connection import Connection, DownstreamTls
from ..facts.conversation import ClientCertificate, Conversation
from ..istio.identity import is_workload, workload_identity
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Downstream, DownstreamTlsReport, Draft, PeerReport
from ..states import AtHandshake, AtNetwork, AtReturn, Frame, State
from .far_side import describe_handshake, fault_of_server, validation_of
from .stage import Stage, agree

_UNTOUCHED = Handshake(None)
_FAILURES = {
    "plaintext": "handshake.client-speaks-plaintext",
    "no-certificate": "handshake.no-certificate",
    "untrusted-certificate": "handshake.untrusted-certificate",
    "expired-certificate": "handshake.expired-certificate",
    "no-version": "handshake.no-version",
    "other-version": "handshake.other-version",
    "low-version": "handshake.other-version",
    "other-curve": "handshake.other-curve",
    "no-shared-curve": "handshake.no-shared-curve",
    "no-shared-cipher": "handshake.no-shared-cipher",
    "secret-missing": "handshake.secret-missing",
    "other-name": "handshake.other-name",
}
WORKLOAD_SECRET = "default"
"""What Istio calls the certificate it gives every workload."""
TIMEOUT_REASON = "transport_socket_timeout"


def decide(_mesh: Mesh, at: AtHandshake, chooser: Chooser) -> tuple[Handshake, State]:
    chain = at.chain
    context = chain.tls
    connection, conversation = at.connection, at.conversation
    if context is None:
        if chain.unmodelled_transport is not None:
            chooser.assume(chain.unmodelled_transport)
        return _UNTOUCHED, AtNetwork(at.pod, at.listener, chain, connection, conversation, at.hop, at.frames)
    result = _shaken(at, context)
    frames = at.frames
    if result.tls is None:
        if frames is not None and _fails_late(context, frames, result):
            frames = frames.after_handshake()
        return result, _refused(at, _ending(at, result), frames)
    if result.key_decides:
        chooser.assume(because("handshake.key-unknown", context.place, chain=chain.label))
    if _name_unknown(at, context):
        chooser.assume(because("handshake.server-names-unknown", context.place, chain=chain.label))
    if frames is not None:
        frames = frames.after_handshake()
    if result.tls.peer is not None and result.tls.peer.presented:
        for reason in context.unmodelled:
            chooser.assume(reason)
        if context.validation.names and not _names_known(conversation):
            chooser.assume(because("handshake.names-unknown", chain.place, chain=chain.label))
    connection = _terminated(connection, result.tls)
    return result, AtNetwork(at.pod, at.listener, chain, connection, _inside(conversation), at.hop, frames)


def _names_known(conversation: Conversation) -> bool:
    shown = conversation.tls.client_certificate if conversation.tls is not None else None
    return shown is None or shown.names_known


_SILENT = Conversation("tcp", server_first=True)
"""What an upstream hears that was dialled for a client whose handshake then failed."""
_PASSING = frozenset(("neutral", "sni_cluster"))


def _refused(at: AtHandshake, ending: Ending, frames: Frame | None) -> State:
    """envoyproxy/envoy source/common/network/connection_impl.cc: filters meet a new connection before its handshake."""
    *before, last = at.chain.filters or (None,)
    if last is None or not isinstance(last.config, TcpProxy) or any(each.kind not in _PASSING for each in before):
        return AtReturn(ending, at.hop, frames)
    failed = Frame(at.pod, at.hop, last.config, "", None, frames, next_hop=at.hop + 1, refused=ending)
    return AtNetwork(at.pod, at.listener, at.chain, at.connection, _SILENT, at.hop, failed)


def _shaken(at: AtHandshake, context: DownstreamTlsContext) -> Handshake:
    """Pure. A known proxy that dialled looks at this side's certificate before it shows its own."""
    if at.pod.proxy is not None and any(at.pod.proxy.lacks_secret(name) for name in context.secrets):
        return Handshake(None, "secret-missing", SECRET_MISSING)
    served = _served(at, context)
    result = shake_hands(context, at.conversation, served.key if served is not None else None)
    if result.tls is not None and result.tls.peer is not None and result.tls.peer.presented:
        result = evolve(result, tls=evolve(result.tls, own_uri_sans=_own_uri_sans(at, context, served)))
    if result.failure not in PARTINGS and _own_name_refused(at, context) is not None:
        return Handshake(None, "own-name", OWN_REFUSED)
    return result


def _served(at: AtHandshake, context: DownstreamTlsContext) -> Certificate | None:
    """The certificate that the client is shown, where an input shows those of this side."""
    hello, proxy = at.conversation.tls, at.pod.proxy
    if hello is None or proxy is None:
        return None
    held = (*context.inline_certificates, *map(proxy.certificate, context.certificates))
    client = parameters_of(hello)
    return shown(held, hello.sni or "", client, context.parameters, scans_all=context.scans_certificates)


def _own_uri_sans(at: AtHandshake, context: DownstreamTlsContext, served: Certificate | None) -> tuple[str, ...] | None:
    """Of the certificate that was shown, or of Istio's where no input shows it; None: nobody says."""
    if served is not None:
        return served.uri_names
    if next(iter(context.certificates), "") != WORKLOAD_SECRET or at.pod.proxy is None:
        return None
    metadata = at.pod.proxy.document.node_metadata
    identity = workload_identity(metadata.data) if metadata is not None else None
    return None if identity is None else (identity,)


def _own_name_refused(at: AtHandshake, context: DownstreamTlsContext) -> str | None:
    """The names of this side's certificate, where the near proxy asks for others; of Istio's where none is shown."""
    wanted = at.frames.tls if at.frames is not None else None
    if at.frames is None or wanted is None or at.conversation.tls is None or not wanted.validates:
        return None
    certificate = _served(at, context)
    if certificate is not None:
        # the certificate itself: a name of another trust domain is another name
        server = ClientCertificate(certificate.uri_names, certificate.dns_names)
        fault = fault_of_server(at.frames, at.conversation, server)
        return ", ".join(certificate.uri_names + certificate.dns_names) if fault is not None else None
    identity = _identity(at, context)
    if identity is None or any(is_workload(identity, name) for name in wanted.san):
        return None
    return identity


def _identity(at: AtHandshake, context: DownstreamTlsContext) -> str | None:
    """Whom a certificate that no input shows is for, where it is Istio's own and compared with workloads."""
    wanted = at.frames.tls if at.frames is not None else None
    if wanted is None or not wanted.san or wanted.sni_san or context.certificates != (WORKLOAD_SECRET,):
        return None
    metadata = at.pod.proxy.document.node_metadata if at.pod.proxy is not None else None
    identity = workload_identity(metadata.data) if metadata is not None else None
    return identity if all(name.startswith("spiffe://") for name in wanted.san) else None


def _name_unknown(at: AtHandshake, context: DownstreamTlsContext) -> bool:
    """Whether the near proxy asks for a name and nobody can say whether this side's certificate carries it."""
    if at.frames is None or at.frames.tls is None:
        return False
    validation = validation_of(at.frames, at.conversation)
    if validation is None or not validation.names or validation.accepts_untrusted:
        return False
    return _served(at, context) is None and _identity(at, context) is None


def _fails_late(context: DownstreamTlsContext, frames: Frame, result: Handshake) -> bool:
    """RFC 8446: in TLS 1.3 the client's side is done before the server has seen its certificate."""
    theirs = frames.tls.parameters.versions if frames.tls is not None else None
    spoken = context.parameters.versions.spoken_with(theirs) if theirs is not None else None
    return spoken == TLS_1_3 and result.failure in ALERTS and result.failure not in PARTINGS


def _terminated(seen: Connection, tls: DownstreamTls) -> Connection:
    return Connection(
        local=seen.local,
        local_port=seen.local_port,
        remote=seen.remote,
        remote_port=seen.remote_port,
        direct_remote=seen.direct_remote,
        direct_remote_port=seen.direct_remote_port,
        restored=seen.restored,
        original=seen.original,
        transport=seen.transport,
        sni=seen.sni,
        alpn=seen.alpn,
        tls=tls,
        local_name=seen.local_name,
        remote_name=seen.remote_name,
        direct_remote_name=seen.direct_remote_name,
    )


def _inside(conversation: Conversation) -> Conversation:
    """What is said inside the TLS that was just terminated."""
    if conversation.inner is not None:
        return conversation.inner
    return Conversation(
        protocol=conversation.protocol,
        tls=None,
        request=conversation.request,
        server_first=conversation.server_first,
        payload=conversation.payload,
        proxy_protocol=None,
    )


def _ending(at: AtHandshake, result: Handshake) -> Ending:
    reason = _reason(at, result)
    if result.failure == "own-name" and at.chain.tls is not None:
        names = (_own_name_refused(at, at.chain.tls) or "").split(", ")
        own = ClientCertificate(uri_sans=tuple(names))
        return Ending("tls_failure", reason, transport_failure_reason=not_named(own), answered_by=at.hop)
    if result.failure == "low-version" and at.frames is not None and at.frames.tls is not None:
        return Ending("tls_failure", reason, transport_failure_reason=PARTINGS["other-version"], answered_by=at.hop)
    if result.failure == "silent":
        timeout_ms = at.chain.transport_socket_connect_timeout_ms
        if not timeout_ms:
            return Ending("hanging", reason)
        return Ending("closed", reason, after=seconds(timeout_ms), answered_by=at.hop)
    return Ending(
        "closed",
        reason,
        transport_failure_reason=ALERTS.get(result.failure or ""),
        answered_by=at.hop,
        client_sees="tls_alert" if result.alert else "closed",
    )


def _reason(at: AtHandshake, result: Handshake) -> Reason:
    chain, context = at.chain, at.chain.tls
    place = context.place if context is not None else chain.place
    if context is None:
        code = "handshake.tls-not-terminated" if at.conversation.tls is not None else "handshake.plaintext"
        return because(code, place, chain=chain.label)
    if result.tls is not None:
        peer = result.tls.peer
        shown = "not given" if peer is None or not peer.presented else ", ".join(peer.uri_sans) or "given"
        return because("handshake.done", place, chain=chain.label, alpn=result.tls.alpn or "none", peer=shown)
    if result.failure == "silent":
        timeout_ms = chain.transport_socket_connect_timeout_ms
        if not timeout_ms:
            return because("handshake.client-silent", place, chain=chain.label)
        return because("handshake.client-silent-closed", place, chain=chain.label, after=seconds(timeout_ms))
    if result.failure == "own-name" and context is not None and at.frames is not None and at.frames.tls is not None:
        wanted, own = ", ".join(at.frames.tls.san), _own_name_refused(at, context)
        return because("handshake.own-name", place, chain=chain.label, own=own, wanted=wanted)
    near = at.frames
    if result.failure == "plaintext" and near is not None and near.tls is None and near.transport is not None:
        demand = "mTLS" if context is not None and context.demands_certificate else "TLS"
        return because(
            "handshake.peer-speaks-plaintext",
            place,
            chain=chain.label,
            demand=demand,
            near=near.pod.name,
            cluster=near.cluster,
            transport=near.transport.name,
            written=str(near.transport.place),
        )
    return because(_FAILURES[result.failure or ""], place, chain=chain.label)


def explain(_mesh: Mesh, at: AtHandshake, picked: Handshake) -> Decision:
    context = at.chain.tls
    result = _shaken(at, context) if context is not None else _UNTOUCHED
    agree("handshake", at, picked, result)
    failed = context is not None and result.tls is None
    seen = "tls" if at.conversation.tls is not None else "plaintext"
    want = "tls" if context is not None else "anything"
    check = Check("transport_socket", want, seen, not failed, context.place if context is not None else None)
    candidate = Candidate(
        at.chain.label,
        "transport_socket",
        Fate.FAILED if failed else Fate.CHOSEN,
        (check,),
        at.chain.place,
        result.failure or "",
    )
    return Decision(
        stage="handshake",
        pod=at.pod.name,
        question=because("handshake.question", chain=at.chain.label),
        chosen=None if failed else candidate,
        reason=_reason(at, result),
        candidates=(candidate,),
        changes=(Change("alpn", None, result.tls.alpn),) if result.tls is not None else (),
        trivial=context is None,
        deciding=failed,
        hop=at.hop,
    )


def describe(_mesh: Mesh, at: AtHandshake, picked: Handshake, draft: Draft) -> None:
    context = at.chain.tls
    if context is None:
        return
    hop = draft.hop(at.hop, at.pod.name)
    hello = at.conversation.tls
    tls = picked.tls
    peer = tls.peer if tls is not None else None
    hop.downstream = Downstream(
        protocol=at.conversation.protocol,
        remote=at.connection.remote_text(),
        direct_remote=at.connection.direct_remote_text(),
        tls=DownstreamTlsReport(
            terminated=tls is not None,
            # the inspector writes it in lower case
            sni=at.connection.sni or hello.sni if hello is not None else None,
            alpn_offered=hello.alpn if hello is not None else (),
            alpn=tls.alpn if tls is not None else None,
            peer=PeerReport(peer.presented, peer.validated, peer.uri_sans) if peer is not None else None,
            failure=picked.text,
        ),
    )
    if hello is not None:
        alpn = tls.alpn if tls is not None else None
        describe_handshake(at.frames, draft, alpn, certificate_requested=context.verifies_clients)
    if tls is None:
        hop.downstream_transport_failure_reason = picked.text or hop.downstream_transport_failure_reason
        if picked.failure == "silent" and at.chain.transport_socket_connect_timeout_ms:
            hop.downstream_local_close_reason = TIMEOUT_REASON


STAGE = Stage("handshake", AtHandshake, decide, explain, describe)
