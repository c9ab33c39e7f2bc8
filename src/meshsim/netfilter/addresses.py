"""Which addresses a network namespace owns, and which interface a destination is routed to. Knows no rules."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..address import LOOPBACK_V6, V6_BIT, contains

Prefix = tuple[int, int]
"""(address, mask) as meshsim.address makes them; here the address may have host bits."""

LOOPBACK_DEVICE = "lo"
DEFAULT_DEVICE = "eth0"
"""The interface that is assumed where none is stated."""


@frozen(eq=False)
class Addresses:
    """The part of a namespace that routing, REDIRECT and `addrtype` ask."""

    interfaces: Mapping[str, tuple[Prefix, ...]] = field(factory=dict)
    """Device -> its addresses in the order `ip addr` lists them: the first of a family is the one REDIRECT uses."""
    local_prefixes: tuple[Prefix, ...] = ()
    """Prefixes that `local … dev lo` routes deliver here."""
    device: str = field(init=False)
    """Where everything leaves for which no interface has a prefix: the first that is not lo."""
    _own: frozenset[int] = field(init=False)
    _connected: tuple[tuple[int, int, str], ...] = field(init=False)

    @device.default
    def _first_device(self) -> str:
        return next((device for device in self.interfaces if device != LOOPBACK_DEVICE), DEFAULT_DEVICE)

    @_own.default
    def _own_addresses(self) -> frozenset[int]:
        return frozenset(ip for addresses in self.interfaces.values() for ip, _ in addresses)

    @_connected.default
    def _connected_prefixes(self) -> tuple[tuple[int, int, str], ...]:
        return tuple(
            sorted(
                (
                    (ip & mask, mask, device)
                    for device, addresses in self.interfaces.items()
                    if device not in (LOOPBACK_DEVICE, self.device)
                    for ip, mask in addresses
                ),
                key=lambda row: -row[1].bit_count(),
            )
        )

    def is_local(self, ip: int) -> bool:
        """Whether a packet to it is delivered in this namespace."""
        if ip in self._own:
            return True
        if ip < V6_BIT:
            if ip >> 24 == 127:
                return True
        elif ip == LOOPBACK_V6:
            return True
        if not self.local_prefixes:
            return False
        return any(contains((network & mask, mask), ip) for network, mask in self.local_prefixes)

    def primary(self, device: str, *, v6: bool) -> int | None:
        """The address REDIRECT gives to what arrives on the device; None where no such address is stated."""
        return next((ip for ip, _ in self.interfaces.get(device, ()) if (ip >= V6_BIT) is v6), None)

    def route(self, ip: int) -> str:
        """The device a packet to `ip` leaves by: lo when it is local."""
        if self.is_local(ip):
            return LOOPBACK_DEVICE
        for network, mask, device in self._connected:
            if ip & mask == network:
                return device
        return self.device
