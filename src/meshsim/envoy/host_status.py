"""Hosts as Envoy's /clusters shows them: the assignment of a cluster that no EDS entry describes, the health of others.

/clusters knows what an Envoy found out while it ran: failed checks, ejections, addresses of names. It shows neither the
endpoints' metadata nor the weights of localities. Flags as in envoyproxy/envoy source/server/admin/clusters_handler.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..config.view import View
from .endpoints import (
    HEALTH_STATES,
    Assignment,
    Endpoint,
    Locality,
    NameAddress,
    SocketAddress,
    compile_address,
    locality_name,
)

_FAILED = ("failed_active_health_check", "failed_outlier_check", "active_hc_timeout")
_EXCLUDED = ("pending_active_hc", "excluded_via_immediate_hc_fail")


def compile_cluster_status(view: View) -> Assignment:
    """A ClusterStatus as an assignment; a cluster without hosts has an empty one."""
    localities: dict[tuple[str, int], Locality] = {}
    for host in view.views("host_statuses"):
        stated = host.view("address")
        address = compile_address(stated) if stated is not None else None
        if address is None:
            continue
        key = (locality_name(host.view("locality")), host.integer("priority", 0))
        locality = localities.get(key)
        if locality is None:
            locality = localities[key] = Locality(
                name=key[0], place=host.place, priority=key[1], weight=0, socket_metadata={}
            )
        endpoint = Endpoint(
            name=str(address),
            place=host.place,
            address=address,
            hostname=host.text("hostname", ""),
            health=_health(host),
            weight=host.integer("weight", 1),
            locality=locality,
            metadata_stated=False,
        )
        locality.endpoints += (endpoint,)
        # What a control plane gives a locality unless told otherwise.
        locality.weight = (locality.weight or 0) + endpoint.weight
    name = view.text("eds_service_name") or view.text("name", "")
    return Assignment(name=name, place=view.place, localities=tuple(localities.values()), localities_weighed=False)


def _health(host: View) -> str:
    status = host.view("health_status")
    if status is None:
        return "HEALTHY"
    if any(status.boolean(flag, False) for flag in _EXCLUDED):
        return "DRAINING"
    if any(status.boolean(flag, False) for flag in _FAILED):
        return "UNHEALTHY"
    if status.boolean("failed_active_degraded_check", False):
        return "DEGRADED"
    return status.enum("eds_health_status", HEALTH_STATES, unnamed="UNKNOWN")


def with_health(assignment: Assignment, status: Assignment) -> Assignment:
    """An assignment whose hosts are as /clusters found them, where it found something wrong."""
    worse = {
        endpoint.name: endpoint.health for endpoint in status.endpoints if endpoint.health not in ("HEALTHY", "UNKNOWN")
    }
    if not any(endpoint.name in worse for endpoint in assignment.endpoints):
        return assignment
    return evolve(assignment, localities=tuple(_with_health(locality, worse) for locality in assignment.localities))


def _with_health(locality: Locality, worse: dict[str, str]) -> Locality:
    made = evolve(locality)
    made.endpoints = tuple(
        evolve(endpoint, locality=made, health=worse.get(endpoint.name, endpoint.health))
        for endpoint in locality.endpoints
    )
    return made


def described_by(found: Assignment, own: Assignment) -> Assignment:
    """Resolved hosts of a DNS cluster with the metadata of the name each was made of."""
    return evolve(found, localities=tuple(_described(locality, tuple(own.endpoints)) for locality in found.localities))


def _described(locality: Locality, named: Sequence[Endpoint]) -> Locality:
    made = evolve(locality)
    made.endpoints = tuple(_with_metadata(endpoint, named, made) for endpoint in locality.endpoints)
    return made


def _with_metadata(endpoint: Endpoint, named: Sequence[Endpoint], locality: Locality) -> Endpoint:
    source = named[0] if len(named) == 1 else next((one for one in named if _made_of(endpoint, one)), None)
    if source is None or endpoint.metadata_stated:
        return evolve(endpoint, locality=locality)
    return evolve(
        endpoint,
        locality=locality,
        socket_metadata=source.socket_metadata,
        lb_metadata=source.lb_metadata,
        metadata_stated=True,
    )


def _made_of(endpoint: Endpoint, named: Endpoint) -> bool:
    address, name = endpoint.address, named.address
    if not isinstance(address, SocketAddress):
        return False
    if isinstance(name, NameAddress):
        return (endpoint.hostname, address.port) == (name.host, name.port)
    return address == name
