"""A cluster's load balancing as configured: lb_policy with its options, or load_balancing_policy, in one form.

Envoy turns the old fields into the new ones before it uses either; so does this. Semantics of envoyproxy/envoy
source/common/upstream/upstream_impl.cc and source/extensions/load_balancing_policies/*/config.h.
"""

from __future__ import annotations

from math import floor

from attrs import evolve, frozen

from ..config.view import View
from ..errors import Rejected
from ..reasons import Reason, because
from .hash_policy import compile_hash_policies
from .hashing import DEFAULT_MAXIMUM_RING, DEFAULT_MINIMUM_RING, DEFAULT_TABLE, HashOptions
from .host_override import HostOverride, compile_host_override
from .priorities import Balancing
from .subsets import Subsets, compile_subsets
from .unmodelled import unmodelled_fields

_LB_POLICIES = (
    "ROUND_ROBIN",
    "LEAST_REQUEST",
    "RING_HASH",
    "RANDOM",
    "ORIGINAL_DST_LB",
    "MAGLEV",
    "CLUSTER_PROVIDED",
    "LOAD_BALANCING_POLICY_CONFIG",
)
_TYPED = "envoy.extensions.load_balancing_policies."
_TYPED_POLICIES = {
    "RoundRobin": "ROUND_ROBIN",
    "LeastRequest": "LEAST_REQUEST",
    "Random": "RANDOM",
    "RingHash": "RING_HASH",
    "Maglev": "MAGLEV",
    "ClusterProvided": "CLUSTER_PROVIDED",
    "ClientSideWeightedRoundRobin": "CLIENT_SIDE_WEIGHTED_ROUND_ROBIN",
}
_HASH_FUNCTIONS = ("DEFAULT_HASH", "XX_HASH", "MURMUR_HASH_2")
_OLD_HASH_FUNCTIONS = ("XX_HASH", "MURMUR_HASH_2")
_ONLY_UNDER_WRR = "ClientSideWeightedRoundRobin"
LARGEST_TABLE = 5_000_011
_DEEPEST = 16
"""Policies within policies."""


@frozen(eq=False)
class LoadBalancing:
    balancing: Balancing
    kind: str = ""
    """Which policy was meant, of those that load_balancing_policy knows."""
    subsets: Subsets | None = None
    override: HostOverride | None = None
    doubts: tuple[Reason, ...] = ()


def compile_load_balancing(cluster: View, name: str) -> LoadBalancing:
    common = cluster.view("common_lb_config")
    threshold = common.view("healthy_panic_threshold") if common is not None else None
    # protobuf's percent, rounded as Envoy does: half away from zero.
    percent = 50 if threshold is None else min(100, floor(threshold.number("value", 0) + 0.5))
    typed = cluster.view("load_balancing_policy")
    if typed is not None:
        found = _typed(typed, name, 0)
        return evolve(found, balancing=evolve(found.balancing, panic_threshold=percent))
    policy = cluster.enum("lb_policy", _LB_POLICIES)
    zone_aware = common.view("zone_aware_lb_config") if common is not None else None
    subset = cluster.view("lb_subset_config")
    subsets = None if subset is None or policy == "CLUSTER_PROVIDED" else compile_subsets(subset, name)
    return LoadBalancing(
        Balancing(
            policy=policy,
            panic_threshold=percent,
            locality_weighted=common is not None and common.has("locality_weighted_lb_config"),
            fail_traffic_on_panic=zone_aware is not None and zone_aware.boolean("fail_traffic_on_panic", False),
            hashing=_hash_options(
                cluster.view(_OPTIONS.get(policy, "")),
                common.view("consistent_hashing_lb_config") if common is not None else None,
                _OLD_HASH_FUNCTIONS,
            ),
        ),
        subsets=subsets,
        doubts=subsets.doubts if subsets is not None else (),
    )


_OPTIONS = {"RING_HASH": "ring_hash_lb_config", "MAGLEV": "maglev_lb_config"}


