"""The same pod twice, once ruled by iptables and once by nftables, and packets to send through both."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from meshsim.address import ANY_V4, ANY_V6, V6_BIT, parse_ip
from meshsim.facts.packet import Packet
from meshsim.istio.interception import Interception
from meshsim.istio.iptables import ip_routes, ip_rules, saved_text
from meshsim.netfilter.explain import explain
from meshsim.netfilter.netns import Netns, Socket, SocketTable, read_routes, read_routing_rules
from meshsim.netfilter.nft_json import parse_nft_json
from meshsim.netfilter.passage import Passage
from meshsim.netfilter.rules import RuleSet
from meshsim.netfilter.save import parse_iptables_save
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import POD, POD_V6, prefix

SOCKETS = SocketTable(
    Socket(ip, port, v6only=True, transparent=port == 15006, protocol=protocol)
    for protocol in ("tcp", "udp")
    for ip in (ANY_V4, ANY_V6)
    for port in (8080, 15001, 15006, 15008, 15020, 15021, 15053)
)
DESTINATIONS = st.sampled_from([POD, "10.1.2.3", "10.9.0.1", "127.0.0.1", "127.1.2.3", "192.0.2.7", "10.96.0.10"])
DESTINATIONS_V6 = st.sampled_from([POD_V6, "::1", "2001:db8::5", "fd00::1", "fd00::a"])
PORTS = st.sampled_from([22, 53, 443, 8080, 9001, 15001, 15006, 15008, 15020, 15021])
IDS = st.sampled_from([0, 1000, 1337, 202])


@st.composite
def packets(draw: st.DrawFn) -> tuple[Packet, str]:
    """A first packet and its way."""
    v6, way = draw(st.booleans()), draw(st.sampled_from(["out", "in"]))
    destination = parse_ip(draw(DESTINATIONS_V6 if v6 else DESTINATIONS))
    protocol, port = draw(st.sampled_from(["tcp", "tcp", "udp"])), draw(PORTS)
    if way == "in":
        source = parse_ip("fd77::2" if v6 else "10.77.0.2")
        device = draw(st.sampled_from(["eth0", "net1"]))
        return Packet(protocol, source, 40000, destination, port, interface=device), way
    own = draw(st.sampled_from([POD_V6, "::6"] if v6 else [POD, "127.0.0.6"]))
    mark = draw(st.sampled_from([0, 0, 1337]))
    return Packet(protocol, parse_ip(own), 40000, destination, port, draw(IDS), draw(IDS), mark=mark), way


def _pod(v4: RuleSet | None, v6: RuleSet | None, wanted: Interception) -> Netns:
    lines = {family: [line for of, line in ip_rules(wanted) if of == family] for family in ("v4", "v6")}
    return Netns(
        "pod",
        {
            "lo": (prefix("127.0.0.1/8"), prefix("::1/128"), prefix("::6/128")),
            "eth0": (prefix(f"{POD}/24"), prefix(f"{POD_V6}/64")),
            "net1": (prefix("10.88.0.1/24"),),
        },
        rules_v4=v4,
        rules_v6=v6,
        sockets=SOCKETS,
        routes=read_routes(line for _, line in ip_routes(wanted)),
        routing_rules_v4=read_routing_rules(lines["v4"], v6=False),
        routing_rules_v6=read_routing_rules((f"v6:{line}" for line in lines["v6"]), v6=True),
    )


def by_iptables(wanted: Interception) -> Netns:
    v6 = saved_text(wanted, "v6")
    return _pod(
        parse_iptables_save(saved_text(wanted, "v4"), "rules.v4"),
        parse_iptables_save(v6, "rules.v6", "v6") if v6 else None,
        wanted,
    )


def by_nftables(wanted: Interception, data: Any) -> Netns:
    return _pod(parse_nft_json(data, "nft.json", "v4"), parse_nft_json(data, "nft.json", "v6"), wanted)


def ends_alike(one: Netns, other: Netns, packet: Packet, way: str) -> tuple[Passage, Passage]:
    """Both walks, after a check that each explains itself."""
    passages = (walk(one, packet, way), walk(other, packet, way))
    for netns, passage in zip((one, other), passages, strict=True):
        explain(netns, passage)
    return passages


def is_told_apart(wanted: Interception, packet: Packet) -> bool:
    """Whether the two notations mean different things: without IPv6 rules only nftables sees IPv6 packets at all."""
    return packet.destination >= V6_BIT and not wanted.ipv6
