"""tls: how the chosen endpoint is spoken to, and the proxy's own packet towards it."""

from __future__ import annotations

from attrs import evolve

from ..address import LOOPBACK_V4, LOOPBACK_V6, format_endpoint, format_ip, is_loopback, is_v6
from ..choices import Choice, Chooser
from ..envoy.clusters import Limits
from ..envoy.downstream_tls import PARTINGS, SECRET_MISSING
from ..envoy.endpoints import Endpoint, InternalAddress, PipeAddress, SocketAddress
from ..envoy.route_actions import RouteAction
from ..envoy.timers import first_timer
from ..envoy.upstream_hello import offered_alpn, server_name, wanted_san
from ..envoy.upstream_protocol import pool_alpn
from ..envoy.upstream_request import replaced_host
from ..envoy.upstream_tls import OpenWay, TransportSocket, UnstatedRow
from ..envoy.upstream_tls import UpstreamTls as TlsContext
from ..explanation import Candidate, Decision, Fate
from ..facts.conversation import ClientCertificate, ClientTls, Conversation, ProxyProtocol
from ..facts.packet import Packet
from ..facts.request import Request
from ..istio.identity import TLS_MODE_LABEL, tls_mode, workload_identity
from ..mesh import Mesh, Pod
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Draft, UpstreamTls
from ..states import AtHook, AtReturn, AtTls, Frame, State
from . import socketless
from .attempt_failures import has_no_room, why_unsendable
from .stage import Stage, agree

_DIALLED = SocketAddress | PipeAddress | InternalAddress
_NOTHING_TO_SAY = {"no-version": "tls.no-version", "no-cipher": "tls.no-cipher"}
_SPOKEN = frozenset(("raw_buffer", "tls"))


def decide(mesh: Mesh, at: AtTls, chooser: Chooser) -> tuple[TransportSocket, State]:
    endpoint = at.endpoint

    def ask(row: UnstatedRow | OpenWay) -> bool:
        if endpoint.metadata_stated:
            why = because("matcher.open", row.place, leads_to=row.name)
        else:
            why = _metadata_unstated(at)
        options = ("no match", "match")
        return bool(chooser.pick(Choice(f"{at.hop}/matcher/{row.name}", why, options, (None, None), row.place, 0)))

    socket = at.cluster.transport.pick(_labelled(mesh, at)[0], ask)
    address = endpoint.address
    if not _is_known(at, socket):
        why = _not_modelled(at, socket)
        chooser.assume(why)
        return socket, AtReturn(Ending("unknown", why, destination=endpoint.name), at.hop, at.frames)
    pod = at.pod
    next_hop = at.hop + 1 if at.tried is None else at.tried.next_hop
    frame = Frame(
        pod,
        at.hop,
        at.via,
        at.cluster.name,
        endpoint.name,
        at.frames,
        at,
        next_hop,
        socket.tls,
        transport=socket,
        stream=at.stream,
        unsaid=None if socket.tls is None else _unsaid(at, socket),
    )
    rare = at.cluster.bind_addresses or _limits(at).max_pending_requests == 0
    fault = _fault(at) if rare else None
    if fault is not None:
        return socket, AtReturn(fault, next_hop, frame, opened=False)
    if not isinstance(address, SocketAddress):
        if socketless.is_assumed(at):
            chooser.assume(socketless.reason(at))
        return socket, socketless.dialled(at, socket, _conversation(at, socket), next_hop, frame)
    source = _source(at, address.ip)
    packet = Packet(
        "tcp",
        source,
        0,
        address.ip,
        address.port,
        pod.proxy_uid,
        pod.proxy_gid,
    )
    return socket, AtHook(pod, "out", "proxy", packet, _conversation(at, socket), next_hop, frame)


def _metadata_unstated(at: AtTls) -> Reason:
    return because("tls.metadata-unstated", at.endpoint.place, endpoint=at.endpoint.name, cluster=at.cluster.name)


