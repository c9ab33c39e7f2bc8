"""How often each endpoint is taken: health, priorities, panic, localities, weights and policies, a hundred calls each.

`tests.truth.test_shares` holds the counts against the exact shares.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._balanced import Case, cluster, host, hosts, setting
from tests.truth.setting import Setting

CALLS = 100
TYPES = "type.googleapis.com/envoy.extensions.load_balancing_policies."
ZONES = (
    hosts(1, locality={"zone": "a"}, load_balancing_weight=1),
    hosts(2, 3, locality={"zone": "b"}, load_balancing_weight=4),
)
WEIGHTED = {"common_lb_config": {"locality_weighted_lb_config": {}}}
BY_WEIGHT = {"lb_endpoints": [host(1, load_balancing_weight=1), host(2, load_balancing_weight=4)]}
SPREAD = {"common_lb_config": {"zone_aware_lb_config": {"fail_traffic_on_panic": True}}}
CALM = {"common_lb_config": {"healthy_panic_threshold": {}}}


def settings() -> Iterator[Setting]:
    yield setting("policies", [_case(*each) for each in _policies()], "lb_policy", "shares")
    yield setting("health", [_case(*each) for each in _health()], "health", "shares")
    yield setting("localities", [_case(*each) for each in _localities()], "localities", "shares")


Row = tuple[tuple[Mapping[str, Any], ...], dict[str, Any]]


def _case(localities: tuple[Mapping[str, Any], ...], fields: dict[str, Any]) -> Case:
    return Case(cluster=cluster(*localities, **fields), calls=[{}] * CALLS)


def typed(folder: str, kind: str, **fields: Any) -> dict[str, Any]:
    config = {"name": kind, "typed_config": {"@type": f"{TYPES}{folder}.v3.{kind}", **fields}}
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": config}]}}


def _policies() -> Iterator[Row]:
    for policy in ("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV"):
        yield (hosts(1, 2, 3),), {"lb_policy": policy}
        yield (BY_WEIGHT,), {"lb_policy": policy}
    yield (BY_WEIGHT,), typed("round_robin", "RoundRobin")
    yield (BY_WEIGHT,), typed("random", "Random")
    yield (BY_WEIGHT,), typed("least_request", "LeastRequest", choice_count=5)
    yield (BY_WEIGHT,), typed("ring_hash", "RingHash", minimum_ring_size=10)
    yield (BY_WEIGHT,), typed("client_side_weighted_round_robin", "ClientSideWeightedRoundRobin")
    inner = typed("round_robin", "RoundRobin")["load_balancing_policy"]
    client_side = typed("client_side_weighted_round_robin", "ClientSideWeightedRoundRobin")["load_balancing_policy"]
    yield ZONES, typed("wrr_locality", "WrrLocality", endpoint_picking_policy=client_side)
    sources = [{"header": "x-host"}]
    yield (BY_WEIGHT,), typed("override_host", "OverrideHost", override_host_sources=sources, fallback_policy=inner)
    unknown = {"name": "none", "typed_config": {"@type": "type.googleapis.com/google.protobuf.Empty"}}
    after = typed("random", "Random")["load_balancing_policy"]["policies"]
    yield (BY_WEIGHT,), {"load_balancing_policy": {"policies": [{"typed_extension_config": unknown}, *after]}}
    slow = {"round_robin_lb_config": {"slow_start_config": {"slow_start_window": "1s"}}}
    yield (BY_WEIGHT,), slow


def _some(first: int, *healths: str, **fields: Any) -> dict[str, Any]:
    names = {"u": "UNHEALTHY", "d": "DEGRADED", "x": "DRAINING", "t": "TIMEOUT", "h": "HEALTHY"}
    made = [host(first + number, health=names[each]) for number, each in enumerate(healths)]
    return {"lb_endpoints": made, **fields}


def _health() -> Iterator[Row]:
    yield (_some(1, *"hu"), _some(5, "h", priority=1)), {}
    yield (_some(1, *"hhu"), _some(5, "h", priority=1)), {}
    yield (_some(1, *"huu"), _some(5, *"huu", priority=1)), {}
    yield (_some(1, *"uu"), _some(5, *"hu", priority=1)), {}
    yield (_some(1, "u"), _some(5, *"huuu", priority=1)), {}
    yield (_some(1, *"hd"),), {}
    yield (_some(1, *"hdu"), _some(5, *"hd", priority=1)), {}
    yield (_some(1, *"du"),), {}
    yield (_some(1, *"hx"),), {}
    yield (_some(1, *"hxxx"),), {}
    yield (_some(1, *"httt"),), {}
    yield (_some(1, *"xx"),), {}
    yield (_some(1, *"xu"), _some(5, *"xx", priority=1)), {}
    yield (_some(1, *"uu"),), CALM
    yield (_some(1, *"huu"),), SPREAD
    yield (_some(1, *"huu"), _some(5, "h", priority=2)), {}
    yield (_some(1, *"hu"), _some(5, *"hu", priority=1), _some(9, *"h", priority=2)), {}
    yield (
        (_some(1, *"hhhuu"), _some(8, *"hd", priority=1)),
        {"common_lb_config": {"healthy_panic_threshold": {"value": 70}}},
    )


def _localities() -> Iterator[Row]:
    yield ZONES, {}
    yield ZONES, WEIGHTED
    yield ZONES, {**WEIGHTED, "lb_policy": "RANDOM"}
    yield ZONES, {**WEIGHTED, "lb_policy": "RING_HASH"}
    zone = {"zone": "a"}, {"zone": "b"}
    yield (
        (
            _some(1, *"h", locality=zone[0], load_balancing_weight=1),
            _some(4, *"hu", locality=zone[1], load_balancing_weight=1),
        ),
        WEIGHTED,
    )
    yield (
        (
            _some(1, *"huu", locality=zone[0], load_balancing_weight=1),
            _some(4, *"u", locality=zone[1], load_balancing_weight=9),
        ),
        WEIGHTED,
    )
    yield (_some(1, *"h", locality=zone[0]), _some(4, *"h", locality=zone[1], load_balancing_weight=9)), WEIGHTED
    yield (_some(1, *"h", locality=zone[0]), _some(4, *"h", locality=zone[1])), WEIGHTED
    yield (_some(1, *"h", locality=zone[0]), _some(4, *"h", locality=zone[1])), {**WEIGHTED, "lb_policy": "MAGLEV"}
    yield (
        (
            _some(1, *"hd", locality=zone[0], load_balancing_weight=1),
            _some(4, *"hu", locality=zone[1], load_balancing_weight=2),
            _some(7, *"h", locality=zone[1], load_balancing_weight=2, priority=1),
        ),
        WEIGHTED,
    )
    yield (
        (hosts(1, 2, locality=zone[0], load_balancing_weight=1), hosts(3, locality=zone[0], load_balancing_weight=8)),
        WEIGHTED,
    )
    yield (hosts(1, load_balancing_weight=1), hosts(2, load_balancing_weight=8)), WEIGHTED
    yield (hosts(1, load_balancing_weight=1), hosts(2, load_balancing_weight=8, locality=zone[0])), WEIGHTED
    yield (
        (
            hosts(1, load_balancing_weight=1, locality=zone[1]),
            hosts(2, load_balancing_weight=8, locality=zone[0]),
            hosts(3, load_balancing_weight=2, locality=zone[1]),
            hosts(4, load_balancing_weight=9, locality=zone[1], priority=1),
        ),
        WEIGHTED,
    )
    yield (
        (hosts(1, load_balancing_weight=2, locality={}), hosts(2, load_balancing_weight=8, locality=zone[0])),
        WEIGHTED,
    )
    yield ({"lb_endpoints": [host(1), host(1), host(2)]},), {}
    yield (hosts(1, 2), hosts(2, 3, priority=1)), {}
