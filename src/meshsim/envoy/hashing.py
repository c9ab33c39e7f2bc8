"""Which of a cluster's hosts a hash falls on: RING_HASH's ring and MAGLEV's table, built as Envoy builds them.

Semantics of envoyproxy/envoy source/extensions/load_balancing_policies/{ring_hash,maglev}. The arithmetic is that of
doubles there and here, so that hosts whose weights do not divide the ring get the very same number of entries.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Protocol

from attrs import frozen
from xxhash import xxh64_intdigest

from .endpoints import Endpoint
from .murmur import murmur_hash_2

DEFAULT_MINIMUM_RING = 1024
DEFAULT_MAXIMUM_RING = 8 * 1024 * 1024
DEFAULT_TABLE = 65_537
MOST_ENTRIES = 1 << 18
"""A larger ring or table is not built here: it would cost seconds, and nobody reads it."""

_HASHES = 1 << 64

WeightedHost = tuple[Endpoint, float]


@frozen
class HashOptions:
    """What a cluster says about its ring or table."""

    minimum_ring: int = DEFAULT_MINIMUM_RING
    maximum_ring: int = DEFAULT_MAXIMUM_RING
    table: int = DEFAULT_TABLE
    murmur: bool = False
    by_hostname: bool = False
    balance_factor: int = 0
    """Percent of the average load that a host may have; 0: any."""

    def key(self, endpoint: Endpoint) -> str:
        """What stands for an endpoint: its own `hash_key`, its hostname or its address."""
        stated = endpoint.lb_metadata.get("hash_key")
        if isinstance(stated, str) and stated:
            return stated
        return endpoint.hostname if self.by_hostname else endpoint.name


DEFAULT_HASHING = HashOptions()


class HashTable(Protocol):
    """Hosts by hash."""

    shares: Mapping[Endpoint, int]
    """How much of all hashes each host gets."""

    def host(self, value: int, attempt: int = 0) -> Endpoint: ...


class Ring:
    """Hosts on a circle of hashes: the first at or after a value takes it."""

    def __init__(self, hosts: Sequence[WeightedHost], options: HashOptions) -> None:
        function = murmur_hash_2 if options.murmur else xxh64_intdigest
        entries: list[tuple[int, Endpoint]] = []
        made, wanted = 0.0, 0.0
        scale = _scale(hosts, options)
        for endpoint, weight in hosts:
            key = options.key(endpoint)
            wanted += scale * weight
            number = 0
            while made < wanted:
                entries.append((function(f"{key}_{number}".encode()), endpoint))
                number += 1
                made += 1
        entries.sort(key=lambda entry: entry[0])
        self.hashes = [value for value, _ in entries]
        self.hosts = [endpoint for _, endpoint in entries]
        self.shares = self._shares()

    def _shares(self) -> Mapping[Endpoint, int]:
        shares: dict[Endpoint, int] = {}
        before = self.hashes[-1] - _HASHES
        for value, endpoint in zip(self.hashes, self.hosts, strict=True):
            shares[endpoint] = shares.get(endpoint, 0) + value - before
            before = value
        return shares

    def host(self, value: int, attempt: int = 0) -> Endpoint:
        found = bisect_left(self.hashes, value)
        return self.hosts[((0 if found == len(self.hosts) else found) + attempt) % len(self.hosts)]


def _scale(hosts: Sequence[WeightedHost], options: HashOptions) -> float:
    """How many entries a host of weight 1 has: the lightest gets a whole number of them, ring size allowing."""
    least = min(weight for _, weight in hosts)
    return min(ceil(least * options.minimum_ring) / least, float(options.maximum_ring))


class Maglev:
    """A table of prime size that hosts fill in turn, each along its own permutation."""

    def __init__(self, hosts: Sequence[WeightedHost], options: HashOptions) -> None:
        size = options.table
        ordered = sorted(hosts, key=lambda host: options.key(host[0]).encode())
        keys = [options.key(endpoint).encode() for endpoint, _ in ordered]
        places = [xxh64_intdigest(key) % size for key in keys]
        steps = [xxh64_intdigest(key, 1) % (size - 1) + 1 for key in keys]
        most = max(weight for _, weight in hosts)
        targets = [0.0] * len(ordered)
        table: list[int] = [-1] * size
        filled, iteration = 0, 0
        while filled < size:
            iteration += 1
            for index, (_, weight) in enumerate(ordered):
                if filled == size:
                    break
                if iteration * weight < targets[index]:
                    continue
                targets[index] += most
                place, step = places[index], steps[index]
                while table[place] >= 0:
                    place = (place + step) % size
                table[place] = index
                places[index] = (place + step) % size
                filled += 1
        self.table = table
        self.hosts = [endpoint for endpoint, _ in ordered]
        self.shares: Mapping[Endpoint, int] = {}
        counts = [0] * len(ordered)
        for index in table:
            counts[index] += 1
        self.shares = dict(zip(self.hosts, counts, strict=True))

    def host(self, value: int, attempt: int = 0) -> Endpoint:
        if attempt:
            value ^= _HASHES - attempt
        return self.hosts[self.table[value % len(self.table)]]


_TABLES: dict[str, Callable[[Sequence[WeightedHost], HashOptions], HashTable]] = {"RING_HASH": Ring, "MAGLEV": Maglev}
HASHING = frozenset(_TABLES)
"""The policies that take a host by hash."""


def table_of(policy: str, hosts: Sequence[WeightedHost], options: HashOptions) -> HashTable | None:
    """None: nothing to choose from, or too large to be built here."""
    if not hosts:
        return None
    size = options.table if policy == "MAGLEV" else _scale(hosts, options)
    return None if size > MOST_ENTRIES else _TABLES[policy](hosts, options)


def normalised(groups: Sequence[tuple[float, Sequence[Endpoint]]]) -> list[WeightedHost]:
    """The hosts of groups (localities, or one of all) with their part of the whole."""
    total = sum(weight for weight, _ in groups)
    found: list[WeightedHost] = []
    for weight, hosts in groups:
        own = sum(endpoint.weight for endpoint in hosts)
        if weight:
            found += [(endpoint, endpoint.weight * (weight / total) / own) for endpoint in hosts]
    return found
