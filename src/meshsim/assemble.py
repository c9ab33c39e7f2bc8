"""From what was read to a Mesh: pods with their addresses, rules, sockets and proxies.

`netfilter`, `envoy` and `istio` meet here (and in `mesh`), so that they need not know one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from .address import V6_BIT, format_endpoint, make_prefix, parse_ip, try_parse_ip
from .config.capture import PodDocuments, RulesText
from .config.config_dump import ProxyDocument
from .config.host_facts import HostFacts
from .envoy.proxy import Proxy
from .istio.iptables import default_sidecar_rules
from .mesh import Mesh, Pod
from .netfilter.netns import Netns, Socket, SocketTable
from .netfilter.rules import RuleSet
from .netfilter.save import parse_iptables_save
from .place import Place
from .reasons import Reason, because

ASSUMED_ADDRESSES = (parse_ip("192.0.2.2"), parse_ip("2001:db8::2"))
"""Documentation addresses for a host whose addresses no input names."""

ISTIO_OUTBOUND_LISTENER = "virtualOutbound"
DEFAULT_RULES_DOCUMENT = "default sidecar rules"


def assemble(
    pods: Sequence[PodDocuments],
    stages: Mapping[type, Any],
    *,
    demo: bool = False,
    locate: Callable[[Place], Place] | None = None,
) -> Mesh:
    """The mesh of these pods. InputError for rules that cannot be read."""
    made = tuple(assemble_pod(pod) for pod in pods)
    if locate is None:
        return Mesh(made, stages, demo=demo)
    return Mesh(made, stages, demo=demo, locate=locate)


def assemble_pod(documents: PodDocuments) -> Pod:
    proxy = None
    if documents.proxy is not None:
        proxy = Proxy(documents.proxy, documents.proxy.node_id)
    facts = documents.host
    addresses = _addresses(facts, proxy)
    rules_v4, rules_v6, assumptions = _rules(documents, proxy)
    interfaces = _interfaces(facts, addresses or ASSUMED_ADDRESSES)
    return Pod(
        name=documents.name,
        addresses=addresses or ASSUMED_ADDRESSES,
        addresses_stated=bool(addresses),
        netns=Netns(
            name=documents.name,
            interfaces=interfaces,
            rules_v4=rules_v4,
            rules_v6=rules_v6,
            local_prefixes=facts.local_prefixes if facts is not None else (),
            sockets=_sockets(proxy, facts),
            unreachable=facts.unreachable if facts is not None else (),
            forwarding_v4=facts is None or facts.sysctls.get("net.ipv4.ip_forward", "1") != "0",
        ),
        proxy=proxy,
        facts=facts,
        assumptions=assumptions,
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


def _rules(documents: PodDocuments, proxy: Proxy | None) -> tuple[RuleSet | None, RuleSet | None, tuple[Reason, ...]]:
    """The pod's own rules; an Istio sidecar without a rules file is assumed to have the default ones."""
    v4 = _parsed(documents.rules_v4, "v4")
    v6 = _parsed(documents.rules_v6, "v6")
    if v4 is None and v6 is None and proxy is not None and _is_sidecar(proxy):
        v4 = parse_iptables_save(default_sidecar_rules(), DEFAULT_RULES_DOCUMENT)
        return v4, None, (because("hook.rules-assumed", pod=documents.name),)
    return v4, v6, ()


def _is_sidecar(proxy: Proxy) -> bool:
    """By its node id; where a partial dump names no node, by the listener only packet rules lead to."""
    if proxy.kind:
        return proxy.kind == "sidecar"
    return any(listener.name == ISTIO_OUTBOUND_LISTENER for listener in proxy.listeners.bound())


def _parsed(rules: RulesText | None, family: Literal["v4", "v6"]) -> RuleSet | None:
    return parse_iptables_save(rules.text, rules.name, family) if rules is not None else None


def _sockets(proxy: Proxy | None, facts: HostFacts | None) -> SocketTable:
    """Who listens: the proxy's bound listeners and admin port, then what host facts state."""
    sockets: list[Socket] = []
    if proxy is not None:
        for listener in proxy.listeners.bound():
            for ip, port in listener.addresses:
                v6only = (ip, port) not in listener.compat
                sockets.append(_socket(ip, port, listener, transparent=listener.transparent, v6only=v6only))
        admin = _admin(proxy.document)
        if admin is not None:
            sockets.append(_socket(*admin, "admin"))
    for stated in facts.sockets if facts is not None else ():
        sockets.append(
            _socket(
                stated.ip,
                stated.port,
                stated,
                transparent=stated.transparent,
                v6only=stated.v6only,
                protocol=stated.protocol,
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
