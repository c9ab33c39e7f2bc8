"""Clusters that dial in plaintext a pod of the mesh which takes TLS alone: both sides are there, so they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...envoy.clusters import Cluster
from ...envoy.endpoints import Assignment, SocketAddress
from ...errors import Bug, MeshsimError
from ...explanation import Candidate, Decision
from ...facts.call import Call
from ...findings import Finding
from ...place import Place
from ...trace import trace
from ..check import Check
from .subject import Subject, readable


def find(subject: Subject) -> Iterator[Finding]:
    if len([pod for pod in subject.mesh.pods if pod.proxy is not None]) < 2:
        return
    for name in subject.document.clusters:
        cluster = readable(partial(subject.proxy.cluster, name))
        if cluster is None or not _dials_a_pod(subject, cluster):
            continue
        for decision in _on_arrival(subject, name):
            why = _refuses_plaintext(decision)
            if why is not None:
                yield subject.found(
                    "MS117", "cluster", name, cluster.place, server=decision.pod, chain=why, related=_places(decision)
                )
                break


def _dials_a_pod(subject: Subject, cluster: Cluster) -> bool:
    assignment = (
        readable(partial(subject.proxy.assignment, cluster.service_name))
        if cluster.discovery == "EDS"
        else cluster.assignment
    )
    return any(_is_other(subject, ip) for ip in _addresses(assignment))


def _addresses(assignment: Assignment | None) -> Iterator[int]:
    for each in assignment.endpoints if assignment is not None else ():
        if isinstance(each.address, SocketAddress):
            yield each.address.ip


def _is_other(subject: Subject, ip: int) -> bool:
    owner = subject.mesh.owner(ip)
    return owner is not None and owner is not subject.pod and owner.proxy is not None


def _on_arrival(subject: Subject, cluster: str) -> Iterator[Decision]:
    """What the proxy's own call to the cluster meets in the other pod, until a network filter has it."""
    try:
        decisions = trace(subject.mesh, Call(from_=subject.pod.name, cluster=cluster)).explain()
    except Bug:
        raise
    except MeshsimError:
        return
    for decision in decisions:
        if decision.stage == "network":
            return
        if decision.pod != subject.pod.name:
            yield decision


def _refuses_plaintext(decision: Decision) -> str | None:
    """The chain that wants TLS: it was chosen and ends the handshake, or only plaintext kept it from being chosen."""
    if decision.reason.code == "handshake.peer-speaks-plaintext":
        return str(decision.reason.fact("chain"))
    if decision.stage != "chain" or decision.chosen is not None:
        return None
    return next((each.label for each in decision.candidates if each.near_miss and _wants_tls(each)), None)


def _wants_tls(candidate: Candidate) -> bool:
    return any(
        each.what == "transport_protocol" and each.want == "tls" and each.seen == "raw_buffer"
        for each in candidate.checks
    )


def _places(decision: Decision) -> tuple[Place, ...]:
    """Where the chains of the other side stand."""
    places = (decision.reason.place, *(each.place for each in decision.candidates))
    return tuple(place for place in places if place is not None)[:1]


CHECK = Check(("MS117",), find)
