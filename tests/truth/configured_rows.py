"""Rows of the outcome table that the log alone cannot tell from others: what was configured counts too."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.truth.criteria import resources
from tests.truth.rows import REDIRECTS, Answer
from tests.truth.setting import Setting

Document = Mapping[str, Any]

NO_TABLE = "missing RDS or scope"
NOT_FORWARDING = "non_forwarding_action"
NO_SUBSET = "subset without match"


def configured_counts(setting: Setting, observations: Iterable[Document]) -> Counter[str]:
    """How many probes met each row."""
    listeners = {each.get("name", ""): each for each in resources(setting.dump, "listener")}
    clusters = {each["name"]: each for each in resources(setting.dump, "cluster")}
    found = Counter(dict.fromkeys(_ROWS, 0))
    for observation in observations:
        for hop in observation["hops"]:
            around = listeners.get(hop["listener"] or "", {}), clusters.get(hop["cluster"] or "", {})
            found.update(row for row, (answer, holds) in _ROWS.items() if answer(hop) and holds(hop, *around))
    return found


Holds = Callable[[Document, Document, Document], bool]
"""Of a hop, its listener and its cluster."""


def _lacks_its_table(hop: Document, listener: Document, _cluster: Document) -> bool:
    return not hop["virtual_host"] and any(name in json.dumps(listener) for name in ('"rds"', '"scoped_routes"'))


def _does_not_forward(hop: Document, listener: Document, _cluster: Document) -> bool:
    routes = (route for route in _routes(listener) if route.get("name") == hop["route"])
    return any("non_forwarding_action" in route for route in routes)


def _redirects(hop: Document, listener: Document, _cluster: Document) -> bool:
    return any("redirect" in route for route in _routes(listener) if route.get("name") == hop["route"])


def _has_subsets(_hop: Document, _listener: Document, cluster: Document) -> bool:
    return "lb_subset_config" in cluster


def _routes(listener: Document) -> Iterator[Document]:
    for chain in listener.get("filter_chains", ()):
        for each in chain.get("filters", ()):
            for vhost in each.get("typed_config", {}).get("route_config", {}).get("virtual_hosts", ()):
                yield from vhost.get("routes", ())


_ROWS: dict[str, tuple[Answer, Holds]] = {
    NO_TABLE: (Answer((404,), "NR", "route_not_found"), _lacks_its_table),
    NOT_FORWARDING: (Answer((503,), "NC", "cluster_not_found"), _does_not_forward),
    **{f"redirect {status}": (Answer((status,), "", "direct_response"), _redirects) for status in REDIRECTS},
    NO_SUBSET: (Answer((503,), "UH", "no_healthy_upstream"), _has_subsets),
}