def _hash_options(view: View | None, common: View | None, functions: tuple[str, ...]) -> HashOptions:
    if view is None and common is None:
        return HashOptions()
    minimum, maximum, table, murmur = DEFAULT_MINIMUM_RING, DEFAULT_MAXIMUM_RING, DEFAULT_TABLE, False
    by_hostname, factor = False, 0
    if view is not None:
        minimum = view.integer("minimum_ring_size", DEFAULT_MINIMUM_RING)
        maximum = view.integer("maximum_ring_size", DEFAULT_MAXIMUM_RING)
        table = view.integer("table_size", DEFAULT_TABLE)
        murmur = view.enum("hash_function", functions, unnamed="XX_HASH") == "MURMUR_HASH_2"
        if minimum > maximum:
            raise Rejected(
                "ring-size",
                f"minimum_ring_size {minimum} is more than maximum_ring_size {maximum}",
                place=view.place,
                hint="lower the minimum; Envoy refuses this cluster too",
            )
        if max(minimum, maximum) > DEFAULT_MAXIMUM_RING:
            raise Rejected(
                "ring-size",
                f"a ring holds at most {DEFAULT_MAXIMUM_RING} entries",
                place=view.place,
                hint="lower its sizes; Envoy refuses this cluster too",
            )
        if table > LARGEST_TABLE or not _is_prime(table):
            raise Rejected(
                "maglev-table-size",
                f"table_size {table} is not a prime number of at most {LARGEST_TABLE}",
                place=view.place,
                hint=f"leave it out for {DEFAULT_TABLE}; Envoy refuses this cluster too",
            )
    for each in (view, common):
        if each is not None:
            by_hostname = each.boolean("use_hostname_for_hashing", by_hostname)
            factor = each.integer("hash_balance_factor", factor)
    return HashOptions(minimum, maximum, table, murmur, by_hostname, factor)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % each for each in range(2, int(number**0.5) + 1))


def _typed(view: View, name: str, depth: int) -> LoadBalancing:
    """The first entry of a type that Envoy knows."""
    unknown = ""
    for entry in view.views("policies"):
        config = entry.view("typed_extension_config")
        typed = config.any("typed_config") if config is not None else None
        if config is None or typed is None:
            continue
        kind = typed.type_name.rpartition(".")[2]
        if kind in _NESTING and depth < _DEEPEST:
            return _NESTING[kind](typed.view, name, depth + 1)
        if kind in _TYPED_POLICIES and typed.type_name.startswith(_TYPED):
            return evolve(_plain(typed.view, _TYPED_POLICIES[kind]), kind=kind)
        unknown = unknown or kind
    field = f"load_balancing_policy {unknown}".rstrip()
    doubt = because("config.field-not-modelled", view.place, field=field, resource=name)
    return LoadBalancing(Balancing(policy=unknown), doubts=(doubt,))


def _plain(view: View, policy: str) -> LoadBalancing:
    locality = view.view("locality_lb_config")
    zone_aware = locality.view("zone_aware_lb_config") if locality is not None else None
    consistent = view.view("consistent_hashing_lb_config")
    weighted = view if locality is None else locality
    return LoadBalancing(
        Balancing(
            policy=policy,
            locality_weighted=weighted.has("locality_weighted_lb_config"),
            fail_traffic_on_panic=zone_aware is not None and zone_aware.boolean("fail_traffic_on_panic", False),
            hashing=_hash_options(view, consistent, _HASH_FUNCTIONS),
            hash_policies=() if consistent is None else compile_hash_policies(consistent.views("hash_policy")),
        )
    )


def _wrr_locality(view: View, name: str, depth: int) -> LoadBalancing:
    below = _below(view, "endpoint_picking_policy", name, depth)
    if below.kind != _ONLY_UNDER_WRR:
        raise Rejected(
            "wrr-locality",
            "WrrLocality picks endpoints by ClientSideWeightedRoundRobin only",
            place=view.place,
            hint="name that policy in endpoint_picking_policy; Envoy refuses this cluster too",
        )
    return evolve(below, balancing=evolve(below.balancing, locality_weighted=True))


def _subset(view: View, name: str, depth: int) -> LoadBalancing:
    below = _below(view, "subset_lb_policy", name, depth)
    subsets = compile_subsets(view, name)
    doubts = subsets.doubts if subsets is not None else ()
    return evolve(below, subsets=subsets, doubts=below.doubts + doubts)


def _override_host(view: View, name: str, depth: int) -> LoadBalancing:
    below = _below(view, "fallback_policy", name, depth)
    doubts = unmodelled_fields(view, frozenset(("fallback_policy", "override_host_sources")), name)
    return evolve(below, override=compile_host_override(view), doubts=below.doubts + doubts)


def _below(view: View, key: str, name: str, depth: int) -> LoadBalancing:
    policy = view.view(key)
    return LoadBalancing(Balancing()) if policy is None else _typed(policy, name, depth)


_NESTING = {"WrrLocality": _wrr_locality, "Subset": _subset, "OverrideHost": _override_host}
"""Policies that hold another one."""
