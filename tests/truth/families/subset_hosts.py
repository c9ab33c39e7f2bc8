"""lb_subset_config: which endpoints a call's metadata selects, and what happens where it selects none."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.truth.families._balanced import Case, cluster, host, setting, wanting
from tests.truth.setting import Setting

LABELS: tuple[dict[str, Any], ...] = (
    {"v": "1", "stage": "prod", "n": 1},
    {"v": "2", "stage": "prod", "n": True},
    {"v": "1", "stage": "dev", "n": "1"},
    {"v": "3", "tags": ["a", "b"]},
    {"v": "4", "tags": ["b", "c"], "deep": {"x": [1, "y"]}},
    {"other": "x"},
)
HOSTS = {"lb_endpoints": [*(host(1 + number, lb=lb) for number, lb in enumerate(LABELS)), host(9)]}
ONE = [{"keys": ["v"]}]
BOTH = [{"keys": ["v"]}, {"keys": ["stage", "v"]}]
CRITERIA: tuple[dict[str, Any], ...] = (
    {"v": "1"},
    {"v": "9"},
    {"v": "2", "stage": "prod"},
    {"v": "2", "stage": "dev"},
    {"stage": "prod"},
    {"v": "1", "more": "x"},
    {},
)
REPEATED = 4
"""How often each is asked: a fallback to many shows several of them."""


def settings() -> Iterator[Setting]:
    yield setting("fallbacks", list(_fallbacks()), "lb_subset_config")
    yield setting("selectors", list(_selectors()), "lb_subset_config")
    yield setting("values and options", list(_options()), "lb_subset_config")


def _cases(
    config: Mapping[str, Any],
    criteria: Sequence[Mapping[str, Any]] = CRITERIA,
    *localities: Mapping[str, Any],
    **fields: Any,
) -> Iterator[Case]:
    for wanted in criteria:
        made = cluster(*(localities or (HOSTS,)), lb_subset_config=config, **fields)
        yield Case(cluster=made, route=wanting(**wanted) if wanted else {}, calls=[{}] * REPEATED)


def _fallbacks() -> Iterator[Case]:
    for fallback in ("NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET"):
        default = {"default_subset": {"v": "3"}} if fallback == "DEFAULT_SUBSET" else {}
        yield from _cases({"subset_selectors": BOTH, "fallback_policy": fallback, **default})
    nobody = {"subset_selectors": ONE, "fallback_policy": "DEFAULT_SUBSET", "default_subset": {"v": "none"}}
    yield from _cases(nobody, CRITERIA[:2])
    yield from _cases({**nobody, "panic_mode_any": True}, CRITERIA[:2])
    yield from _cases({"subset_selectors": ONE, "panic_mode_any": True}, CRITERIA[:2])
    yield from _cases({"subset_selectors": ONE, "fallback_policy": "DEFAULT_SUBSET"}, CRITERIA[:2])
    yield from _cases({"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"v": "3"}}, CRITERIA[:2])


def _selectors() -> Iterator[Case]:
    for own in ("NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET"):
        selectors = [{"keys": ["v"], "fallback_policy": own}, {"keys": ["stage"]}]
        config = {"subset_selectors": selectors, "fallback_policy": "ANY_ENDPOINT", "default_subset": {"v": "3"}}
        yield from _cases(config, ({"v": "9"}, {"stage": "none"}, {}))
    fewer = {"keys": ["stage", "v"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["v"]}
    yield from _cases({"subset_selectors": [fewer, {"keys": ["v"]}]}, CRITERIA)
    yield from _cases({"subset_selectors": [fewer]}, CRITERIA[2:4])
    again = {"keys": ["v"], "fallback_policy": "DEFAULT_SUBSET"}
    chained = {"subset_selectors": [fewer, again], "default_subset": {"other": "x"}}
    yield from _cases(chained, ({"stage": "dev", "v": "9"}, {"v": "9"}))
    first = {"subset_selectors": [again, fewer], "default_subset": {"other": "x"}}
    yield from _cases(first, ({"stage": "dev", "v": "9"}, {"v": "9"}))
    prefix = {"keys": ["stage"], "fallback_policy": "DEFAULT_SUBSET"}
    for order in ([fewer, prefix], [prefix, fewer]):
        yield from _cases({"subset_selectors": order, "default_subset": {"other": "x"}}, ({"stage": "none"},))
    for more in (True, False):
        config = {"subset_selectors": BOTH, "allow_redundant_keys": more}
        yield from _typed(config, ({"v": "1", "more": "x"}, {"v": "2", "stage": "dev"}, {"stage": "dev", "x": "y"}))
    wide = {"subset_selectors": [{"keys": ["stage", "v"]}, {"keys": ["v"]}], "allow_redundant_keys": True}
    yield from _typed(wide, ({"v": "2", "stage": "dev"}, {"v": "1", "stage": "dev", "x": "y"}))
    default = {"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"v": "3"}}
    yield from _typed({"subset_selectors": ONE, **default}, ({"v": "1"}, {"v": "9"}))


def _typed(config: Mapping[str, Any], criteria: Sequence[Mapping[str, Any]]) -> Iterator[Case]:
    """The same as a load_balancing_policy."""
    types = "type.googleapis.com/envoy.extensions.load_balancing_policies."
    below = {"name": "rr", "typed_config": {"@type": f"{types}round_robin.v3.RoundRobin"}}
    whole = {
        "@type": f"{types}subset.v3.Subset",
        "subset_lb_policy": {"policies": [{"typed_extension_config": below}]},
        **config,
    }
    policy = {"policies": [{"typed_extension_config": {"name": "subset", "typed_config": whole}}]}
    for wanted in criteria:
        yield Case(cluster=cluster(HOSTS, load_balancing_policy=policy), route=wanting(**wanted), calls=[{}] * REPEATED)


def _options() -> Iterator[Case]:
    keys = [{"keys": ["n"]}, {"keys": ["tags"]}, {"keys": ["deep"]}]
    values: tuple[dict[str, Any], ...] = (
        {"n": 1},
        {"n": 1.0},
        {"n": True},
        {"n": "1"},
        {"tags": "a"},
        {"tags": "b"},
        {"tags": ["a", "b"]},
        {"tags": ["b", "a"]},
        {"deep": {"x": [1, "y"]}},
        {"deep": {"x": [1]}},
    )
    for as_any in (False, True):
        yield from _cases({"subset_selectors": keys, "list_as_any": as_any}, values)
    default = {"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"tags": "b"}, "subset_selectors": keys}
    for as_any in (False, True):
        yield from _cases({**default, "list_as_any": as_any}, ({},))
    lists = {"subset_selectors": BOTH, "metadata_fallback_policy": "FALLBACK_LIST"}
    tried = (
        {"fallback_list": [{"v": "9"}, {"v": "2"}]},
        {"fallback_list": [{"v": "9"}]},
        {"fallback_list": []},
        {"v": "1", "fallback_list": [{"stage": "none"}, {"stage": "dev"}]},
        {"v": "1"},
        {"v": "1", "fallback_list": []},
    )
    yield from _cases(lists, tried)
    yield from _cases({"subset_selectors": BOTH}, tried[:1])
    single = {"subset_selectors": [{"keys": ["v"], "single_host_per_subset": True}]}
    yield from _cases(single, ({"v": "1"}, {"v": "9"}))
    sick = {
        "lb_endpoints": [
            host(1, lb={"v": "1"}, health="UNHEALTHY"),
            host(2, lb={"v": "1"}),
            host(3, lb={"v": "2"}),
            host(4, lb={"v": "3"}, health="UNHEALTHY"),
            host(6, lb={"v": "3"}, health="UNHEALTHY"),
        ]
    }
    later = {"priority": 1, "lb_endpoints": [host(5, lb={"v": "2"}), host(7, lb={"v": "3"})]}
    for selectors in (single, {"subset_selectors": ONE}):
        yield from _cases(selectors, ({"v": "1"}, {"v": "2"}, {"v": "3"}), sick, later)
        calm = {"common_lb_config": {"healthy_panic_threshold": {}}}
        yield from _cases(selectors, ({"v": "1"}, {"v": "3"}), sick, **calm)
    other = {**single, "fallback_policy": "ANY_ENDPOINT"}
    yield from _cases(other, ({"v": "9"},), sick)
    zones = [
        {
            "locality": {"zone": "a"},
            "load_balancing_weight": 1,
            "lb_endpoints": [host(1, lb={"v": "1"}), host(2, lb={"v": "2"}), host(3, lb={"v": "2"})],
        },
        {"locality": {"zone": "b"}, "lb_endpoints": [host(4, lb={"v": "1"}), host(5, lb={"v": "2"})]},
    ]
    weighted = {"common_lb_config": {"locality_weighted_lb_config": {}}}
    for options in (
        {},
        {"locality_weight_aware": True},
        {"locality_weight_aware": True, "scale_locality_weight": True},
    ):
        yield from _cases({"subset_selectors": ONE, **options}, ({"v": "1"}, {"v": "2"}), *zones, **weighted)
