"""Who of a cluster's endpoints gets how much: health classes, priorities, panic, localities, weights.

Exact shares, as envoyproxy/envoy source/extensions/load_balancing_policies/common/load_balancer_impl.cc and
source/common/upstream/upstream_impl.cc reckon them (whole percents, integer division). What an Envoy learns while it
runs (ejections, connections in use, round robin's position) does not enter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import floor

from attrs import define, evolve, field, frozen

from ..match.condition import Condition
from ..match.weighted import Weighted
from ..place import Place
from ..reasons import Reason
from .endpoints import Assignment, Endpoint, Locality
from .hash_policy import HashPolicy
from .hashing import DEFAULT_HASHING, HASHING, HashOptions, HashTable, normalised, table_of
from .priority_loads import NOBODY, Census, Load, priority_loads
from .subsets import Members

HEALTHY = frozenset(("UNKNOWN", "HEALTHY"))
DEGRADED = frozenset(("DEGRADED",))
EXCLUDED = frozenset(("DRAINING",))
"""Not counted when a priority's health is reckoned; picked in panic all the same."""


@frozen
class Balancing:
    """The parts of a cluster's load balancing that decide who may be picked."""

    policy: str = "ROUND_ROBIN"
    panic_threshold: int = 50
    """Percent."""
    locality_weighted: bool = False
    fail_traffic_on_panic: bool = False
    hashing: HashOptions = DEFAULT_HASHING
    hash_policies: tuple[HashPolicy, ...] = ()
    """The load balancer's own, used instead of the route's."""


_EVEN = frozenset(("RANDOM", "CLIENT_SIDE_WEIGHTED_ROUND_ROBIN"))
"""Policies that read no load_balancing_weight of endpoints; the second goes by what endpoints report of themselves."""

EVERYBODY = Members(None)


@define(eq=False)
class LocalityShare:
    """One locality of a priority, where localities are weighted."""

    name: str
    place: Place
    weight: Fraction
    """load_balancing_weight x how much of the locality is eligible."""
    endpoints: Weighted[Endpoint]


@define(eq=False)
class PriorityShare:
    """One priority, or its degraded part, as a target of load."""

    name: str
    """`0`, or `0/degraded`."""
    place: Place
    priority: int
    load: int
    panic: bool
    endpoints: Weighted[Endpoint]
    """Everything eligible in it."""
    localities: Weighted[LocalityShare] | None
    """None: localities are not weighted here, endpoints are picked from all of them."""
    table: HashTable | None = None
    """Where endpoints are taken by hash; None: they are not, or there is at most one."""


@define(eq=False)
class LoadPlan:
    """One cluster's endpoints with their shares."""

    assignment: Assignment
    priorities: Weighted[PriorityShare]
    hosts: int
    """How many endpoints there are, usable or not."""
    hashed: bool = False
    """Priority and endpoint follow from one hash."""
    questions: Mapping[str, Reason] = field(factory=dict, init=False)
    """Kind of row -> what a draw among such rows decides; filled by who draws."""

    def by_hash(self, value: int) -> PriorityShare | None:
        """The priority on which a hash falls."""
        passed = 0
        for row in self.priorities.rows:
            passed += row.load
            if passed > value % 100:
                return row
        return None

    def shares(self) -> dict[Endpoint, Fraction]:
        """Each endpoint's part of the whole; empty when none can be picked."""
        found: dict[Endpoint, Fraction] = {}
        for priority, part in zip(self.priorities.eligible, self.priorities.shares, strict=True):
            groups: Iterable[tuple[Weighted[Endpoint], Fraction]] = ((priority.endpoints, Fraction(1)),)
            if priority.localities is not None:
                groups = tuple(
                    (locality.endpoints, share)
                    for locality, share in zip(priority.localities.eligible, priority.localities.shares, strict=True)
                )
            for endpoints, fraction in groups:
                for endpoint, share in zip(endpoints.eligible, endpoints.shares, strict=True):
                    found[endpoint] = found.get(endpoint, Fraction(0)) + part * fraction * share
        return found


