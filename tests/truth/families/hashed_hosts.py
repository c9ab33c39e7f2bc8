"""RING_HASH and MAGLEV: the same endpoint as Envoy for every key, whatever the ring or table is built from."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._balanced import Case, cluster, host, hosts, setting
from tests.truth.setting import Setting

KEYS = 24
BY_HEADER: dict[str, Any] = {"hash_policy": [{"header": {"header_name": "x-key"}}]}
RING: dict[str, Any] = {"lb_policy": "RING_HASH"}
MAGLEV: dict[str, Any] = {"lb_policy": "MAGLEV"}
TYPES = "type.googleapis.com/envoy.extensions.load_balancing_policies."
MANY = hosts(*range(1, 12))
WEIGHED = {"lb_endpoints": [host(number, load_balancing_weight=number * number) for number in range(1, 7)]}


def settings() -> Iterator[Setting]:
    yield setting("rings", list(_rings()), "RING_HASH")
    yield setting("tables", list(_tables()), "MAGLEV")
    yield setting("hash policies", list(_policies()), "hash_policy")


def keyed(count: int = KEYS, **headers: Any) -> list[Mapping[str, Any]]:
    return [{"headers": {"x-key": f"key-{number}", **headers}} for number in range(count)]


def _case(*localities: Mapping[str, Any], assignment: Mapping[str, Any] | None = None, **fields: Any) -> Case:
    return Case(cluster=cluster(*localities, policy=assignment, **fields), route=BY_HEADER, calls=keyed())


def typed(kind: str, **fields: Any) -> dict[str, Any]:
    folder = {"RingHash": "ring_hash", "Maglev": "maglev"}[kind]
    config = {"name": "lb", "typed_config": {"@type": f"{TYPES}{folder}.v3.{kind}", **fields}}
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": config}]}}


def _both(policy: Mapping[str, Any]) -> Iterator[Case]:
    """What rings and tables have in common."""
    yield _case(MANY, **policy)
    yield _case(WEIGHED, **policy)
    yield _case(hosts(1, 2, 3), hosts(4, 5, priority=1), **policy)
    sick = {"lb_endpoints": [host(1), host(2, health="UNHEALTHY"), host(3), host(4, health="DRAINING"), host(5)]}
    yield _case(sick, **policy)
    half = {"lb_endpoints": [host(1), host(2, health="UNHEALTHY")]}
    yield _case(half, hosts(3, 4, priority=1), **policy)
    panic = {"lb_endpoints": [host(1), *(host(number, health="UNHEALTHY") for number in range(2, 6))]}
    yield _case(panic, **policy)
    yield _case(panic, hosts(7, priority=1), common_lb_config={"healthy_panic_threshold": {}}, **policy)
    degraded = {"lb_endpoints": [host(1), host(2), *(host(number, health="DEGRADED") for number in range(3, 7))]}
    yield _case(degraded, **policy)
    yield _case({"lb_endpoints": [host(1, health="DEGRADED"), host(2, health="DEGRADED")]}, **policy)
    zones = [
        hosts(1, 2, locality={"region": "r", "zone": "b"}, load_balancing_weight=1),
        hosts(3, locality={"region": "r", "zone": "a"}, load_balancing_weight=5),
        hosts(4, 5, locality={"region": "q", "zone": "z"}),
    ]
    yield _case(*zones, common_lb_config={"locality_weighted_lb_config": {}}, **policy)
    yield _case(*zones, **policy)
    partly = [
        {
            "locality": {"zone": "a"},
            "load_balancing_weight": 3,
            "lb_endpoints": [host(1), host(2, health="UNHEALTHY"), host(3, health="UNHEALTHY"), host(6)],
        },
        hosts(4, 5, locality={"zone": "b"}, load_balancing_weight=3),
    ]
    yield _case(*partly, common_lb_config={"locality_weighted_lb_config": {}}, **policy)
    keys = {"lb_endpoints": [host(1, lb={"hash_key": "one"}), host(2, lb={"hash_key": "two"}), host(3, lb={"a": "b"})]}
    yield _case(keys, **policy)
    balance = {"consistent_hashing_lb_config": {"hash_balance_factor": 150}}
    yield _case(MANY, common_lb_config=balance, **policy)
    fail = {"zone_aware_lb_config": {"fail_traffic_on_panic": True}}
    yield _case(panic, common_lb_config=fail, **policy)
    selectors = {"subset_selectors": [{"keys": ["v"]}], "fallback_policy": "ANY_ENDPOINT"}
    labelled = {"lb_endpoints": [host(number, lb={"v": str(number % 2)}) for number in range(1, 9)]}
    wanted = {"metadata_match": {"filter_metadata": {"envoy.lb": {"v": "1"}}}}
    made = cluster(labelled, lb_subset_config=selectors, **policy)
    yield Case(cluster=made, route={**BY_HEADER, **wanted}, calls=keyed())
    yield Case(cluster=made, route=BY_HEADER, calls=keyed())


def _rings() -> Iterator[Case]:
    yield from _both(RING)
    yield _case(MANY, ring_hash_lb_config={"minimum_ring_size": 7}, **RING)
    yield _case(MANY, ring_hash_lb_config={"minimum_ring_size": 5000}, **RING)
    yield _case(WEIGHED, ring_hash_lb_config={"minimum_ring_size": 10, "maximum_ring_size": 40}, **RING)
    yield _case(WEIGHED, ring_hash_lb_config={"hash_function": "MURMUR_HASH_2"}, **RING)
    yield _case(MANY, **typed("RingHash", hash_function="MURMUR_HASH_2", minimum_ring_size=64))
    yield _case(*_ZONES, **typed("RingHash", hash_function="XX_HASH", locality_weighted_lb_config={}))
    named = {"lb_endpoints": [host(number, hostname=f"host-{number}") for number in range(1, 5)]}
    yield _case(named, **typed("RingHash", use_hostname_for_hashing=True))
    yield _case(named, **typed("RingHash", consistent_hashing_lb_config={"use_hostname_for_hashing": True}))
    own = {"hash_policy": [{"header": {"header_name": "x-own"}}]}
    yield Case(
        cluster=cluster(MANY, **typed("RingHash", consistent_hashing_lb_config=own)),
        route=BY_HEADER,
        calls=[{"headers": {"x-key": "same", "x-own": f"own-{number}"}} for number in range(KEYS)],
    )


_ZONES = (
    hosts(1, 2, locality={"zone": "a"}, load_balancing_weight=2),
    hosts(3, 4, 5, locality={"zone": "b"}, load_balancing_weight=7),
)


def _tables() -> Iterator[Case]:
    yield from _both(MAGLEV)
    yield _case(MANY, maglev_lb_config={"table_size": 101}, **MAGLEV)
    yield _case(WEIGHED, maglev_lb_config={"table_size": 1009}, **MAGLEV)
    yield _case(hosts(1, 2, 3), maglev_lb_config={"table_size": 2}, **MAGLEV)
    yield _case(MANY, **typed("Maglev", table_size=211))
    yield _case(*_ZONES, **typed("Maglev", locality_weighted_lb_config={}))


def _policies() -> Iterator[Case]:
    """What is hashed."""
    ring = cluster(MANY, **RING)

    def case(*policies: Mapping[str, Any], calls: list[Mapping[str, Any]], **route: Any) -> Case:
        return Case(cluster=ring, route={"hash_policy": list(policies), **route}, calls=calls)

    key = {"header": {"header_name": "X-Key"}}
    several = [{"headers": {"x-key": [f"b{number}", "a", f"c{number}"]}} for number in range(12)]
    yield case(key, calls=[*several, {"headers": {"x-key": ["c1", "b1", "a"]}}, {"headers": {"x-key": ""}}])
    rewrite = {"pattern": {"regex": "^(\\w+)-(\\d).*$"}, "substitution": "\\2-\\1"}
    yield case({"header": {"header_name": "x-key", "regex_rewrite": rewrite}}, calls=[*keyed(), *several])
    vanish = {"pattern": {"regex": ".*"}, "substitution": ""}
    yield case({"header": {"header_name": "x-key", "regex_rewrite": vanish}}, calls=keyed(6))
    yield case({"header": {"header_name": ":path"}}, calls=[{"path": f"/p{number}?q=1"} for number in range(12)])
    yield case(
        {"header": {"header_name": ":path"}},
        calls=[{"path": f"/p{number}"} for number in range(12)],
        prefix_rewrite="/rewritten/",
    )
    yield case({"header": {"header_name": "host"}}, calls=[{"authority": f"h{number}.test"} for number in range(8)])
    yield case(
        {"header": {"header_name": ":authority"}}, calls=[{"authority": f"h{number}.test"} for number in range(8)]
    )
    yield case({"header": {"header_name": ":method"}}, calls=[{"method": each} for each in ("GET", "POST", "PUT")])
    cookies = [{"headers": {"cookie": f"a=b; id={number}; c=d"}} for number in range(8)]
    cookies += [
        {"headers": {"cookie": each}} for each in ('id="quoted"', "id=1;id=2", "id=x=y", " id=sp ace", "a;id=z")
    ]
    yield case({"cookie": {"name": "id"}}, calls=[*cookies, {"headers": {"cookie": ["x=1", "id=second"]}}])
    yield case({"cookie": {"name": "id", "ttl": "5s"}}, calls=cookies[:4])
    queries = [f"/?k={number}&other=1" for number in range(8)]
    queries += ["/?other=1&k=a&k=b", "/?k", "/?k=", "/?k=a%20b", "/?k=a+b", "/x?y?k=1", "/?a=1;k=2"]
    yield case({"query_parameter": {"name": "k"}}, calls=[{"path": path} for path in queries])
    source = {"connection_properties": {"source_ip": True}}
    yield case(source, calls=[{"source": f"127.0.0.{number}:0"} for number in range(1, 20)])
    both = [{"headers": {"x-key": f"k{number}", "x-other": f"o{number % 3}"}} for number in range(12)]
    other = {"header": {"header_name": "x-other"}}
    yield case(key, other, calls=both)
    yield case(other, key, source, calls=both)
    yield case(key, key, calls=both)
    yield case({**key, "terminal": True}, other, calls=[*both, {"headers": {"x-other": "only"}}])
    sources = [{"source": f"127.0.0.{number}:0"} for number in range(1, 20)]
    yield Case(cluster=ring, tcp=True, route={"hash_policy": [{"source_ip": {}}]}, calls=sources)
    maglev = cluster(MANY, **MAGLEV)
    yield Case(cluster=maglev, tcp=True, route={"hash_policy": [{"source_ip": {}}]}, calls=sources)
    yield Case(cluster=ring, route={"hash_policy": [key]}, calls=[{}] * 8)
    yield Case(cluster=maglev, calls=[{}] * 8)
