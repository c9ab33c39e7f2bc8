"""Pins that the next rollout, push or connection breaks: generated names, versions, pod addresses, client ports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...findings import Finding
from ..check import Check
from .subject import Pin, Subject, pins

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes names of (kubernetes/apimachinery pkg/util/rand): nothing that reads as a word."""
_GENERATED = re.compile(
    rf"-[{_SAFE}]{{6,10}}-[{_SAFE}]{{5}}(?![a-z0-9])|\b[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b"
)
_EPHEMERAL = range(32768, 61000)
"""linux net.ipv4.ip_local_port_range by default."""
_OF_CLIENTS = ("source", "remote", "direct_remote")


def find(subject: Subject) -> Iterator[Finding]:
    told = set()
    for pin in pins(subject):
        code = next((code for code, is_one in _KINDS.items() if is_one(subject, pin)), None)
        if code is not None and (code, pin.case.key, pin.value) not in told:
            told.add((code, pin.case.key, pin.value))
            yield subject.of_test(code, pin.case, field=pin.field, value=pin.value)
    for key, cases in subject.tests:
        for field, value in {each for case in cases for each in _asked(case.call)}:
            if _GENERATED.search(value) and ("MS204", key, value) not in told:
                yield subject.of_test("MS204", cases[0], field=f"call.{field}", value=value)


def _asked(call: Any) -> list[tuple[str, str]]:
    return [(name, text) for name, text in (("from", call.from_), ("pod", call.pod)) if text]


def _generated(_subject: Subject, pin: Pin) -> bool:
    return _GENERATED.search(pin.value) is not None


def _version(_subject: Subject, pin: Pin) -> bool:
    return pin.field.endswith("config_version")


def _client_port(_subject: Subject, pin: Pin) -> bool:
    if pin.field.rpartition(".")[2] not in _OF_CLIENTS:
        return False
    port = pin.value.rpartition(":")[2]
    stated = (pin.case.call.source or "").rpartition(":")[2] or "40000"
    return port.isdecimal() and port != stated and int(port[:6]) in _EPHEMERAL


def _pod_address(subject: Subject, pin: Pin) -> bool:
    if pin.field.rpartition(".")[2] not in ("endpoint", "destination") or pin.value == pin.case.call.destination:
        return False
    return pin.value in subject.pod_addresses(pin.case.mesh)


_KINDS: Mapping[str, Callable[[Subject, Pin], bool]] = {
    "MS204": _generated,
    "MS205": _version,
    "MS206": _pod_address,
    "MS207": _client_port,
}

CHECK = Check(tuple(_KINDS), find)
