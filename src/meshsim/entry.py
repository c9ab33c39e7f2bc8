"""Where a call enters the walk: its defaults filled in (the one place), names resolved, the first state made."""

from __future__ import annotations

import difflib

from attrs import evolve

from .address import (
    LOOPBACK_V4,
    LOOPBACK_V6,
    format_endpoint,
    format_ip,
    is_loopback,
    is_v6,
    parse_endpoint,
    parse_ip,
    split_host_port,
    try_parse_ip,
)
from .choices import Chooser
from .destination import as_dialled, split_destination
from .errors import InputError
from .facts.call import UNSET, Call, check_call
from .facts.conversation import Conversation, ProxyProtocol
from .facts.packet import Packet
from .facts.request import Request
from .mesh import Mesh, Pod
from .naming import service_address
from .own_call import complete_own_call, start_own_call
from .place import Place
from .reasons import Reason, because
from .report import Resolution
from .states import AtHook, AtWire, State

OUTSIDE = "outside"
DEFAULT_UID = DEFAULT_GID = 1000
DEFAULT_PORT = 40000
OUTSIDE_V4 = parse_ip("192.0.2.1")
OUTSIDE_V6 = parse_ip("2001:db8::1")
UNRESOLVED = parse_ip("192.0.2.99")
"""Documentation addresses (RFC 5737, RFC 3849): an unnamed client outside, and a name nobody could resolve."""

SPOKEN = {"http": "http/1.1", "grpc": "http2", None: "http/1.1"}
_NO_REQUEST = ("tcp", "udp")


def complete(mesh: Mesh, call: Call) -> tuple[Call, Resolution | None, Reason | None]:
    """The call with every default filled in, how its name was resolved, and what had to be assumed for that."""
    check_call(call)
    _check_who(call)
    origin = _origin(mesh, call)
    protocol = SPOKEN.get(call.protocol, call.protocol)
    tls = None if call.tls is UNSET else call.tls
    if call.cluster is not None:
        return complete_own_call(call, origin, protocol or "http/1.1", _headers(call)), None, None
    named, port = _destination(call, tls is not None)
    address, resolution, assumed = _resolve(origin, call, named, port)
    address = as_dialled(address, by_process=call.direction == "outbound")
    if call.proxy_protocol is not None:
        _check_proxy_protocol(call.proxy_protocol)
    authority = _authority(named, port) if call.authority is UNSET else call.authority
    speaks_http = protocol not in _NO_REQUEST
    method = "POST" if call.protocol == "grpc" and call.method == "GET" else call.method
    if origin is None and call.direction == "inbound":
        raise InputError("inbound-from-outside", "a call from outside needs no direction inbound", hint="drop one")
    completed = evolve(
        call,
        from_=origin.name if origin is not None and call.direction == "outbound" else OUTSIDE,
        pod=origin.name if origin is not None and call.direction == "inbound" else None,
        source=_source(call, origin, address),
        uid=DEFAULT_UID if call.uid is None else call.uid,
        gid=DEFAULT_GID if call.gid is None else call.gid,
        destination=format_endpoint(address, port),
        protocol=protocol,
        tls=tls,
        method=method,
        authority=authority if speaks_http else None,
        headers=_headers(call),
        protocol_stated=call.protocol is not None,
    )
    return completed, resolution, assumed


def _check_who(call: Call) -> None:
    """A caller that the direction leaves no room for would silently be somebody else."""
    if call.direction == "outbound" and call.pod is not None:
        raise InputError(
            "pod-without-inbound",
            f"pod {call.pod!r}: only a call of direction inbound arrives at a pod",
            hint="`from` names the pod that calls; direction inbound makes the packet arrive",
        )
    if call.direction == "inbound" and call.cluster is not None:
        raise InputError(
            "cluster-with-inbound",
            f"cluster {call.cluster!r}: the proxy's own call goes out, it does not arrive",
            hint="drop direction inbound, and name the proxy's pod with `from`",
        )
    if call.direction == "inbound" and call.from_ not in (None, OUTSIDE):
        raise InputError(
            "from-with-inbound",
            f"from {call.from_!r}: a call of direction inbound comes from no known pod",
            hint="`source` names the peer's address",
        )


def _origin(mesh: Mesh, call: Call) -> Pod | None:
    """The pod whose rules the packet meets first; None: outside."""
    if call.direction == "inbound":
        if call.pod is not None:
            return find_pod(mesh, call.pod, "pod")
        owner = _owner_of(mesh, call)
        if owner is not None:
            return owner
        if len(mesh.pods) == 1:
            return mesh.pods[0]
        raise _which_pod(mesh, "pod")
    if call.from_ == OUTSIDE:
        return None
    if call.from_ is not None:
        return find_pod(mesh, call.from_, "from")
    if len(mesh.pods) == 1:
        return mesh.pods[0]
    if mesh.demo:
        return find_pod(mesh, "sleep", "from")
    raise _which_pod(mesh, "from")


