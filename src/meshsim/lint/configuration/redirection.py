"""Ports that the packet rules leave out, though a listener or filter chain is there for them: asked of the rules.

Only where the rules are known: those that had to be assumed say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...address import ANY_V4, ANY_V6, format_endpoint, is_v6, parse_ip
from ...envoy.endpoints import SocketAddress
from ...envoy.listeners import Listener
from ...errors import Bug, MeshsimError
from ...facts.call import Call
from ...findings import Finding
from ...report import NetfilterPassage
from ...trace import trace
from ..check import Check
from .subject import Subject

_ELSEWHERE = parse_ip("198.51.100.7")
_SAMPLES = 6
_LEFT_ALONE = ("socket", "refused", "wire")


def find(subject: Subject) -> Iterator[Finding]:
    pod = subject.pod
    if pod.netns.rules_v4 is None or any(reason.code == "hook.rules-assumed" for reason in pod.assumptions):
        return
    known = _known_addresses(subject)
    for listener in subject.listeners:
        if listener.addresses and not listener.bind_to_port and listener.traffic_direction == "OUTBOUND":
            left = _all_left_alone(subject, listener, known)
            if left is not None:
                yield subject.found(
                    "MS116",
                    "listener",
                    listener.name,
                    listener.place,
                    address=format_endpoint(*listener.addresses[0]),
                    rule=left.rules[-1] if left.rules else "none",
                )


def _known_addresses(subject: Subject) -> list[int]:
    """Addresses that calls are likely to have, of different networks: of listeners first."""
    found = [ip for each in subject.listeners for ip, _port in each.addresses if ip not in (ANY_V4, ANY_V6)]
    for name in subject.document.endpoints:
        try:
            assignment = subject.proxy.assignment(name)
        except MeshsimError:
            continue
        for each in assignment.endpoints if assignment is not None else ():
            if isinstance(each.address, SocketAddress):
                found.append(each.address.ip)
    networks = {ip >> 24: ip for ip in reversed(found) if not is_v6(ip) and ip >> 24 != 127}
    return [*networks.values()][:_SAMPLES]


def _all_left_alone(subject: Subject, listener: Listener, known: list[int]) -> NetfilterPassage | None:
    """The first of its destinations, where the rules redirect none."""
    left: NetfilterPassage | None = None
    for ip, port in listener.addresses:
        if port == 0 or is_v6(ip):
            return None
        for destination in (*known, _ELSEWHERE) if ip == ANY_V4 else (ip,):
            passage = _passage(subject, format_endpoint(destination, port))
            if passage is None or passage.to_hop is not None or passage.result not in _LEFT_ALONE:
                return None
            left = left or passage
    return left


def _passage(subject: Subject, destination: str) -> NetfilterPassage | None:
    """How the rules treat an application's first packet there."""
    try:
        call = Call(from_=subject.pod.name, destination=destination, protocol="tcp", payload="x")
        return next(iter(trace(subject.mesh, call).netfilter), None)
    except Bug:
        raise
    except MeshsimError:
        return None


CHECK = Check(("MS116",), find)
