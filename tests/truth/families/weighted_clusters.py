"""Which of its weighted clusters a route takes where no chance is left: by hash, by header, by runtime."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families import _route_tables as made
from tests.truth.setting import Setting

KEY: Mapping[str, Any] = {"header": {"header_name": "x-key"}}
OTHER: Mapping[str, Any] = {"header": {"header_name": "x-other"}}
SOURCE: Mapping[str, Any] = {"connection_properties": {"source_ip": True}}
QUERY: Mapping[str, Any] = {"query_parameter": {"name": "k"}}
COOKIE: Mapping[str, Any] = {"cookie": {"name": "id"}}
EVEN = {"one": 1, "two": 1, "three": 1}
ODD = {"one": 70, "missing": 1, "two": 0, "three": 4}

Calls = list[Mapping[str, Any]]
Table = tuple[Mapping[str, Any], Calls]


def settings() -> Iterator[Setting]:
    yield made.setting("by hash", list(_hashed()), marks=["use_hash_policy"])
    yield made.setting("by hash, as the client is taken to be", list(_clients()), manager=TRUSTING)


TRUSTING = {"use_remote_address": True, "xff_num_trusted_hops": 1}


def _table(weights: Mapping[str, int], *policies: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    entries = [{"name": name, "weight": weight} for name, weight in weights.items()]
    weighted = {"clusters": entries, "use_hash_policy": True, **fields}
    return made.table(
        {"match": {"prefix": "/"}, "route": {"weighted_clusters": weighted, "hash_policy": list(policies)}}
    )


def keyed(count: int = 24) -> Calls:
    return [{"headers": {"x-key": f"key-{number}"}} for number in range(count)]


def _hashed() -> Iterator[Table]:
    several: Calls = [{"headers": {"x-key": [f"b{number}", "a"]}} for number in range(8)]
    both: Calls = [{"headers": {"x-key": f"k{number}", "x-other": f"o{number % 3}"}} for number in range(12)]
    yield _table(EVEN, KEY), [*keyed(), *several, {"headers": {"x-key": ""}}]
    yield _table(ODD, KEY), keyed(40)
    yield _table({"one": 4_000_000_000, "two": 294_967_295}, KEY), keyed()
    yield _table({"one": 0, "two": 7}, KEY), keyed(3)
    yield _table({"two": 7}), keyed(3)
    yield _table({"one": 1, "two": 0}, KEY), [{}, {}]
    yield _table(EVEN, KEY, OTHER), both
    yield _table(EVEN, {**KEY, "terminal": True}, OTHER), [*both, *({"headers": {"x-other": f"{n}"}} for n in range(6))]
    yield _table(EVEN, COOKIE), [{"headers": {"cookie": f"a=b; id={number}"}} for number in range(12)]
    ttl = {"cookie": {"name": "id", "ttl": "5s"}}
    yield _table(EVEN, ttl), [{"headers": {"cookie": f"a=b; id={number}"}} for number in range(12)]
    yield _table(EVEN, KEY, ttl), keyed(12)
    yield _table(EVEN, QUERY), [{"path": f"/?k={number}&k=z"} for number in range(12)]
    yield _table(EVEN, SOURCE), [{"source": "10.93.0.2:0"}, {}, {}]
    yield _table(EVEN, {"header": {"header_name": ":path"}}), [{"path": f"/p{number}"} for number in range(12)]
    hosts = [{"authority": f"h{number}.test:81"} for number in range(12)]
    yield _table(EVEN, {"header": {"header_name": ":authority"}}), list(hosts)
    rewrite = {"pattern": {"regex": "^(\\w+)-(\\d).*$"}, "substitution": "\\2-\\1"}
    yield _table(EVEN, {"header": {"header_name": "x-key", "regex_rewrite": rewrite}}), keyed()


def _clients() -> Iterator[Table]:
    chains: Calls = [{"headers": {"x-forwarded-for": f"20.0.0.{number}, 30.0.0.{number % 3}"}} for number in range(16)]
    yield _table(EVEN, SOURCE), [*chains, {}]
    yield _table(EVEN, {"header": {"header_name": "x-forwarded-for"}}), chains