def _owner_of(mesh: Mesh, call: Call) -> Pod | None:
    if call.destination is None:
        return None
    ip = try_parse_ip(split_destination(call.destination)[0])
    return mesh.owner(ip) if ip is not None else None


def find_pod(mesh: Mesh, name: str, what: str) -> Pod:
    """By name; NAME alone finds NAME.NAMESPACE, and a workload's name finds its only pod."""
    pod = mesh.pod(name)
    if pod is not None:
        return pod
    near = [pod for pod in mesh.pods if name in pod.aliases]
    near = near or [pod for pod in mesh.pods if pod.name.split(".")[0] == name]
    near = near or [pod for pod in mesh.pods if pod.name.startswith(f"{name}-")]
    if len(near) == 1:
        return near[0]
    names = [pod.name for pod in mesh.pods]
    close = difflib.get_close_matches(name, names, 1)
    raise InputError(
        "unknown-pod",
        f"{what}: no pod is named {name!r}",
        hint=(f"did you mean {close[0]!r}? " if close else "") + "pods: " + ", ".join([*names, OUTSIDE]),
    )


def _which_pod(mesh: Mesh, what: str) -> InputError:
    names = ", ".join(pod.name for pod in mesh.pods)
    return InputError("which-pod", f"which pod? the call says no {what!r}", hint=f"pods: {names}, {OUTSIDE}")


def _destination(call: Call, encrypted: bool) -> tuple[str, int]:
    """(host as named, port) of the destination, or of the authority where there is none."""
    text = call.destination
    if text is None:
        if not isinstance(call.authority, str) or not call.authority:
            raise InputError(
                "no-destination", "the call says neither destination nor authority", hint="such as --dst 10.0.0.5:80"
            )
        text = call.authority
    host, port = split_destination(text)
    if port is None:
        port = 443 if encrypted else 80
    return host, port


def _authority(host: str, port: int) -> str:
    text = f"[{host}]" if ":" in host else host
    return text if port in (80, 443) else f"{text}:{port}"


def _resolve(origin: Pod | None, call: Call, host: str, port: int) -> tuple[int, Resolution | None, Reason | None]:
    """The address that is dialled; a name is looked up as the calling pod would, with curl's --resolve first."""
    ip = try_parse_ip(host)
    if ip is not None:
        return ip, None, None
    tried = []
    for key in (f"{host}:{port}", host):
        tried.append(f"--resolve {key}")
        if key in call.resolve:
            return _resolved(host, (_resolve_option(call.resolve[key], key),), "resolve-option", tried)
    if origin is not None:
        lowered = host.lower().rstrip(".")
        tried.append("host facts")
        if lowered in origin.names:
            return _resolved(host, origin.names[lowered], "host-facts", tried)
        if origin.proxy is not None:
            tried.append("service addresses in the proxy's configuration")
            service = service_address(origin.proxy, lowered, port)
            if service is not None:
                return _resolved(host, (service[0],), "service", tried, service[1])
    resolution = Resolution(host, tuple(tried), (), format_ip(UNRESOLVED), "assumed")
    return UNRESOLVED, resolution, because("name.assumed", name=host, address=format_ip(UNRESOLVED))


def _resolved(
    host: str, addresses: tuple[int, ...], by: str, tried: list[str], place: Place | None = None
) -> tuple[int, Resolution | None, Reason | None]:
    texts = tuple(map(format_ip, addresses))
    return addresses[0], Resolution(host, tuple(tried), texts, texts[0], by, place), None


def _resolve_option(text: str, key: str) -> int:
    try:
        return parse_ip(text)
    except ValueError:
        message = f"--resolve {key} says {text!r}, no address"
        raise InputError("bad-resolve", message, hint="write HOST:PORT:ADDRESS") from None


def _headers(call: Call) -> dict[str, str | tuple[str, ...]]:
    """The stated headers; one without any value is not sent. InputError where a value would end its line."""
    headers: dict[str, str | tuple[str, ...]] = {}
    for name, value in call.headers.items():
        texts = (value,) if isinstance(value, str) else value
        if any(character in text for text in texts for character in "\r\n\0"):
            raise InputError(
                "bad-header", f"header {name!r}: the value holds a line end or NUL", hint="give each header by itself"
            )
        if texts or (name.startswith(":") and SPOKEN.get(call.protocol, call.protocol) == "http2"):
            headers[name] = value
    if call.protocol == "grpc":
        headers.setdefault("content-type", "application/grpc")
        headers.setdefault("te", "trailers")
    return headers


