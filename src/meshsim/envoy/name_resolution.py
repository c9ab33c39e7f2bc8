"""DNS clusters: names of an assignment -> the hosts that Envoy makes of their addresses.

Semantics of envoyproxy/envoy source/extensions/clusters/{strict_dns,logical_dns}. Who answers for a name is told from
outside; a name that nobody resolved stays a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from ..address import format_endpoint, is_v6
from .endpoints import Assignment, Endpoint, Locality, NameAddress, SocketAddress

Names = Mapping[str, Sequence[int]]


def has_unresolved(assignment: Assignment, names: Names) -> bool:
    return any(
        isinstance(endpoint.address, NameAddress) and endpoint.address.host not in names
        for endpoint in assignment.endpoints
    )


def resolve_assignment(assignment: Assignment, names: Names, family: str, *, only_first: bool) -> Assignment:
    """Each address of each name becomes a host; with `only_first` (LOGICAL_DNS) only a name's first address."""
    return evolve(
        assignment,
        localities=tuple(_resolve_locality(entry, names, family, only_first) for entry in assignment.localities),
    )


def _resolve_locality(locality: Locality, names: Names, family: str, only_first: bool) -> Locality:
    made = evolve(locality)
    made.endpoints = tuple(
        evolve(host, locality=made)
        for endpoint in locality.endpoints
        for host in _hosts(endpoint, names, family, only_first)
    )
    return made


def _hosts(endpoint: Endpoint, names: Names, family: str, only_first: bool) -> Sequence[Endpoint]:
    """A DNS host without a stated hostname goes by the name that was resolved."""
    address = endpoint.address
    if isinstance(address, SocketAddress):
        literal = str(address).rpartition(":")[0].strip("[]")
        return (evolve(endpoint, hostname=endpoint.hostname or literal),)
    if not isinstance(address, NameAddress):
        return (endpoint,)
    answers = names.get(address.host)
    if answers is None:
        return (evolve(endpoint, hostname=endpoint.hostname or address.host),)
    used = of_family(answers, family)
    return [
        evolve(
            endpoint,
            name=format_endpoint(ip, address.port),
            address=SocketAddress(ip, address.port),
            hostname=endpoint.hostname or address.host,
        )
        for ip in (used[:1] if only_first else used)
    ]


def of_family(answers: Sequence[int], family: str) -> Sequence[int]:
    """The answers a dns_lookup_family uses; AUTO prefers IPv6."""
    v4 = [ip for ip in answers if not is_v6(ip)]
    v6 = [ip for ip in answers if is_v6(ip)]
    match family:
        case "V4_ONLY":
            return v4
        case "V6_ONLY":
            return v6
        case "V4_PREFERRED":
            return v4 or v6
        case "ALL":
            return tuple(answers)
    return v6 or v4