def _labelled(mesh: Mesh, at: AtTls) -> tuple[Endpoint, Reason | None]:
    """The endpoint; where no input states its metadata, with what the label of its own pod makes istiod write there."""
    endpoint = at.endpoint
    if endpoint.metadata_stated or not isinstance(endpoint.address, SocketAddress):
        return endpoint, None
    owner = mesh.owner(endpoint.address.ip)
    node = owner.proxy.document.node_metadata if owner is not None and owner.proxy is not None else None
    mode = tls_mode(node.data) if node is not None else None
    if owner is None or mode is None:
        return endpoint, None
    why = because(
        "tls.metadata-of-pod", endpoint.place, endpoint=endpoint.name, pod=owner.name, label=f"{TLS_MODE_LABEL}={mode}"
    )
    return evolve(endpoint, socket_metadata={"tlsMode": mode}, metadata_stated=True), why


def _is_known(at: AtTls, socket: TransportSocket) -> bool:
    return isinstance(at.endpoint.address, _DIALLED) and socket.kind in _SPOKEN and not _leads_inside(at)


def _leads_inside(at: AtTls) -> bool:
    """A tunnel into a listener of this Envoy, which goes by what is said in the tunnel: no call states that."""
    tunnels = isinstance(at.via, RouteAction) and at.via.tunnels
    return tunnels and isinstance(at.endpoint.address, InternalAddress)


def _not_modelled(at: AtTls, socket: TransportSocket) -> Reason:
    name = at.endpoint.name
    if _leads_inside(at):
        return because("upstream.tunnel-unread", at.endpoint.place, endpoint=name)
    if isinstance(at.endpoint.address, _DIALLED):
        return because("upstream.transport-not-modelled", socket.place, endpoint=name, transport=socket.kind)
    return because("upstream.address-not-modelled", at.endpoint.place, endpoint=name)


def _source(at: AtTls, destination: int) -> int:
    """The address that bind or the kernel's choice of a route gives the socket."""
    v6 = is_v6(destination)
    bound = at.cluster.bind_addresses
    if bound:
        # envoy: a single address is used whatever the family; of several, the first that fits.
        return bound[0] if len(bound) == 1 else next((ip for ip in bound if is_v6(ip) == v6), bound[0])
    if is_loopback(destination):
        return LOOPBACK_V6 if v6 else LOOPBACK_V4
    return at.pod.source_address(destination)


def _limits(at: AtTls) -> Limits:
    return at.cluster.limits_of(at.via.priority)


def _fault(at: AtTls) -> Ending | None:
    """What is wrong before any packet leaves: no pending request is allowed, or nothing can go from a bound source."""
    if _limits(at).max_pending_requests == 0:
        limit = "max_pending_requests"
        why = because("endpoint.limit-is-zero", at.cluster.place, cluster=at.cluster.name, limit=limit)
        return Ending("overflow", why)
    address = at.endpoint.address
    if not at.cluster.bind_addresses or not isinstance(address, SocketAddress):
        return None
    source = _source(at, address.ip)
    bound = format_ip(source)
    place = at.cluster.place
    if is_v6(source) != is_v6(address.ip):
        why = because("tls.source-of-other-family", place, endpoint=at.endpoint.name, source=bound)
        told = "Address_family_not_supported_by_protocol" if is_v6(source) else "Invalid_argument"
        error = f"failed_to_bind_to_{format_endpoint(source, 0)}:_{told}"
        return Ending("not_bound", why, transport_failure_reason=error, destination=at.endpoint.name)
    if not is_v6(source) and is_loopback(source) and at.pod.addresses_stated and not _is_local(at.pod, address.ip):
        # linux ip_route_output_key: nothing leaves the host from a loopback address.
        why = because("tls.source-is-loopback", place, endpoint=at.endpoint.name, source=bound)
        error = f"immediate_connect_error:_Invalid_argument|remote_address:{address}"
        return Ending("not_connected", why, transport_failure_reason=error, destination=at.endpoint.name)
    return None


def _unsaid(at: AtTls, socket: TransportSocket) -> Ending | None:
    """Why no ClientHello can be made, which shows as soon as the connection stands."""
    missing = _missing_secret(at, socket)
    if missing is not None:
        why = because("tls.secret-missing", socket.place, endpoint=at.endpoint.name, secret=missing)
        return Ending("tls_failure", why, transport_failure_reason=SECRET_MISSING, destination=at.endpoint.name)
    own = socket.tls.parameters.own_fault if socket.tls is not None else None
    if own is None:
        return None
    why = because(_NOTHING_TO_SAY[own], socket.place, endpoint=at.endpoint.name, cluster=at.cluster.name)
    return Ending("tls_failure", why, transport_failure_reason=PARTINGS[own], destination=at.endpoint.name)


