"""Which addresses a network namespace owns, and where it sends a packet. Knows no packet rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from ..address import LOOPBACK_V4, LOOPBACK_V6, V6_BIT, contains, make_prefix
from .routing import LOCAL, MAIN, Flow, Route, Routing, RoutingRule

Prefix = tuple[int, int]
"""(address, mask) as meshsim.address makes them; here the address may have host bits."""

LOOPBACK_DEVICE = "lo"
DEFAULT_DEVICE = "eth0"
"""The interface that is assumed where none is stated."""

_ALL_V4 = make_prefix(0, 0)
_ALL_V6 = make_prefix(V6_BIT, 0)
_TO_ITSELF = Route("local", 0, 0, LOOPBACK_DEVICE, LOCAL)


@frozen(eq=False)
class Addresses:
    """The part of a namespace that routing, nat and `addrtype` ask."""

    interfaces: Mapping[str, tuple[Prefix, ...]] = field(factory=dict)
    """Device -> its addresses in the order `ip addr` lists them: the first of a family is the one REDIRECT uses."""
    local_prefixes: tuple[Prefix, ...] = ()
    """Prefixes that `local … dev lo` routes deliver here."""
    routes: tuple[Route, ...] = ()
    """What was stated besides the interfaces' own routes; with none in table main, a default route is assumed."""
    rules_v4: tuple[RoutingRule, ...] = ()
    rules_v6: tuple[RoutingRule, ...] = ()
    device: str = field(init=False)
    """Where everything leaves for which no interface has a prefix: the first that is not lo."""
    _own: frozenset[int] = field(init=False)
    _connected: tuple[Route, ...] = field(init=False)
    _default: Route = field(init=False)
    _routing_v4: Routing = field(init=False)
    _routing_v6: Routing = field(init=False)
    _stated: tuple[bool, bool] = field(init=False)
    """Whether any route or rule was stated, for IPv4 and for IPv6."""

    @device.default
    def _first_device(self) -> str:
        return next((device for device in self.interfaces if device != LOOPBACK_DEVICE), DEFAULT_DEVICE)

    @_own.default
    def _own_addresses(self) -> frozenset[int]:
        return frozenset(ip for addresses in self.interfaces.values() for ip, _ in addresses)

    @_connected.default
    def _connected_prefixes(self) -> tuple[Route, ...]:
        found = [
            Route("unicast", ip & mask, mask, device)
            for device, addresses in self.interfaces.items()
            if device != LOOPBACK_DEVICE
            for ip, mask in addresses
        ]
        return tuple(sorted(found, key=lambda route: -route.mask.bit_count()))

    @_default.default
    def _default_route(self) -> Route:
        return Route("unicast", 0, 0, self.device)

    @_routing_v4.default
    def _make_routing_v4(self) -> Routing:
        return self._routing(self.rules_v4, v6=False)

    @_routing_v6.default
    def _make_routing_v6(self) -> Routing:
        return self._routing(self.rules_v6, v6=True)

    @_stated.default
    def _anything_stated(self) -> tuple[bool, bool]:
        families = {route.network >= V6_BIT for route in self.routes}
        return False in families or bool(self.rules_v4), True in families or bool(self.rules_v6)

    def _routing(self, rules: tuple[RoutingRule, ...], *, v6: bool) -> Routing:
        stated = [route for route in self.routes if (route.network >= V6_BIT) is v6]
        routes = [*self._local_routes(v6=v6), *stated]
        routes += [route for route in self._connected if (route.network >= V6_BIT) is v6]
        if not any(route.table == MAIN and route.kind == "unicast" for route in stated):
            network, mask = _ALL_V6 if v6 else _ALL_V4
            routes.append(Route("unicast", network, mask, self.device, metric=1 << 31))
        return Routing(tuple(routes), rules)

    def _local_routes(self, *, v6: bool) -> Iterable[Route]:
        own_loopback = LOOPBACK_V6 if v6 else LOOPBACK_V4
        yield Route("local", *make_prefix(own_loopback, 128 if v6 else 8), LOOPBACK_DEVICE, LOCAL)
        for device, addresses in self.interfaces.items():
            for ip, _ in addresses:
                if (ip >= V6_BIT) is v6:
                    yield Route("local", *make_prefix(ip, 128), device, LOCAL)
        for network, mask in self.local_prefixes:
            if (network >= V6_BIT) is v6:
                yield Route("local", network & mask, mask, LOOPBACK_DEVICE, LOCAL)

    def routing(self, *, v6: bool) -> Routing | None:
        """What was stated; None where the interfaces tell all."""
        if not self._stated[v6]:
            return None
        return self._routing_v6 if v6 else self._routing_v4

    def is_local(self, ip: int) -> bool:
        """Whether the local table delivers a packet to it in this namespace."""
        if ip in self._own:
            return True
        v6 = ip >= V6_BIT
        if ip == LOOPBACK_V6 if v6 else ip >> 24 == 127:
            return True
        stated = self.routing(v6=v6)
        if stated is not None:
            route = stated.in_table(LOCAL, ip)
            return route is not None and route.kind == "local"
        return any(contains((network & mask, mask), ip) for network, mask in self.local_prefixes)

    def owns(self, ip: int) -> bool:
        """Whether an interface holds the address."""
        return ip in self._own or (ip == LOOPBACK_V6 if ip >= V6_BIT else ip == LOOPBACK_V4)

    def type_of(self, ip: int, device: str = "") -> str:
        """`addrtype`'s name for an address; with a device, LOCAL only where that device holds it.

        linux net/ipv4/fib_frontend.c __inet_dev_addr_type, net/ipv6/netfilter xt_addrtype match_lookup_rt6.
        """
        v6 = ip >= V6_BIT
        if (ip >> 120 & 0xFF == 0xFF) if v6 else 224 <= ip >> 24 <= 239:
            return "MULTICAST"
        if not v6 and (ip >> 24 == 0 or ip == 0xFFFFFFFF):
            return "BROADCAST"
        if self.is_local(ip):
            return "LOCAL" if not device or device == self._holder(ip) else "UNICAST"
        if not v6:
            if any(ip == (network & mask | ~mask & 0xFFFFFFFF) for network, mask in self._subnets(device)):
                return "BROADCAST"
            stated = self.routing(v6=False)
            if stated is not None and not stated.has_rules:
                # without rules of somebody's own the kernel keeps both tables as one
                route = stated.in_table(MAIN, ip)
                if route is not None and not device:
                    return route.kind.upper()
        return "UNICAST"

    def _subnets(self, device: str) -> Iterable[Prefix]:
        for name, addresses in self.interfaces.items():
            if not device or device == name:
                yield from (
                    (ip, mask) for ip, mask in addresses if ip < V6_BIT and (mask & 0xFFFFFFFF).bit_count() < 31
                )

    def _holder(self, ip: int) -> str:
        for device, addresses in self.interfaces.items():
            if any(ip == own for own, _ in addresses):
                return device
        return LOOPBACK_DEVICE

    def primary(self, device: str, *, v6: bool) -> int | None:
        """The address REDIRECT gives to what arrives on the device; None where no such address is stated."""
        return next((ip for ip, _ in self.interfaces.get(device, ()) if (ip >= V6_BIT) is v6), None)

    def route(self, flow: Flow) -> Route | None:
        """Where a packet goes: a `local` route means here; None means nowhere."""
        ip = flow.destination
        v6 = ip >= V6_BIT
        if flow.device or self._stated[v6]:
            return (self._routing_v6 if v6 else self._routing_v4).find(flow)
        return self.plain_route(ip)

    def plain_route(self, ip: int) -> Route:
        """The same where no route and no rule was stated."""
        if self.is_local(ip):
            return _TO_ITSELF
        for route in self._connected:
            if ip & route.mask == route.network:
                return route
        return self._default


def is_link_scoped(ip: int) -> bool:
    """An IPv6 address that means something on one link only: ::1 and fe80::/10."""
    return ip == LOOPBACK_V6 or (ip ^ V6_BIT) >> 118 == 0x3FA
