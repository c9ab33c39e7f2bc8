"""fault for one upstream cluster: of routes that name it, weigh it, or have a header name it.

Surprising: among weighted clusters the one that was picked counts, and it is picked before any filter runs; a cluster
counts by its name, whether there is one of that name or not; a header that a filter sets comes too late.
"""

from typing import Any

from tests.builders_http import http_filter, one_route
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import append, get, mutation

CLUSTERS = ("c", "d", "dead", "none")


def fault(upstream_cluster: str) -> dict[str, Any]:
    fields = {"abort": {"http_status": 418, "percentage": {"numerator": 100}}, "upstream_cluster": upstream_cluster}
    return http_filter("fault", "fault.v3.HTTPFault", **fields)


def weighted(*pairs: tuple[str, int], **fields: Any) -> dict[str, Any]:
    clusters = [{"name": name, "weight": weight, **fields} for name, weight in pairs]
    return {"route": {"weighted_clusters": {"clusters": clusters}}}


def of_weighted_clusters() -> list[Case]:
    one = [get()]
    cases: list[Case] = []
    for cluster in CLUSTERS:
        level = {"typed_per_filter_config": {"fault": fault(cluster)["typed_config"]}}
        rows: list[tuple[dict[str, Any], dict[str, Any], int]] = [
            (fault(cluster), weighted(("c", 1), ("d", 0)), 1),
            (fault(cluster), weighted(("d", 1)), 1),
            (fault(cluster), weighted(("c", 1), ("d", 1)), 4),
            (fault(cluster), weighted(("dead", 1), ("c", 1)), 4),
            (fault(cluster), weighted(("none", 1)), 1),
            (fault("other"), {**weighted(("c", 1), ("d", 1)), **level}, 4),
            (fault("other"), weighted(("c", 1), ("d", 1), **level), 4),
        ]
        cases += [(manager(each, route=one_route(name="r", **action)), one * often) for each, action, often in rows]
    return cases


def of_other_routes() -> list[Case]:
    named = [get(), get(x_to="c"), get(x_to="none"), get(x_to="dead")]
    sets = mutation("hm", request_mutations=[append("x-to", "c", "OVERWRITE_IF_EXISTS_OR_ADD")])
    by_header: dict[str, Any] = {"route": {"cluster_header": "x-to"}}
    entry = {"cluster_header": "x-to", "weight": 1}
    actions: list[dict[str, Any]] = [
        by_header,
        {"route": {"weighted_clusters": {"clusters": [entry]}}},
        {"route": {"cluster": "none"}},
        {"direct_response": {"status": 404}},
        {"redirect": {"path_redirect": "/x"}},
        {"non_forwarding_action": {}},
    ]
    cases: list[Case] = [
        (manager(fault(cluster), route=one_route(name="r", **action)), named)
        for cluster in ("c", "none")
        for action in actions
    ]
    return [*cases, (manager(sets, fault("c"), route=one_route(name="r", **by_header)), named)]


FAULT_EDGES = {"faults of weighted clusters": of_weighted_clusters, "faults of other routes": of_other_routes}
