"""Which address and port nat gives a connection out of what a rule allows. Knows no rules and no hooks.

Upstream: linux net/netfilter/nf_nat_core.c get_unique_tuple, find_best_ips_proto; there is no other connection.
"""

from __future__ import annotations

from attrs import frozen

from ..address import V6_BIT
from .conntrack import Ends

_U32 = 0xFFFFFFFF


@frozen
class NatRange:
    """What a rule allows. Both addresses None: the address stays. Ports None: the port stays."""

    first: int | None = None
    last: int | None = None
    ports: range | None = None
    base_port: int | None = None
    """The port that the first of `ports` stands for, where they are shifted as a whole."""
    random: bool = False
    persistent: bool = False

    def source(self, ends: Ends, zone: int = 0) -> tuple[int, int]:
        """The new source of a connection that now goes from and to `ends`."""
        if not self.random and self._has_address(ends.source) and self._has_port(ends.source_port):
            return ends.source, ends.source_port
        return self._address(ends, ends.source, zone), self._port(ends.source_port)

    def destination(self, ends: Ends, zone: int = 0) -> tuple[int, int]:
        return self._address(ends, ends.destination, zone), self._port(ends.destination_port)

    def _has_address(self, ip: int) -> bool:
        return self.first is None or self.last is None or self.first <= ip <= self.last

    def _has_port(self, port: int) -> bool:
        return self.ports is None or port in self.ports

    def _port(self, port: int) -> int:
        """Where the kernel draws a port by lot, the first one stands for any."""
        if self.ports is None:
            return port
        if self.base_port is not None:
            return self.ports.start + (port - self.base_port) % len(self.ports)
        return port if port in self.ports else self.ports.start

    def _address(self, ends: Ends, replaced: int, zone: int) -> int:
        if self.first is None or self.last is None:
            return replaced
        if self.first == self.last:
            return self.first
        v6 = self.first >= V6_BIT
        destination = _words(ends.destination)
        seed = 0 if self.persistent else destination[3 if v6 else 0] ^ zone
        spread = _jhash2(_words(ends.source), seed)
        first, last = _numbers(self.first), _numbers(self.last)
        chosen: list[int] = []
        free = False
        for at in range(4 if v6 else 1):
            low, distance = (0, _U32) if free else (first[at], last[at] - first[at] + 1 & _U32)
            chosen.append(low + (spread * distance >> 32) & _U32)
            free = free or chosen[at] != last[at]
            if not self.persistent:
                new = chosen[at] if replaced == ends.destination else _numbers(ends.destination)[at]
                spread ^= int.from_bytes(new.to_bytes(4, "big"), "little")
        if not v6:
            return chosen[0]
        return V6_BIT | int.from_bytes(b"".join(part.to_bytes(4, "big") for part in chosen), "big")


def _numbers(ip: int) -> tuple[int, ...]:
    """The address in pieces of 32 bits."""
    if ip < V6_BIT:
        return (ip,)
    return tuple(ip >> shift & _U32 for shift in (96, 64, 32, 0))


def _words(ip: int) -> tuple[int, int, int, int]:
    """The address as the four words a little-endian kernel reads in it."""
    raw = ip.to_bytes(4, "big").ljust(16, b"\0") if ip < V6_BIT else (ip ^ V6_BIT).to_bytes(16, "big")
    first, second, third, fourth = (int.from_bytes(raw[at : at + 4], "little") for at in (0, 4, 8, 12))
    return first, second, third, fourth


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _U32


def _jhash2(key: tuple[int, int, int, int], seed: int) -> int:
    """linux include/linux/jhash.h, for a key of four words."""
    a = b = c = 0xDEADBEEF + (len(key) << 2) + seed & _U32
    a, b, c = a + key[0] & _U32, b + key[1] & _U32, c + key[2] & _U32
    a = (a - c & _U32) ^ _rotated(c, 4)
    c = c + b & _U32
    b = (b - a & _U32) ^ _rotated(a, 6)
    a = a + c & _U32
    c = (c - b & _U32) ^ _rotated(b, 8)
    b = b + a & _U32
    a = (a - c & _U32) ^ _rotated(c, 16)
    c = c + b & _U32
    b = (b - a & _U32) ^ _rotated(a, 19)
    a = a + c & _U32
    c = (c - b & _U32) ^ _rotated(b, 4)
    b = b + a & _U32
    a = a + key[3] & _U32
    c = (c ^ b) - _rotated(b, 14) & _U32
    a = (a ^ c) - _rotated(c, 11) & _U32
    b = (b ^ a) - _rotated(a, 25) & _U32
    c = (c ^ b) - _rotated(b, 16) & _U32
    a = (a ^ c) - _rotated(c, 4) & _U32
    b = (b ^ a) - _rotated(a, 14) & _U32
    return (c ^ b) - _rotated(b, 24) & _U32
