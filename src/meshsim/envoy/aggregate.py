"""Aggregate clusters: the priorities of several clusters, one cluster after the other, as if they were those of one.

Semantics of envoyproxy/envoy source/extensions/clusters/aggregate/cluster.cc: priorities without hosts are left out,
loads are reckoned over the whole list with the aggregate's own panic threshold, and the member that is taken picks
the host inside the priority that is taken, by its own policy.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from ..match.weighted import Weighted
from ..place import Place
from .clusters import Cluster
from .endpoints import Assignment
from .priorities import census_of
from .priority_loads import priority_loads


@define(eq=False)
class MemberPriority:
    """One priority of one member, or its degraded part."""

    name: str
    """The member's name and the priority in it: `first/0`, `first/0/degraded`."""
    place: Place
    cluster: Cluster
    priority: int
    degraded: bool
    load: int

    @property
    def only(self) -> tuple[int, bool]:
        return self.priority, self.degraded


def linearised(members: Sequence[tuple[Cluster, Assignment]], panic_threshold: int) -> Weighted[MemberPriority]:
    found = [
        (cluster, assignment, number, census)
        for cluster, assignment in members
        for number, census in enumerate(census_of(assignment))
        if census.hosts
    ]
    factors = [assignment.overprovisioning for _, assignment, _, _ in found]
    loads = priority_loads([census for *_, census in found], factors, panic_threshold)
    rows = [
        MemberPriority(f"{cluster.name}/{number}", assignment.place, cluster, number, degraded=False, load=load.healthy)
        for (cluster, assignment, number, _), load in zip(found, loads, strict=True)
    ]
    rows += [
        MemberPriority(
            f"{cluster.name}/{number}/degraded", assignment.place, cluster, number, degraded=True, load=load.degraded
        )
        for (cluster, assignment, number, _), load in zip(found, loads, strict=True)
        if load.degraded
    ]
    return Weighted("priority", rows, weight=lambda row: row.load, weight_field="load")


def takes_all(members: Sequence[tuple[Cluster, Assignment]]) -> bool:
    """Whether the healthy hosts of these leave nothing for members after them."""
    health = 0
    for _, assignment in members:
        for census in census_of(assignment):
            if census.counted:
                health += min(100, assignment.overprovisioning * census.healthy // census.counted)
    return health >= 100
