"""Listeners without a socket of their own, where no listener hands connections on."""

from __future__ import annotations

from collections.abc import Iterator

from ...address import format_endpoint
from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.whole("listeners", "bootstrap"):
        return
    listeners = subject.listeners
    if any(listener.use_original_dst for listener in listeners) or subject.proxy.listeners.unreadable:
        return
    for listener in listeners:
        if listener.addresses and not listener.bind_to_port:
            address = format_endpoint(*listener.addresses[0])
            yield subject.found("MS111", "listener", listener.name, listener.place, address=address)


CHECK = Check(("MS111",), find)