def plan_load(
    assignment: Assignment,
    balancing: Balancing,
    member: Members = EVERYBODY,
    left_out: frozenset[int] = frozenset(),
    *,
    only: tuple[int, bool] | None = None,
    scales_weights: bool = False,
) -> LoadPlan:
    """The plan of an assignment; `member` is the subset that the call selects, `only` the one priority to be used.

    `left_out` are priorities that a retry keeps away from, while another one has anything usable.
    """
    by_priority = _by_priority(assignment)
    if member.only_first:
        return _first_of(assignment, member)
    conditions = () if member.condition is None else (member.condition,)
    planner = _Planner(assignment, balancing, conditions, scales_weights)
    census = tuple(planner.census(planner.members(localities)) for localities in by_priority)
    remaining = tuple(NOBODY if number in left_out else entry for number, entry in enumerate(census))
    if any(entry.healthy or entry.degraded for entry in remaining):
        census = remaining
    loads = priority_loads(census, assignment.overprovisioning, balancing.panic_threshold)
    if only is not None and balancing.policy not in HASHING:
        chosen, degraded = only
        loads = tuple(
            Load(100 * (number == chosen and not degraded), 100 * (number == chosen and degraded), load.panic)
            for number, load in enumerate(loads)
        )
    rows = [
        planner.priority(number, localities, load, degraded=False)
        for number, (localities, load) in enumerate(zip(by_priority, loads, strict=True))
    ]
    rows += [
        planner.priority(number, localities, load, degraded=True)
        for number, (localities, load) in enumerate(zip(by_priority, loads, strict=True))
        if load.degraded
    ]
    priorities = Weighted("priority", rows, weight=lambda row: row.load, weight_field="load")
    return LoadPlan(assignment, priorities, len(assignment.endpoints), balancing.policy in HASHING)


def _by_priority(assignment: Assignment) -> list[list[Locality]]:
    made: list[list[Locality]] = [[]]
    for locality in assignment.localities:
        while len(made) <= locality.priority:
            made.append([])
        made[locality.priority].append(locality)
    return [_merged(localities) for localities in made]


def _merged(localities: list[Locality]) -> list[Locality]:
    """Entries of one locality are one, with the weight that was stated last."""
    found: dict[str, Locality] = {}
    for each in localities:
        first = found.get(each.name)
        if first is not None:
            weight = first.weight if each.weight is None else each.weight
            each = evolve(first, weight=weight, endpoints=first.endpoints + each.endpoints)
        found[each.name] = each
    return list(found.values())


def census_of(assignment: Assignment) -> tuple[Census, ...]:
    """All hosts of each priority, P0 first."""
    planner = _Planner(assignment, Balancing(), (), scales_weights=False)
    return tuple(planner.census(planner.members(localities)) for localities in _by_priority(assignment))


def _first_of(assignment: Assignment, member: Members) -> LoadPlan:
    """single_host_per_subset: the first member of the first priority that has one, healthy or not."""
    assert member.condition is not None
    found = [endpoint for endpoint in assignment.endpoints if member.condition.holds(endpoint)]
    first = min(found, key=lambda each: each.locality.priority if each.locality is not None else 0)
    number = first.locality.priority if first.locality is not None else 0
    endpoints = Weighted(
        "endpoint",
        assignment.endpoints,
        weight=lambda endpoint: int(endpoint is first),
        weight_field="single_host_per_subset",
        conditions=(member.condition,),
    )
    row = PriorityShare(str(number), first.place, number, 100, panic=False, endpoints=endpoints, localities=None)
    rows = Weighted("priority", (row,), weight=lambda each: each.load, weight_field="load")
    return LoadPlan(assignment, rows, len(assignment.endpoints))