def _missing_secret(at: AtTls, socket: TransportSocket) -> str | None:
    proxy = at.pod.proxy
    if socket.tls is None or proxy is None:
        return None
    return next((name for name in socket.tls.secrets if proxy.lacks_secret(name)), None)


def _is_local(pod: Pod, ip: int) -> bool:
    return ip in pod.addresses or pod.netns.addresses.is_local(ip)


def _conversation(at: AtTls, socket: TransportSocket) -> Conversation:
    said = at.conversation
    request = said.request
    proxy_protocol = said.proxy_protocol
    if socket.sends_proxy_protocol:
        proxy_protocol = ProxyProtocol(at.connection.remote_text(), at.connection.local_text())
    if isinstance(at.via, RouteAction) and at.via.tunnels:
        return _tunnelled(at, socket, proxy_protocol if socket.sends_proxy_protocol else None)
    if at.via.kind == "http" and request is not None:
        version = at.cluster.protocol.versions(request.version)[0]
        tls = None if socket.tls is None else _hello(at, socket, request)
        if has_no_room(at) or why_unsendable(at):
            return Conversation("tcp", tls)
        sent = _sent(at, request, version)
        return Conversation(version, tls, sent, False, "", proxy_protocol if socket.sends_proxy_protocol else None)
    if socket.tls is None:
        if proxy_protocol is said.proxy_protocol:
            return said
        return evolve(said, proxy_protocol=proxy_protocol)
    tls = _hello(at, socket, None)
    if said.tls is not None:
        return Conversation("tcp", tls, None, False, said.payload, proxy_protocol, inner=said)
    return Conversation(said.protocol, tls, request, said.server_first, said.payload, proxy_protocol)


def _tunnelled(at: AtTls, socket: TransportSocket, header: ProxyProtocol | None) -> Conversation:
    """Raw bytes, after the PROXY header that the tunnel's own configuration asks for."""
    assert isinstance(at.via, RouteAction)
    if at.via.connect_config is not None and at.via.connect_config.proxy_protocol:
        header = ProxyProtocol(at.connection.remote_text(), at.connection.local_text())
    tls = None if socket.tls is None else _hello(at, socket, at.conversation.request)
    return Conversation("tcp", tls, proxy_protocol=header)


def _sent(at: AtTls, request: Request, version: str) -> Request:
    """The request as it leaves: the upstream's version, and the endpoint's own name where the route wants that."""
    via = at.via
    request = _waited_for(at, request)
    hostname = at.endpoint.hostname if isinstance(via, RouteAction) and via.auto_host_rewrite else ""
    if not hostname and request.version == version:
        return request
    headers, authority = dict(request.headers), request.authority
    if hostname and isinstance(via, RouteAction):
        authority = replaced_host(authority, hostname, via, headers)
    return Request(
        request.method,
        request.scheme,
        authority,
        request.path,
        headers,
        version,
        body=request.body,
        stated=request.stated,
        patience_ms=request.patience_ms,
    )


def _waited_for(at: AtTls, request: Request) -> Request:
    """With how long this proxy waits, where that is less than those in front of it do."""
    waited = at.tried.waited_ms if at.tried is not None else 0
    left = None if request.patience_ms is None else request.patience_ms - waited
    timer = first_timer(at.via, at.cluster, connected=True, waited_ms=waited, held_ms=at.progress.held_ms)
    if timer is not None and (left is None or timer.waited_ms < left):
        left = timer.waited_ms
    return request if left == request.patience_ms else evolve(request, patience_ms=left)


def _hello(at: AtTls, socket: TransportSocket, request: Request | None) -> ClientTls:
    """`request` is None where no HTTP is spoken."""
    tls = socket.tls
    assert tls is not None
    protocol = at.cluster.protocol
    override = at.alpn_override
    key = (override, request.version if request is not None and at.via.speaks_http else None)
    made = socket.hellos.get(key)
    if made is not None:
        return made
    if request is None or not at.via.speaks_http:
        alpn = tls.alpn
    else:
        alpn = offered_alpn(
            tls, override if at.cluster.overrides_alpn else (), pool_alpn(protocol.versions(request.version))
        )
    certificate = _certificate(at.pod, tls) if tls.client_certificate else None
    sni = server_name(tls, protocol, at.endpoint, request)
    ours = tls.parameters
    ciphers, curves = (None if each is None else tuple(sorted(each)) for each in (ours.ciphers, ours.curves))
    made = ClientTls(sni, alpn, certificate, ours.versions.lowest, ours.versions.highest, ciphers, curves)
    if not protocol.auto_sni and not tls.auto_host_sni:
        socket.hellos[key] = made
    return made


