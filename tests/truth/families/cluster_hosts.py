"""Clusters of every type that dial something or nothing: original destinations, aggregates, limits, odd endpoints."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._balanced import SERVED, Case, cluster, host, hosts, setting
from tests.truth.setting import Setting

AGGREGATE = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
FORWARD_PROXY = "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
DIALLED = f"10.95.0.1:{SERVED}"
ORIGINAL: dict[str, Any] = {"name": "{}", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}


def settings() -> Iterator[Setting]:
    yield setting("original destinations, not restored", list(_original()), "ORIGINAL_DST")
    yield setting("aggregates", list(_aggregates()), "aggregate")
    yield setting("whom the call names", list(_forward_proxies()), "dynamic_forward_proxy")
    yield setting("limits at zero", list(_limits()), "circuit breakers")


def _original() -> Iterator[Case]:
    headers: list[Mapping[str, Any]] = [
        {"headers": {"x-envoy-original-dst-host": each}}
        for each in (
            DIALLED,
            "10.95.0.2",
            f"name.test:{SERVED}",
            "10.95.0.1:99999",
            f" {DIALLED}",
            "10.95.0.1:",
            f"[::ffff:10.95.0.1]:{SERVED}",
            f"10.95.0.1:0{SERVED}",
            f"010.95.0.1:{SERVED}",
            f"{DIALLED},10.95.0.3:{SERVED}",
            [f"10.95.0.7:{SERVED}", DIALLED],
            "",
        )
    ]
    headers += [{"headers": {"x-to": DIALLED}}, {}]
    for config in (
        None,
        {"use_http_header": True},
        {"use_http_header": True, "http_header_name": "X-To"},
        {"use_http_header": True, "upstream_port_override": SERVED},
        {"upstream_port_override": SERVED},
        {"use_http_header": True, "metadata_key": {"key": "envoy.lb", "path": [{"key": "to"}]}},
    ):
        made = ORIGINAL if config is None else {**ORIGINAL, "original_dst_lb_config": config}
        yield Case(cluster=made, calls=headers)
    yield Case(cluster=ORIGINAL, tcp=True)


def aggregate(*names: str, **fields: Any) -> dict[str, Any]:
    config = {"@type": AGGREGATE, "clusters": list(names)}
    kind = {"name": "envoy.clusters.aggregate", "typed_config": config}
    return {"name": "{}", "cluster_type": kind, "lb_policy": "CLUSTER_PROVIDED", **fields}


def _member(letter: str, *localities: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    made = cluster(*localities, **fields)
    return {**made, "name": "{}-" + letter}


def _some(healthy: int, sick: int, first: int, **fields: Any) -> dict[str, Any]:
    """A locality of so many healthy and so many sick hosts, numbered from `first` on."""
    made = [host(first + number) for number in range(healthy)]
    made += [host(first + healthy + number, health="UNHEALTHY") for number in range(sick)]
    return {"lb_endpoints": made, **fields}


def _aggregates() -> Iterator[Case]:
    both = aggregate("{}-a", "{}-b")
    many = [{}] * 12

    def case(top: Mapping[str, Any], *members: Mapping[str, Any], **fields: Any) -> Case:
        return Case(cluster=top, others=members, calls=many, **fields)

    yield case(both, _member("a", hosts(1, 2)), _member("b", hosts(3, 4)))
    yield case(both, _member("a"), _member("b", hosts(3)))
    yield case(both, _member("b", hosts(3)))
    yield case(both, _member("a", _some(0, 2, 1)), _member("b", hosts(3)))
    yield case(both, _member("a", _some(1, 1, 1)), _member("b", hosts(3)))
    yield case(both, _member("a", _some(1, 2, 1)), _member("b", _some(1, 2, 4)))
    yield case(both, _member("a", _some(0, 2, 1)), _member("b", _some(0, 2, 4)))
    calm = {"common_lb_config": {"healthy_panic_threshold": {}}}
    yield case({**both, **calm}, _member("a", _some(0, 2, 1)), _member("b", _some(0, 2, 4)))
    yield case(both, _member("a", _some(0, 2, 1), **calm), _member("b", _some(0, 2, 4), **calm))
    yield case({**both, **calm}, _member("a", _some(0, 2, 1), **calm), _member("b", _some(0, 2, 4), **calm))
    yield case(both, _member("a", _some(0, 1, 1), _some(1, 1, 2, priority=1)), _member("b", hosts(5)))
    yield case(both, _member("a", hosts(1, priority=1)), _member("b", hosts(5)))
    yield case(aggregate("{}-b", "{}-a", "{}-none"), _member("a", hosts(1)), _member("b", _some(0, 1, 3)))
    degraded = {"lb_endpoints": [host(1, health="DEGRADED")]}
    yield case(both, _member("a", degraded), _member("b", _some(1, 1, 3)))
    yield case(both, _member("a", degraded), _member("b", _some(0, 1, 3)))
    yield case(
        aggregate("{}-inner", "{}-b"), {**both, "name": "{}-inner"}, _member("a", hosts(1)), _member("b", hosts(2))
    )
    yield case(aggregate("{}-o", "{}-b"), {**ORIGINAL, "name": "{}-o"}, _member("b", hosts(2)))
    yield case(both, _member("a", _some(0, 2, 1)), _member("b", hosts(3)), tcp=True)
    low = {"policy": {"overprovisioning_factor": 100}}
    yield case(both, _member("a", _some(1, 1, 1), **low), _member("b", hosts(3)))
    ring = {"lb_policy": "RING_HASH"}
    keyed = [{"headers": {"x-key": f"k{number}"}} for number in range(16)]
    by_header = {"hash_policy": [{"header": {"header_name": "x-key"}}]}
    members = (_member("a", _some(2, 0, 1), _some(2, 2, 3, priority=1), **ring), _member("b", hosts(9)))
    yield Case(cluster=both, others=members, route=by_header, calls=keyed)
    members = (_member("a", _some(1, 2, 1), _some(2, 2, 5, priority=1), **ring), _member("b", hosts(9, 10), **ring))
    yield Case(cluster=both, others=members, route=by_header, calls=keyed)
    selectors = {"lb_subset_config": {"subset_selectors": [{"keys": ["v"]}]}}
    labelled = {"lb_endpoints": [host(1, lb={"v": "1"}), host(2, lb={"v": "2"})]}
    wanted = {"metadata_match": {"filter_metadata": {"envoy.lb": {"v": "2"}}}}
    yield case(both, _member("a", labelled, **selectors), _member("b", hosts(3)), route=wanted)
    limits = {"circuit_breakers": {"thresholds": [{"max_pending_requests": 0}]}}
    yield case({**both, **limits}, _member("a", hosts(1)), _member("b", hosts(3)))
    yield case(both, _member("a", hosts(1), **limits), _member("b", hosts(3)))


def _forward_proxies() -> Iterator[Case]:
    """Nothing is resolved here, so only addresses are named."""
    named: list[Mapping[str, Any]] = [
        {"authority": each} for each in (f"10.94.0.3:{SERVED}", f"10.94.1.1:0{SERVED}", f"[::ffff:10.94.0.4]:{SERVED}")
    ]
    for family in ("AUTO", "V4_ONLY", "V4_PREFERRED"):
        cache = {"name": f"cache-{family}", "dns_lookup_family": family}
        config = {"@type": FORWARD_PROXY, "dns_cache_config": cache, "allow_insecure_cluster_options": True}
        kind = {"name": "envoy.clusters.dynamic_forward_proxy", "typed_config": config}
        made = {"name": "{}", "cluster_type": kind, "lb_policy": "CLUSTER_PROVIDED"}
        yield Case(cluster=made, calls=named if family == "V4_ONLY" else named[:2])
        yield Case(cluster=made, calls=named[:1], route={"host_rewrite_literal": f"10.94.0.9:{SERVED}"})
        yield Case(cluster=made, tcp=True)


LIMITS = ("max_connections", "max_pending_requests", "max_requests", "max_retries")


def _limits() -> Iterator[Case]:
    for limit in LIMITS:
        for tcp in (False, True):
            breakers = {"circuit_breakers": {"thresholds": [{limit: 0}]}}
            yield Case(cluster=cluster(hosts(1), **breakers), tcp=tcp, calls=[{}] * 2)
            high = {"circuit_breakers": {"thresholds": [{"priority": "HIGH", limit: 0}]}}
            yield Case(cluster=cluster(hosts(1), **high), tcp=tcp)
            if not tcp:
                yield Case(cluster=cluster(hosts(1), **high), route={"priority": "HIGH"})
                yield Case(cluster=cluster(hosts(1), **breakers), route={"priority": "HIGH"})
    host_limit = {"circuit_breakers": {"per_host_thresholds": [{"max_connections": 0}]}}
    yield Case(cluster=cluster(hosts(1), **host_limit), calls=[{}] * 2)
    yield Case(cluster=cluster(hosts(1), **host_limit), tcp=True, calls=[{}] * 2)
    for drop in (100, 0):
        overload = [{"category": "all", "drop_percentage": {"numerator": drop}}]
        yield Case(cluster=cluster(hosts(1), policy={"drop_overloads": overload}), calls=[{}] * 2)
        yield Case(cluster=cluster(hosts(1), policy={"drop_overloads": overload}), tcp=True, calls=[{}] * 2)
