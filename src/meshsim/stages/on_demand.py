"""Hosts that a cluster makes for the call: the original destination, or whom the call names. Not a stage."""

from __future__ import annotations

from ..address import try_parse_ip
from ..envoy.clusters import OriginalDst
from ..envoy.dynamic_forward_proxy import DynamicForwardProxy
from ..envoy.endpoints import Endpoint, NameAddress, SocketAddress
from ..envoy.filter_state import DESTINATION, destination_in
from ..envoy.local_reply import local_reply
from ..envoy.no_upstream import no_healthy_upstream
from ..explanation import Candidate, Check, Decision, Fate
from ..facts.request import Request
from ..outcome import Ending
from ..reasons import Reason, because
from ..states import AtEndpoint
from .stage import agree


def host_on_demand(at: AtEndpoint) -> Endpoint | None:
    """Pure: explaining asks it again."""
    if at.cluster.forward_proxy is not None:
        named = _named(at)
        port = 443 if at.cluster.transport.default.tls is not None else 80
        return at.cluster.forward_proxy.host(named, port, at.pod.names, at.cluster.place) if named else None
    assert at.cluster.original_dst is not None
    return _original_destination(at, at.cluster.original_dst)


def _named(at: AtEndpoint) -> str:
    """Whom the call names: its authority, or its SNI where no HTTP is understood."""
    request = at.conversation.request
    return (request.authority or "" if request is not None else "") if at.via.kind == "http" else at.connection.sni


def why_no_host(at: AtEndpoint) -> Reason:
    cluster = at.cluster
    if cluster.forward_proxy is None:
        return because("endpoint.no-original-destination", cluster.place, cluster=cluster.name)
    if not _named(at):
        return because("endpoint.nobody-named", cluster.place, cluster=cluster.name)
    family = cluster.forward_proxy.lookup_family
    return because("endpoint.no-address", cluster.place, cluster=cluster.name, name=_named(at), family=family)


def no_host_on_demand(at: AtEndpoint) -> Ending:
    why = why_no_host(at)
    if at.via.kind == "http" and at.cluster.forward_proxy is not None and _named(at):
        details = (
            f"dns_resolution_failure{{cares_failure:{at.cluster.forward_proxy.failure(_named(at), at.pod.names)}}}"
        )
        body = "no healthy upstream"
        return local_reply(at.stream, at.hop, why, status=503, details=details, flags=("UH",), body=body)
    return no_healthy_upstream(at.via.kind, at.stream, at.hop, why)


def explain_on_demand(at: AtEndpoint, picked: Endpoint | None, question: Reason) -> Decision:
    if at.cluster.forward_proxy is not None:
        return _explain_forward_proxy(at, at.cluster.forward_proxy, picked, question)
    assert at.cluster.original_dst is not None
    return _explain_original_destination(at, at.cluster.original_dst, picked, question)


def _explain_forward_proxy(
    at: AtEndpoint, proxy: DynamicForwardProxy, picked: Endpoint | None, question: Reason
) -> Decision:
    endpoint = host_on_demand(at)
    agree("endpoint", at, _name(picked), _name(endpoint))
    what = "authority" if at.via.kind == "http" else "sni"
    check = Check(
        what, f"a name with {proxy.lookup_family} addresses", _named(at), endpoint is not None, at.cluster.place
    )
    if endpoint is None:
        reason, fate = why_no_host(at), Fate.FAILED
    else:
        reason, fate = because("endpoint.named", at.cluster.place, endpoint=endpoint.name), Fate.CHOSEN
    label = endpoint.name if endpoint is not None else _named(at)
    lost = "" if endpoint is not None else what
    candidate = Candidate(label, "endpoint", fate, (check,), at.cluster.place, lost)
    return Decision(
        stage="endpoint",
        pod=at.pod.name,
        question=question,
        chosen=candidate if endpoint is not None else None,
        reason=reason,
        candidates=(candidate,),
        trivial=endpoint is not None,
        deciding=endpoint is None or isinstance(endpoint.address, NameAddress),
        hop=at.hop,
    )


