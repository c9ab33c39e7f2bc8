"""Ports where the server speaks first, behind listener filters that wait for the client's first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...envoy.chains import FilterChain
from ...envoy.listener_filters import seconds
from ...envoy.listeners import Listener
from ...envoy.network_filters.base import NetworkFilter
from ...findings import Finding
from ..check import Check
from .subject import Subject, chains_of, listener_filters_of, readable

SERVER_FIRST = {
    21: "FTP",
    22: "SSH",
    25: "SMTP",
    110: "POP3",
    119: "NNTP",
    143: "IMAP",
    587: "SMTP",
    3306: "MySQL",
    5900: "VNC",
    33060: "MySQL X",
}
"""Protocols whose client waits for the server's greeting, by the port they are known for."""
_WAIT = ("tls_inspector", "http_inspector")


def find(subject: Subject) -> Iterator[Finding]:
    for listener in subject.listeners:
        filters = listener_filters_of(listener)
        if filters is None or not _takes_raw_bytes(listener):
            continue
        for port in sorted({port for _ip, port in listener.addresses} & SERVER_FIRST.keys()):
            waiting = [
                each.kind
                for each in filters.filters
                if each.kind in _WAIT and not (each.disabled is not None and each.disabled(port))
            ]
            if waiting:
                yield subject.found(
                    "MS118",
                    "listener",
                    listener.name,
                    listener.place,
                    port=port,
                    protocol=SERVER_FIRST[port],
                    inspectors=waiting,
                    timeout=seconds(filters.timeout_ms) if filters.timeout_ms else "for ever",
                )


def _takes_raw_bytes(listener: Listener) -> bool:
    """Whether a chain of plain bytes is there, which such a server would be called through."""
    return any(each.kind == "tcp" for chain in chains_of(listener) for each in readable(partial(_filters, chain)) or ())


def _filters(chain: FilterChain) -> tuple[NetworkFilter, ...]:
    return chain.filters if readable(lambda: chain.tls) is None else ()


CHECK = Check(("MS118",), find)
