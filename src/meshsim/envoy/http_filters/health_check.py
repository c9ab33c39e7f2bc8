"""health_check: answers requests that match its headers, unless it only passes them through."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...config.view import View
from ...match.condition import Condition
from ...place import Place
from ...reasons import because
from ..matchers import compile_header_matcher
from ..per_filter import PerFilter
from .base import FilterFacts, Open, Option, Reply, Verdict

TYPE_NAME = "envoy.extensions.filters.http.health_check.v3.HealthCheck"


@frozen(eq=False)
class HealthCheck:
    name: str
    place: Place
    headers: tuple[Condition[Any], ...]
    clusters: tuple[str, ...]
    """cluster_min_healthy_percentages: the answer hangs on how many of their hosts are healthy."""

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        if any(condition.holds(facts) is not True for condition in self.headers):
            return None
        why = because("filter.health-check", self.place, filter=self.name)
        if not self.clusters:
            return Reply(why, 200, "health_check_ok")
        healthy = Reply(why, 200, "health_check_ok_cluster_healthy")
        missing = Reply(why, 503, "health_check_failed_no_cluster_found", ("LH",))
        if any(facts.has_cluster(name) is False for name in self.clusters):
            return missing
        failed = Reply(why, 503, "health_check_failed_cluster_unhealthy", ("LH",))
        what = because("filter.health-of-clusters", self.place, filter=self.name, clusters=", ".join(self.clusters))
        return Open(what, (Option("healthy", None, healthy), Option("failed", None, failed)), default=0)


def compile_health_check(view: View, name: str) -> HealthCheck | None:
    """None where every request goes on to the upstream."""
    if view.boolean("pass_through_mode", False):
        return None
    return HealthCheck(
        name,
        view.place,
        tuple(compile_header_matcher(entry) for entry in view.views("headers")),
        tuple(name for name, _below in view.map("cluster_min_healthy_percentages")),
    )
