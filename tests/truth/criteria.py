"""What of Envoy's configuration a probe put to the test, read off the listeners and clusters that it really touched."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.truth.setting import Setting

Document = Mapping[str, Any]
_ROUTE_PARTS = {
    "match": "route match",
    "route": "route action",
    "redirect": "redirect",
    "direct_response": "direct response",
}
_PLAIN = frozenset({"name", "@type", "stat_prefix", "cluster_name", "connect_timeout"})
_MANAGER_PLAIN = _PLAIN | {"http_filters", "route_config", "access_log", "codec_type"}


def counted(setting: Setting, observations: Iterable[Document]) -> Counter[str]:
    """Criterion -> probes that met it."""
    by_listener, by_cluster = _listeners(setting.dump), _clusters(setting.dump)
    found: Counter[str] = Counter()
    for observation in observations:
        met: set[str] = set()
        for hop in observation["hops"]:
            met |= by_listener.get(hop["listener"] or "", set()) | by_cluster.get(hop["cluster"] or "", set())
        found.update(met)
    return found


def _listeners(dump: Document) -> dict[str, set[str]]:
    return {each.get("name", ""): set(_of_listener(each)) for each in resources(dump, "listener")}


def _clusters(dump: Document) -> dict[str, set[str]]:
    return {each["name"]: set(_of_cluster(each)) for each in resources(dump, "cluster")}


def resources(dump: Document, kind: str) -> Iterator[Document]:
    for section in dump["configs"]:
        for entries in section.values():
            for entry in entries if isinstance(entries, list) else ():
                held = entry.get("active_state", entry) if isinstance(entry, dict) else {}
                if isinstance(held.get(kind), dict):
                    yield held[kind]


def _of_listener(listener: Document) -> Iterator[str]:
    for each in listener.get("listener_filters", ()):
        yield f"listener filter: {_short(each)}"
        if "filter_disabled" in each:
            yield "listener filter: filter_disabled"
    for name in ("default_filter_chain", "filter_chain_matcher", "internal_listener", "additional_addresses"):
        if name in listener:
            yield f"listener: {name}"
    for chain in (*listener.get("filter_chains", ()), listener.get("default_filter_chain") or {}):
        for name in chain.get("filter_chain_match", ()):
            yield f"chain match: {name}"
        if "transport_socket" in chain:
            yield f"downstream socket: {_short(chain['transport_socket'])}"
        for each in chain.get("filters", ()):
            yield f"network filter: {_short(each)}"
            config = each.get("typed_config", {})
            if _short(each) == "HttpConnectionManager":
                yield from (f"connection manager: {name}" for name in config if name not in _MANAGER_PLAIN)
                yield from (f"http filter: {_short(each)}" for each in config.get("http_filters", ()))
                yield from _of_routes(config.get("route_config", {}))


def _of_routes(table: Document) -> Iterator[str]:
    for vhost in table.get("virtual_hosts", ()):
        yield from (f"virtual host: {name}" for name in vhost if name not in _PLAIN | {"routes"})
        for route in vhost.get("routes", ()):
            for part, word in _ROUTE_PARTS.items():
                yield from (f"{word}: {name}" for name in route.get(part, ()))
            yield from (f"route: {name}" for name in route if name not in _PLAIN and name not in _ROUTE_PARTS)
            for kind in ("headers", "query_parameters", "cookies"):
                for each in route.get("match", {}).get(kind, ()):
                    yield from (f"{kind}: {name}" for name in each if name not in _PLAIN)


def _of_cluster(cluster: Document) -> Iterator[str]:
    yield f"cluster type: {cluster.get('type') or _short(cluster.get('cluster_type', {}))}"
    yield f"load balancing: {cluster.get('lb_policy', 'ROUND_ROBIN')}"
    plain = _PLAIN | {"type", "cluster_type", "lb_policy", "load_assignment", "alt_stat_name"}
    yield from (f"cluster: {name}" for name in cluster if name not in plain)
    fallback = cluster.get("lb_subset_config", {}).get("fallback_policy")
    if fallback is not None:
        yield f"subset fallback: {fallback}"


def _short(entry: Document) -> str:
    kind = str(entry.get("typed_config", {}).get("@type", entry.get("name", "none")))
    return kind.rpartition(".")[2].rpartition("/")[2]