def _source(call: Call, origin: Pod | None, destination: int) -> str:
    if call.source is not None:
        ip, port = _endpoint_or_ip(call.source)
        if is_v6(ip) != is_v6(destination):
            raise InputError(
                "bad-source",
                f"source {call.source!r} and destination {format_ip(destination)} are of two address families",
                hint="give both as IPv4, or both as IPv6",
            )
        return format_endpoint(ip, port)
    if origin is None or call.direction == "inbound":
        return format_endpoint(OUTSIDE_V6 if is_v6(destination) else OUTSIDE_V4, DEFAULT_PORT)
    if is_loopback(destination):
        return format_endpoint(LOOPBACK_V6 if is_v6(destination) else LOOPBACK_V4, DEFAULT_PORT)
    own = origin.source_address(destination)
    if is_v6(own) != is_v6(destination):
        own = OUTSIDE_V6 if is_v6(destination) else OUTSIDE_V4
    return format_endpoint(own, DEFAULT_PORT)


def _endpoint_or_ip(text: str) -> tuple[int, int]:
    try:
        host, port = split_host_port(text)
        return parse_ip(host), DEFAULT_PORT if port is None else port
    except ValueError:
        raise InputError("bad-source", f"source {text!r} is no address", hint="write ip:port or ip") from None


def _check_proxy_protocol(stated: ProxyProtocol) -> None:
    """Both are ip:port, and of one family: the header names the family once."""
    families = set()
    for what, text in (("source", stated.source), ("destination", stated.destination)):
        try:
            families.add(is_v6(parse_endpoint(text)[0]))
        except ValueError as error:
            raise InputError("bad-proxy-protocol", f"proxy_protocol.{what}: {error}", hint="write ip:port") from None
    if len(families) > 1:
        raise InputError(
            "bad-proxy-protocol",
            "proxy_protocol: source and destination are of two address families",
            hint="give both as IPv4, or both as IPv6",
        )


def start(mesh: Mesh, call: Call, chooser: Chooser) -> State:
    """The first state of a completed call."""
    if call.cluster is not None:
        assert call.from_ is not None
        return start_own_call(call, find_pod(mesh, call.from_, "from"), _conversation(call))
    assert call.destination is not None and call.source is not None and call.protocol is not None
    destination, destination_port = parse_endpoint(call.destination)
    source, source_port = parse_endpoint(call.source)
    conversation = _conversation(call)
    protocol = "udp" if call.protocol == "udp" else "tcp"
    if call.direction == "outbound" and call.from_ != OUTSIDE:
        assert call.from_ is not None
        pod = find_pod(mesh, call.from_, "from")
        packet = Packet(
            protocol=protocol,
            source=source,
            source_port=source_port,
            destination=destination,
            destination_port=destination_port,
            uid=call.uid,
            gid=call.gid,
            groups=call.groups,
            mark=call.mark,
            transparent=call.transparent,
        )
        return AtHook(pod, "out", "application", packet, conversation, 0, None)
    if call.direction == "outbound":
        packet = Packet(protocol, source, source_port, destination, destination_port)
        return AtWire(None, packet, conversation, 0, None)
    assert call.pod is not None
    pod = find_pod(mesh, call.pod, "pod").as_receiver_of(destination)
    packet = Packet(
        protocol, source, source_port, destination, destination_port, interface=pod.arrival_interface(destination)
    )
    return AtHook(pod, "in", "peer", packet, conversation, 0, None)


def _as_stated(request: Request) -> Request:
    """Headers that begin with a colon are pseudo headers: they stand instead of what the call's fields say."""
    stated = {name: values for name, values in request.headers.items() if name.startswith(":")}
    if not stated:
        return request

    def first(name: str, otherwise: str) -> str:
        return (*stated.get(name, (otherwise,)), "")[0]

    return evolve(
        request,
        method=first(":method", request.method),
        scheme=first(":scheme", request.scheme),
        path=first(":path", request.path),
        authority=(*stated[":authority"], None)[0] if ":authority" in stated else request.authority,
        headers={name: values for name, values in request.headers.items() if name not in stated},
        stated=stated,
    )


def _conversation(call: Call) -> Conversation:
    assert call.protocol is not None
    tls = None if call.tls is UNSET else call.tls
    request = None
    if call.protocol not in _NO_REQUEST:
        assert call.authority is not UNSET
        request = Request(
            method=call.method,
            scheme="https" if tls is not None else "http",
            authority=call.authority,
            path=call.path,
            headers=call.header_values(),
            version=call.protocol,
            body=len(call.payload.encode("utf-8", "surrogateescape")),
            patience_ms=call.patience_ms,
        )
        if call.protocol == "http2":
            request = _as_stated(request)
    return Conversation(
        protocol=call.protocol,
        tls=tls,
        request=request,
        server_first=call.server_first,
        payload=call.payload if request is None else "",
        proxy_protocol=call.proxy_protocol,
        protocol_stated=call.protocol_stated,
    )
