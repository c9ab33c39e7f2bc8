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
    by_clusters: bool
    """cluster_min_healthy_percentages: the answer hangs on the health of clusters."""

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        if any(condition.holds(facts) is not True for condition in self.headers):
            return None
        healthy = Reply(because("filter.health-check", self.place, filter=self.name), 200, "health_check_ok")
        if not self.by_clusters:
            return healthy
        failed = Reply(
            because("filter.health-check", self.place, filter=self.name), 503, "health_check_failed", ("LH",)
        )
        what = because("filter.opaque", self.place, filter=self.name, type=TYPE_NAME)
        return Open(what, (Option("healthy", None, healthy), Option("failed", None, failed)), default=0)


def compile_health_check(view: View, name: str) -> HealthCheck | None:
    """None where every request goes on to the upstream."""
    if view.boolean("pass_through_mode", False):
        return None
    return HealthCheck(
        name,
        view.place,
        tuple(compile_header_matcher(entry) for entry in view.views("headers")),
        view.has("cluster_min_healthy_percentages"),
    )
