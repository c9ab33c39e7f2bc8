"""From what was read to a Mesh: pods with their addresses, rules, sockets and proxies.

`netfilter`, `envoy` and `istio` meet here (and in `mesh`), so that they need not know one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from .address import LOOPBACK_V4, LOOPBACK_V6, V6_BIT, format_endpoint, make_prefix, parse_ip, try_parse_ip
from .config.capture import PodDocuments
from .config.config_dump import ProxyDocument
from .config.host_facts import HostFacts
from .envoy.proxy import Proxy
from .errors import InputError
from .mesh import Mesh, Pod
from .netfilter.netns import Netns, Socket, SocketTable, read_routes, read_routing_rules
from .packet_rules import DNS_AGENT_PORT, arguments_by_pod, check_pods, packet_rules
from .place import Place

T = TypeVar("T")

ASSUMED_ADDRESSES = (parse_ip("192.0.2.2"), parse_ip("2001:db8::2"))
"""Documentation addresses for a host whose addresses no input names."""

PROXY_PROCESS = "envoy"
"""The program that `ss` names for the proxy's own sockets."""

PROXY_ID = 1337
"""User and group of Istio's proxy."""
APPLICATION_ID = 1000
"""User and group of an application about which nothing is said."""

NO_ARGUMENTS: Mapping[str, str] = {}
ISTIO_OUTBOUND_LISTENER = "virtualOutbound"


def assemble(
    pods: Sequence[PodDocuments],
    stages: Mapping[type, Any],
    *,
    demo: bool = False,
    locate: Callable[[Place], Place] | None = None,
    istio_iptables: Sequence[str] = (),
) -> Mesh:
    """The mesh of these pods. InputError for rules, or flags of istio-iptables (`[POD=]ARGS`), that cannot be read."""
    arguments = arguments_by_pod(istio_iptables)
    check_pods(arguments, pods)
    made = tuple(assemble_pod(pod, arguments, alone=len(pods) == 1) for pod in pods)
    if locate is None:
        return Mesh(made, stages, demo=demo)
    return Mesh(made, stages, demo=demo, locate=locate)


def assemble_pod(documents: PodDocuments, arguments: Mapping[str, str] = NO_ARGUMENTS, *, alone: bool = False) -> Pod:
    proxy = None
    if documents.proxy is not None:
        proxy = Proxy(documents.proxy, documents.proxy.node_id)
    facts = documents.facts
    addresses = _addresses(facts, proxy)
    rules = packet_rules(documents, arguments, addresses, _sidecar_metadata(proxy), alone=alone)
    interfaces = _interfaces(facts, addresses or ASSUMED_ADDRESSES)
    for device, held in rules.interfaces.items():
        interfaces[device] = (*interfaces.get(device, ()), *held)
    return Pod(
        name=documents.name,
        addresses=addresses or ASSUMED_ADDRESSES,
        addresses_stated=bool(addresses),
        netns=Netns(
            name=documents.name,
            interfaces=interfaces,
            rules_v4=rules.v4,
            rules_v6=rules.v6,
            routes=(*rules.routes, *_stated(facts, "routes", read_routes)),
            routing_rules_v4=(*rules.routing_rules_v4, *_stated(facts, "rules", partial(read_routing_rules, v6=False))),
            routing_rules_v6=(*rules.routing_rules_v6, *_stated(facts, "rules", partial(read_routing_rules, v6=True))),
            sysctls=facts.sysctls if facts is not None else {},
            local_prefixes=facts.local_prefixes if facts is not None else (),
            sockets=_sockets(proxy, facts, dns_captured=rules.capture_dns),
            unreachable=facts.unreachable if facts is not None else (),
            forwarding_v4=facts is None or facts.sysctls.get("net.ipv4.ip_forward", "1") != "0",
        ),
        proxy=proxy,
        facts=facts,
        assumptions=rules.assumptions,
        names=facts.names if facts is not None else {},
        documents=tuple(document.name for document in documents.documents),
        aliases=documents.aliases,
    )


def _addresses(facts: HostFacts | None, proxy: Proxy | None) -> tuple[int, ...]:
    """Host facts before the node id's address; loopback addresses are everybody's."""
    if facts is not None:
        stated = facts.addresses()
        if stated:
            return stated
    if proxy is not None and proxy.kind:
        address = try_parse_ip(proxy.node_id.split("~")[1])
        if address is not None:
            return (address,)
    return ()