class _Planner:
    def __init__(
        self,
        assignment: Assignment,
        balancing: Balancing,
        member: tuple[Condition[Endpoint], ...],
        scales_weights: bool,
    ) -> None:
        self.assignment = assignment
        self.balancing = balancing
        self.member = member
        self.scales_weights = scales_weights

    def members(self, localities: Iterable[Locality]) -> list[Endpoint]:
        return [
            endpoint
            for locality in localities
            for endpoint in locality.endpoints
            if all(condition.holds(endpoint) for condition in self.member)
        ]

    def census(self, members: Sequence[Endpoint]) -> Census:
        counted = [endpoint for endpoint in members if endpoint.health not in EXCLUDED]
        healthy = [endpoint for endpoint in counted if endpoint.health in HEALTHY]
        degraded = [endpoint for endpoint in counted if endpoint.health in DEGRADED]
        size = _weights if self.assignment.weighted_health else len
        percent = Fraction(100 * (len(healthy) + len(degraded)), len(counted)) if counted else Fraction(0)
        return Census(len(members), size(counted), size(healthy), size(degraded), percent)

    def priority(self, number: int, localities: Sequence[Locality], load: Load, *, degraded: bool) -> PriorityShare:
        if self.balancing.policy in HASHING:
            return self.hashed(number, localities, load, degraded=degraded)
        if load.panic:
            conditions = (*self.member, _NO_PANIC_TRAFFIC) if self.balancing.fail_traffic_on_panic else self.member
        else:
            conditions = (*self.member, _IS_DEGRADED if degraded else _IS_HEALTHY)
        endpoints = [endpoint for locality in localities for endpoint in locality.endpoints]
        weighted: Weighted[LocalityShare] | None = None
        if self.balancing.locality_weighted and not load.panic:
            rows = [self.locality(locality, conditions) for locality in localities]
            weighted = Weighted("locality", rows, weight=lambda row: row.weight, weight_field="load_balancing_weight")
        return PriorityShare(
            name=f"{number}/degraded" if degraded else str(number),
            place=localities[0].place if localities else self.assignment.place,
            priority=number,
            load=load.degraded if degraded else load.healthy,
            panic=load.panic,
            endpoints=self.endpoints(endpoints, conditions),
            # envoy: where no locality has a weight left, all of the priority's eligible hosts are used.
            localities=weighted if weighted is not None and weighted.eligible else None,
        )

    def hashed(self, number: int, localities: Sequence[Locality], load: Load, *, degraded: bool) -> PriorityShare:
        """A ring or table holds the healthy hosts, in panic all; degraded ones are never in it."""
        conditions = self.member if load.panic else (*self.member, _IS_HEALTHY)
        groups: list[tuple[float, list[Endpoint]]] = []
        for locality in sorted(localities, key=_order) if self.balancing.locality_weighted else localities:
            members = [each for each in locality.endpoints if all(made.holds(each) for made in conditions)]
            groups.append((self.weight(locality), members))
        if not self.balancing.locality_weighted:
            groups = [(1.0, [each for _, members in groups for each in members])]
        hosts = normalised(groups)
        table = table_of(self.balancing.policy, hosts, self.balancing.hashing) if len(hosts) > 1 else None
        shares = {endpoint: Fraction(weight) for endpoint, weight in hosts}
        if table is not None:
            total = sum(table.shares.values())
            shares = {endpoint: Fraction(part, total) for endpoint, part in table.shares.items()}
        return PriorityShare(
            name=f"{number}/degraded" if degraded else str(number),
            place=localities[0].place if localities else self.assignment.place,
            priority=number,
            load=load.degraded if degraded else load.healthy,
            panic=load.panic,
            endpoints=Weighted(
                "endpoint",
                [endpoint for locality in localities for endpoint in locality.endpoints],
                weight=lambda endpoint: shares.get(endpoint, 0),
                weight_field="load_balancing_weight",
                conditions=conditions,
            ),
            localities=None,
            table=table,
        )

    def weight(self, locality: Locality) -> int:
        """load_balancing_weight, for a subset made smaller by the part of the locality that is in it."""
        weight = locality.weight or 0
        if not self.scales_weights or not locality.endpoints:
            return weight
        part = Fraction(weight * len(self.members((locality,))), len(locality.endpoints))
        return floor(part + Fraction(1, 2))

    def locality(self, locality: Locality, conditions: tuple[Condition[Endpoint], ...]) -> LocalityShare:
        endpoints = self.endpoints(locality.endpoints, conditions)
        counted = sum(endpoint.health not in EXCLUDED for endpoint in self.members((locality,)))
        weight = Fraction(0)
        stated = self.weight(locality)
        if counted and stated:
            eligible = Fraction(self.assignment.overprovisioning * len(endpoints.eligible), 100 * counted)
            weight = stated * min(Fraction(1), eligible)
        return LocalityShare(locality.name, locality.place, weight, endpoints)

    def endpoints(
        self, endpoints: Sequence[Endpoint], conditions: tuple[Condition[Endpoint], ...]
    ) -> Weighted[Endpoint]:
        weight = _evenly if self.balancing.policy in _EVEN else _stated_weight
        return Weighted(
            "endpoint", endpoints, weight=weight, weight_field="load_balancing_weight", conditions=conditions
        )


def _order(locality: Locality) -> list[str]:
    return locality.name.split("/")


def _weights(endpoints: Sequence[Endpoint]) -> int:
    return sum(endpoint.weight for endpoint in endpoints)


def _stated_weight(endpoint: Endpoint) -> int:
    return endpoint.weight


def _evenly(_endpoint: Endpoint) -> int:
    return 1


def _health_in(what: str, want: str, states: frozenset[str]) -> Condition[Endpoint]:
    test: Callable[[str], bool] = states.__contains__
    return Condition(what, want, lambda endpoint: endpoint.health, test)


_IS_HEALTHY = _health_in("health_status", "HEALTHY or UNKNOWN", HEALTHY)
_IS_DEGRADED = _health_in("health_status", "DEGRADED", DEGRADED)
_NO_PANIC_TRAFFIC: Condition[Endpoint] = Condition(
    "fail_traffic_on_panic", False, lambda _endpoint: True, lambda _seen: False
)
