"""Clusters that dial in plaintext a pod of the mesh which takes TLS alone: both sides are there, so they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ...envoy.clusters import Cluster
from ...envoy.endpoints import Assignment, SocketAddress
from ...errors import Bug, MeshsimError
from ...explanation import Decision
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
        for decision in _decisions(subject, name):
            why = _refuses_plaintext(decision)
            if why is not None and decision.pod != subject.pod.name:
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


def _decisions(subject: Subject, cluster: str) -> tuple[Decision, ...]:
    """Of the proxy's own call to the cluster."""
    try:
        return trace(subject.mesh, Call(from_=subject.pod.name, cluster=cluster)).explain()
    except Bug:
        raise
    except MeshsimError:
        return ()


def _refuses_plaintext(decision: Decision) -> str | None:
    """The chain that wants TLS: it was chosen and ends the handshake, or only plaintext kept it from being chosen."""
    if decision.reason.code == "handshake.peer-speaks-plaintext":
        return str(decision.reason.fact("chain"))
    if decision.stage != "chain" or decision.chosen is not None:
        return None
    near = (each for each in decision.candidates if each.near_miss and each.lost_at == "transport_protocol")
    return next((each.label for each in near), None)


def _places(decision: Decision) -> tuple[Place, ...]:
    """Where the chains of the other side stand."""
    places = (decision.reason.place, *(each.place for each in decision.candidates))
    return tuple(place for place in places if place is not None)[:1]


CHECK = Check(("MS117",), find)
