"""Which logged hops are of which call: by the connection that opened each, as far as the log knows it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Hop = dict[str, Any]


def joined(hops: Sequence[Hop], sources: Iterable[str]) -> Iterator[list[Hop]]:
    """The hops of each call, in the order of the calls' own addresses."""
    left = list(hops)
    known = {(hop["upstream"]["local"], hop["endpoint"]) for hop in hops}
    for source in sources:
        mine: list[Hop] = []
        waiting = _from_port(left, _port(source))
        while waiting:
            hop = waiting.pop(0)
            mine.append(hop)
            if hop["endpoint"]:
                waiting = _opened_by(hop, left, known) + waiting
        yield mine


def _from_port(left: list[Hop], port: str) -> list[Hop]:
    return _taken(left, lambda each: _port(_peer(each)) == port)


def _opened_by(hop: Hop, left: list[Hop], known: set[tuple[str, str]]) -> list[Hop]:
    local, endpoint = hop["upstream"]["local"], hop["endpoint"]
    if local is None:
        # The log has no address of a connection whose handshake failed: calls are made one by one.
        there = (each for each in left if each["accepted_at"] == endpoint and (_peer(each), endpoint) not in known)
        first = next(there, None)
        return [] if first is None else _taken(left, lambda each: _ends(each) == _ends(first))
    exact = _taken(left, lambda each: _ends(each) == (local, endpoint))
    # Where the packet was redirected on its way, only the kernel's port for it can tell; others may get it later.
    return exact or _taken(left, lambda each: _peer(each) == local and each["original_destination"] == endpoint)


def _taken(left: list[Hop], wanted: Any) -> list[Hop]:
    found = [each for each in left if wanted(each)]
    left[:] = [each for each in left if not wanted(each)]
    return found


def _ends(hop: Hop) -> tuple[str, str]:
    return _peer(hop), hop["accepted_at"]


def _peer(hop: Hop) -> str:
    peer: str = hop["downstream"]["direct_remote"]
    return peer


def _port(address: str | None) -> str:
    return (address or "").rpartition(":")[2]
