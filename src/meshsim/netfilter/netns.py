"""A pod's network namespace: addresses and routes, rules of both families, sysctls, and who listens in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from ..address import V6_BIT
from .addresses import Addresses, Prefix
from .routing import Route, RoutingRule, of_family, parse_route, parse_routing_rule
from .rules import RuleSet
from .sockets import Socket, SocketTable

__all__ = ["Netns", "Socket", "SocketTable", "read_routes", "read_routing_rules"]


@frozen(eq=False)
class Netns:
    name: str
    interfaces: Mapping[str, tuple[Prefix, ...]] = field(factory=dict)
    """Device -> ((ip, mask), …) in the order `ip addr` prints; empty: an eth0 of unknown address. lo is implied."""
    rules_v4: RuleSet | None = None
    rules_v6: RuleSet | None = None
    local_prefixes: tuple[Prefix, ...] = ()
    sockets: SocketTable | None = None
    """None: nothing is known about who listens."""
    unreachable: tuple[Prefix, ...] = ()
    """Destinations that never answer. Packets to them leave all the same: this is for who asks what became of them."""
    forwarding_v4: bool = True
    """net.ipv4.ip_forward: a pod takes over the node's setting, and a Kubernetes node forwards."""
    forwarding_v6: bool = False
    routes: tuple[Route, ...] = ()
    routing_rules_v4: tuple[RoutingRule, ...] = ()
    routing_rules_v6: tuple[RoutingRule, ...] = ()
    sysctls: Mapping[str, str] = field(factory=dict)
    """As stated; the rest has the kernel's defaults, and forwarding the fields' above."""
    addresses: Addresses = field(init=False)
    _device_settings: Mapping[str, Mapping[str, int]] = field(init=False)
    """Name of a `net.ipv4.conf` setting -> device, or "all" -> its value; only those that are stated."""

    @addresses.default
    def _addresses(self) -> Addresses:
        return Addresses(
            self.interfaces, self.local_prefixes, self.routes, self.routing_rules_v4, self.routing_rules_v6
        )

    @_device_settings.default
    def _read_device_settings(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for key, value in self.sysctls.items():
            words = key.replace("/", ".").split(".")
            if words[:3] == ["net", "ipv4", "conf"] and len(words) > 4 and value.strip().isdigit():
                found.setdefault(words[-1], {})[".".join(words[3:-1])] = int(value)
        return found

    def allows(self, setting: str, device: str) -> bool:
        """Whether a setting such as route_localnet is on for all devices or for this one (linux IN_DEV_ORCONF)."""
        stated = self._device_settings.get(setting)
        return stated is not None and bool(stated.get("all") or stated.get(device))

    def reverse_path(self, device: str) -> int:
        """rp_filter: 0 off, 1 strict, 2 loose (linux IN_DEV_RPFILTER: the larger of all and the device)."""
        stated = self._device_settings.get("rp_filter")
        return 0 if stated is None else max(stated.get("all", 0), stated.get(device, 0))

    def forwards(self, device: str, *, v6: bool) -> bool:
        names = (
            ("net.ipv6.conf.all.forwarding",)
            if v6
            else (f"net.ipv4.conf.{device}.forwarding", "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
        )
        for name in names:
            if name in self.sysctls:
                return self.sysctls[name].strip() not in ("0", "")
        return self.forwarding_v6 if v6 else self.forwarding_v4

    def rules_for(self, ip: int) -> RuleSet | None:
        return self.rules_v6 if ip >= V6_BIT else self.rules_v4


def read_routes(lines: Iterable[str]) -> tuple[Route, ...]:
    """Both families' routes from lines as `ip route` prints them. ValueError names the line that is none."""
    lines = tuple(lines)
    return tuple(parse_route(line, v6=v6) for v6 in (False, True) for line in of_family(lines, v6=v6))


def read_routing_rules(lines: Iterable[str], *, v6: bool) -> tuple[RoutingRule, ...]:
    """One family's rules from lines as `ip rule` prints them. ValueError names the line that is none."""
    return tuple(parse_routing_rule(line, v6=v6) for line in of_family(lines, v6=v6))
