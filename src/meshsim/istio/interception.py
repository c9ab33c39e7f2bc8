"""What of a pod's traffic Istio captures, and how: the decisions behind its packet rules, once flags are read.

Values only: no flag names, no rules. Ports, users and interfaces are text, as the rules write them.
"""

from __future__ import annotations

from attrs import frozen

from ..address import LOOPBACK_V6, V6_BIT, parse_ip

OUTBOUND_PORT = "15001"
INBOUND_PORT = "15006"
TUNNEL_PORT = "15008"
DNS_PORT = "15053"
PROXY_ID = "1337"
TPROXY_MARK = "1337"
TPROXY_ROUTE_TABLE = "133"
LOOPBACK = "127.0.0.1/32"
LOOPBACK_IPV6 = "::1/128"

Family = str
"""v4 or v6."""
FAMILIES: tuple[Family, ...] = ("v4", "v6")


@frozen
class Ranges:
    """Addresses by prefix: everything, or those of two lists."""

    everything: bool = False
    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()

    def of(self, family: Family) -> tuple[str, ...]:
        return self.v4 if family == "v4" else self.v6

    def both(self) -> tuple[tuple[Family, str], ...]:
        """IPv4 first."""
        return (*(("v4", prefix) for prefix in self.v4), *(("v6", prefix) for prefix in self.v6))

    def holds_loopback(self) -> bool:
        return any(_is_loopback(prefix) for prefix in (*self.v4, *self.v6))


def _is_loopback(prefix: str) -> bool:
    ip = parse_ip(prefix.partition("/")[0])
    return ip == LOOPBACK_V6 if ip >= V6_BIT else ip >> 24 == 127


@frozen
class Interception:
    """The defaults are those of istio-iptables without a flag: nothing is captured but what names a port."""

    outbound_port: str = OUTBOUND_PORT
    inbound_port: str = INBOUND_PORT
    tunnel_port: str = TUNNEL_PORT
    proxy_uids: tuple[str, ...] = (PROXY_ID,)
    proxy_gids: tuple[str, ...] = (PROXY_ID,)
    tproxy: bool = False
    tproxy_mark: str = TPROXY_MARK
    tproxy_route_table: str = TPROXY_ROUTE_TABLE
    inbound_all: bool = False
    inbound_ports: tuple[str, ...] = ()
    inbound_excluded_ports: tuple[str, ...] = ()
    """Honoured only where all inbound ports are captured."""
    outbound: Ranges = Ranges()
    outbound_excluded: Ranges = Ranges()
    outbound_ports: tuple[str, ...] = ()
    outbound_excluded_ports: tuple[str, ...] = ()
    excluded_interfaces: tuple[str, ...] = ()
    virtual_interfaces: tuple[str, ...] = ()
    """What enters here is treated as outbound."""
    redirect_dns: bool = False
    capture_all_dns: bool = False
    dns_servers: Ranges = Ranges()
    """The resolvers of the pod, as addresses without a length."""
    drop_invalid: bool = False
    owner_groups: tuple[str, ...] | None = None
    """Only these groups are captured; None: all."""
    excluded_owner_groups: tuple[str, ...] = ()
    loopback: str = LOOPBACK
    ipv6: bool = False
    """Whether IPv6 rules are written too; IPv4 rules always are."""
    ambient: bool = False
    """The rules of a pod whose traffic ztunnel takes, instead of a sidecar's."""
    ambient_ingress: bool = False
    """An ambient pod that bypasses inbound capture."""
    ambient_host: bool = False
    """The rule of an ambient node itself, in its own namespace."""
    old: bool = False
    """As Istio 1.7 wrote them."""

    @property
    def families(self) -> tuple[Family, ...]:
        return FAMILIES if self.ipv6 else FAMILIES[:1]

    @property
    def captures_inbound(self) -> bool:
        return self.inbound_all or bool(self.inbound_ports)

    @property
    def captures_dns(self) -> bool:
        """Without a resolver to name and without capturing all, no DNS rule is written."""
        return self.redirect_dns and (self.capture_all_dns or bool(self.dns_servers.both()))

    def loopback_of(self, family: Family) -> str:
        return self.loopback if family == "v4" else LOOPBACK_IPV6
