"""Which endpoint another attempt takes where hashes decide, and hosts that requests name themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from tests.builders_upstream import endpoint
from tests.truth.families._balanced import Case, cluster, host, hosts, setting
from tests.truth.families.cluster_hosts import ORIGINAL
from tests.truth.families.hashed_hosts import BY_HEADER, MAGLEV, RING, keyed
from tests.truth.families.shared_hosts import typed
from tests.truth.setting import REDIRECTED, Setting

REFUSING = (51, 52, 53, 54, 55, 56)
PREVIOUS = {
    "name": "previous",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    },
}
INNER = typed("random", "Random")["load_balancing_policy"]


def settings() -> Iterator[Setting]:
    facts = [
        {"kind": "HostFacts", "pod": f"far-{number}", "addresses": [f"10.94.0.{number}/16"], "sockets": []}
        for number in REFUSING
    ]
    retried = setting("hashed again", list(_retried()), "retry of a hash")
    yield evolve(retried, hosts=facts)
    yield setting("named by the request", list(_named()), "override_host")
    yield _restored()


def _retried() -> Iterator[Case]:
    mixed = {"lb_endpoints": [endpoint(f"10.94.0.{number}:9") for number in REFUSING]}
    for policy in (RING, MAGLEV):
        for attempts in (1, 3, 5):
            retry = {
                "retry_on": "connect-failure",
                "num_retries": 3,
                "retry_host_predicate": [PREVIOUS],
                "host_selection_retry_max_attempts": attempts,
            }
            yield Case(cluster=cluster(mixed, **policy), route={**BY_HEADER, "retry_policy": retry}, calls=keyed(12))
        retry = {"retry_on": "connect-failure", "num_retries": 1}
        yield Case(cluster=cluster(mixed, **policy), route={**BY_HEADER, "retry_policy": retry}, calls=keyed(6))


def _named() -> Iterator[Case]:
    values: tuple[str, ...] = ("10.94.0.4:9000", "10.94.0.2:9000", "10.94.0.9:9000", "10.94.0.9:9000,10.94.0.3:9000")
    values += (" 10.94.0.2:9000", "x", "")
    calls: list[Mapping[str, Any]] = [{"headers": {"x-host": each}} for each in values]
    calls += [{}, {"headers": {"x-host": ["x", "10.94.0.2:9000"]}}, {"headers": {"x-other": "10.94.0.3:9000"}}]
    calls += [{"headers": {"x-host": "10.94.0.9:9000", "x-other": "10.94.0.3:9000"}}]
    sick = {"lb_endpoints": [host(1), host(2), host(3), host(4, health="UNHEALTHY"), host(5, health="DRAINING")]}
    for sources in ([{"header": "X-Host"}], [{"header": "x-host"}, {"header": "x-other"}]):
        policy = typed("override_host", "OverrideHost", override_host_sources=sources, fallback_policy=INNER)
        yield Case(cluster=cluster(sick, **policy), calls=calls)
    later = (hosts(1), hosts(2, priority=1))
    policy = typed("override_host", "OverrideHost", override_host_sources=[{"header": "x-host"}], fallback_policy=INNER)
    yield Case(cluster=cluster(*later, **policy), calls=calls)


def _restored() -> Setting:
    """Everything is redirected to one listener, and goes on to where it was sent."""
    calls = [{"destination": f"10.96.{number}.1:{port}"} for number in range(6) for port in (9000, 80)]
    calls += [{**call, "headers": {"x-envoy-original-dst-host": "10.95.0.9:9000"}} for call in calls[:4]]
    calls += [{"destination": f"10.96.9.9:{port}", "protocol": "tcp", "payload": "x\n"} for port in (9000, 80)]
    made = setting("original destinations, restored", [Case(cluster=ORIGINAL)], "ORIGINAL_DST")
    listener = made.dump["configs"][1]["dynamic_listeners"][0]["active_state"]["listener"]
    listener["address"]["socket_address"] = {"address": "0.0.0.0", "port_value": 15001}
    kind = "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"
    listener["listener_filters"] = [{"name": "original_dst", "typed_config": {"@type": kind}}]
    cluster_fields = made.dump["configs"][0]["static_clusters"][0]["cluster"]
    cluster_fields["original_dst_lb_config"] = {"use_http_header": True, "upstream_port_override": 9000}
    return evolve(made, calls=[call for call in calls if call.get("protocol") != "tcp"], rules=REDIRECTED)