def _certificate(pod: Pod, tls: TlsContext) -> ClientCertificate:
    """As the dump shows it, or as Istio names the workload."""
    held = map(pod.proxy.certificate, tls.secrets) if pod.proxy is not None else ()
    shown = next((each for each in held if each is not None), None)
    if shown is not None:
        return ClientCertificate(shown.uri_names, shown.dns_names)
    metadata = pod.proxy.document.node_metadata if pod.proxy is not None else None
    identity = workload_identity(metadata.data) if metadata is not None else None
    return ClientCertificate(uri_sans=() if identity is None else (identity,), names_known=identity is not None)


def explain(mesh: Mesh, at: AtTls, picked: TransportSocket) -> Decision:
    labelled, of_pod = _labelled(mesh, at)
    socket, candidates = at.cluster.transport.explain(labelled, lambda row: _leads(row, picked))
    agree("tls", at, picked, socket)
    known = _is_known(at, socket)
    fault = (_fault(at) or _unsaid(at, socket)) if known else None
    return Decision(
        stage="tls",
        pod=at.pod.name,
        question=because("tls.question", at.endpoint.place, endpoint=at.endpoint.name),
        chosen=next((entry for entry in candidates if entry.fate is Fate.CHOSEN), _chosen(socket)),
        reason=fault.why if fault is not None else _why(at, socket) if known else _not_modelled(at, socket),
        candidates=candidates,
        notes=(*socket.unmodelled, *_notes(at, socket), *(() if of_pod is None else (of_pod,))),
        trivial=known and fault is None and len(candidates) == 1 and socket.tls is None,
        deciding=fault is not None or not known,
        hop=at.hop,
    )


def _leads(row: UnstatedRow | OpenWay, picked: TransportSocket) -> bool:
    return row.socket is picked if isinstance(row, UnstatedRow) else picked.name in row.leads_to


def _chosen(socket: TransportSocket) -> Candidate:
    return Candidate(socket.name, "transport_socket", Fate.CHOSEN, (), socket.place)


def _why(at: AtTls, socket: TransportSocket) -> Reason:
    if not isinstance(at.endpoint.address, SocketAddress) and socket.tls is None:
        return socketless.reason(at)
    if socket.tls is None:
        return because("tls.plaintext", socket.place, endpoint=at.endpoint.name)
    sni = _hello(at, socket, _http_request(at)).sni
    return because("tls.originated", socket.place, endpoint=at.endpoint.name, mode=socket.mode, sni=sni)


def _http_request(at: AtTls) -> Request | None:
    return at.conversation.request if at.via.kind == "http" else None


def _notes(at: AtTls, socket: TransportSocket) -> tuple[Reason, ...]:
    request = _http_request(at)
    if socket.tls is None:
        return ()
    if request is None:
        inside = at.conversation.tls is not None
        return (because("tls.around-client-tls", socket.place, endpoint=at.endpoint.name),) if inside else ()
    if at.via.speaks_http and len(at.cluster.protocol.versions(request.version)) > 1:
        return (because("tls.version-by-alpn", socket.place, offered=list(_hello(at, socket, request).alpn)),)
    return ()


def describe(_mesh: Mesh, at: AtTls, picked: TransportSocket, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    match = picked.name if picked.matched else None
    if picked.kind not in _SPOKEN:
        return
    request = _http_request(at)
    if hop.upstream is not None and request is not None and at.via.speaks_http:
        sent = _sent(at, request, hop.upstream.protocol)
        if sent.authority != request.authority:
            hop.upstream = evolve(hop.upstream, authority=sent.authority, headers=sent.headers)
    if picked.tls is None:
        hop.tls = UpstreamTls(picked.mode, transport_socket_match=match)
        return
    hello = _hello(at, picked, request)
    hop.tls = UpstreamTls(
        mode=picked.mode,
        sni=hello.sni,
        alpn_offered=hello.alpn,
        san=wanted_san(picked.tls, at.cluster.protocol, hello.sni, request),
        transport_socket_match=match,
    )


STAGE = Stage("tls", AtTls, decide, explain, describe)