def _interfaces(facts: HostFacts | None, addresses: tuple[int, ...]) -> dict[str, tuple[tuple[int, int], ...]]:
    interfaces: dict[str, tuple[tuple[int, int], ...]] = {
        "lo": ((parse_ip("127.0.0.1"), make_prefix(0, 8)[1]), (parse_ip("::1"), make_prefix(V6_BIT, 128)[1]))
    }
    if facts is not None:
        interfaces.update(facts.interfaces)
    if not any(device != "lo" for device in interfaces):
        interfaces["eth0"] = tuple((ip, make_prefix(ip, 64 if ip & V6_BIT else 24)[1]) for ip in addresses)
    return interfaces


def _stated(facts: HostFacts | None, key: str, read: Callable[[Sequence[str]], tuple[T, ...]]) -> tuple[T, ...]:
    """The routes, or the rules that choose among them, that host facts state line by line."""
    if facts is None:
        return ()
    try:
        return read(getattr(facts, key))
    except ValueError as problem:
        hint = "write each line as `ip route` and `ip rule` take it"
        raise InputError("bad-host-facts", str(problem), place=facts.place / key, hint=hint) from None


def _sidecar_metadata(proxy: Proxy | None) -> Mapping[str, Any] | None:
    """The node metadata of an Istio sidecar; None for anything else."""
    if proxy is None or not _is_sidecar(proxy):
        return None
    metadata = proxy.document.node_metadata
    return metadata.data if metadata is not None else {}


def _is_sidecar(proxy: Proxy) -> bool:
    """By its node id; where a partial dump names no node, by the listener only packet rules lead to."""
    if proxy.kind:
        return proxy.kind == "sidecar"
    return any(listener.name == ISTIO_OUTBOUND_LISTENER for listener in proxy.listeners.bound())


def _sockets(proxy: Proxy | None, facts: HostFacts | None, *, dns_captured: bool = False) -> SocketTable:
    """Who listens: the proxy's bound listeners and admin port, its agent's DNS, then what host facts state."""
    sockets: list[Socket] = []
    if proxy is not None:
        bound = proxy.listeners.bound()
        # a proxy needs a root's capabilities for transparent sockets; Istio gives it uid 0 for them and keeps the group
        uid = 0 if any(listener.transparent for listener in bound) else PROXY_ID
        for listener in bound:
            for ip, port in listener.addresses:
                v6only = (ip, port) not in listener.compat
                sockets.append(
                    _socket(ip, port, listener, transparent=listener.transparent, v6only=v6only, uid=uid, gid=PROXY_ID)
                )
        admin = _admin(proxy.document)
        if admin is not None:
            sockets.append(_socket(*admin, "admin", uid=uid, gid=PROXY_ID))
        if dns_captured:
            for protocol in ("tcp", "udp"):
                for ip in (LOOPBACK_V4, LOOPBACK_V6):
                    own = {"protocol": protocol, "uid": PROXY_ID, "gid": PROXY_ID}
                    sockets.append(_socket(ip, DNS_AGENT_PORT, "DNS of the agent", **own))
    for stated in facts.sockets if facts is not None else ():
        if proxy is not None and stated.process == PROXY_PROCESS:
            continue  # its bound listeners and admin port stand above
        sockets.append(
            _socket(
                stated.ip,
                stated.port,
                stated,
                transparent=stated.transparent,
                v6only=stated.v6only,
                protocol=stated.protocol,
                uid=APPLICATION_ID if stated.uid is None else stated.uid,
                gid=APPLICATION_ID if stated.gid is None else stated.gid,
            )
        )
    return SocketTable(tuple(sockets))


def _socket(ip: int, port: int, owner: object, **kept: Any) -> Socket:
    return Socket(ip=ip, port=port, owner=owner, name=format_endpoint(ip, port), **kept)


def _admin(document: ProxyDocument) -> tuple[int, int] | None:
    admin = document.bootstrap.view("admin") if document.bootstrap is not None else None
    address = admin.view("address") if admin is not None else None
    socket = address.view("socket_address") if address is not None else None
    if socket is None:
        return None
    ip = try_parse_ip(socket.text("address", "") or "")
    port = socket.integer("port_value", 0)
    return (ip, port) if ip is not None and port else None