def _original_destination(at: AtEndpoint, rule: OriginalDst) -> Endpoint | None:
    """Filter state's address, the header's where the cluster reads one and it is an address with a port, else the
    restored one."""
    named = _from_state(at)
    if named is None and at.via.kind == "http":
        named = _from_header(rule, at.conversation.request)
    connection = at.connection
    if named is not None:
        ip, port = named
    elif connection.restored:
        ip, port = connection.local, connection.local_port
    else:
        return None
    address = SocketAddress(ip, port if rule.port_override is None else rule.port_override)
    return Endpoint(str(address), at.cluster.place, address)


def _from_state(at: AtEndpoint) -> tuple[int, int] | None:
    """What a network filter wrote, which HTTP filters cannot replace, else an HTTP filter."""
    found = destination_in(at.connection.filter_state)
    return destination_in(at.progress.filter_state) if found is None else found


def _from_header(rule: OriginalDst, request: Request | None) -> tuple[int, int] | None:
    if rule.header is None or request is None:
        return None
    values = request.values(rule.header)
    host, colon, port = values[0].rpartition(":") if values else ("", "", "")
    ip = try_parse_ip(host)
    if not colon or ip is None or not port.isascii() or not port.isdigit() or int(port) > 65535:
        return None
    return ip, int(port)


def _explain_original_destination(
    at: AtEndpoint, rule: OriginalDst, picked: Endpoint | None, question: Reason
) -> Decision:
    endpoint = _original_destination(at, rule)
    agree("endpoint", at, _name(picked), _name(endpoint))
    if endpoint is not None and _from_state(at) is not None:
        return _explain_filter_state(at, endpoint, question)
    named = _from_header(rule, at.conversation.request) if at.via.kind == "http" else None
    checks: tuple[Check, ...] = ()
    if rule.header is not None:
        values = at.conversation.request.values(rule.header) if at.conversation.request is not None else ()
        seen = values[0] if values else None
        checks += (Check(f"header {rule.header}", "ip:port", seen, named is not None, at.cluster.place),)
    restored = at.connection.restored
    seen = at.connection.local_text() if restored else None
    if named is None:
        checks += (Check("restored original destination", "ip:port", seen, restored, at.cluster.place),)
    if endpoint is None:
        candidate = None
        reason = why_no_host(at)
    else:
        candidate = Candidate(endpoint.name, "endpoint", Fate.CHOSEN, checks[-1:], at.cluster.place)
        if named is not None:
            reason = because("endpoint.from-header", at.cluster.place, endpoint=endpoint.name, header=rule.header)
        else:
            reason = because("endpoint.original-destination", at.cluster.place, endpoint=endpoint.name)
    lost = Candidate("original destination", "endpoint", Fate.FAILED, checks, at.cluster.place, checks[-1].what)
    return Decision(
        stage="endpoint",
        pod=at.pod.name,
        question=question,
        chosen=candidate,
        reason=reason,
        candidates=(candidate or lost,),
        trivial=candidate is not None,
        deciding=candidate is None,
        hop=at.hop,
    )


def _explain_filter_state(at: AtEndpoint, endpoint: Endpoint, question: Reason) -> Decision:
    place = at.cluster.place
    check = Check(f"filter state {DESTINATION}", "ip:port", endpoint.name, True, place)
    candidate = Candidate(endpoint.name, "endpoint", Fate.CHOSEN, (check,), place)
    return Decision(
        stage="endpoint",
        pod=at.pod.name,
        question=question,
        chosen=candidate,
        reason=because("endpoint.from-filter-state", place, endpoint=endpoint.name, key=DESTINATION),
        candidates=(candidate,),
        trivial=True,
        hop=at.hop,
    )


def _name(endpoint: Endpoint | None) -> str | None:
    return None if endpoint is None else endpoint.name
