"""health_check: answers requests that match its headers, unless it only passes them through.

envoyproxy/envoy source/extensions/filters/http/health_check. Every response to such a request names the proxy's own
service cluster.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from ...config.view import View
from ...match.condition import Condition
from ...place import Place
from ...reasons import because
from ..matchers import compile_header_matcher
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .response import Response

TYPE_NAME = "envoy.extensions.filters.http.health_check.v3.HealthCheck"


@frozen(eq=False)
class HealthCheck:
    name: str
    place: Place
    headers: tuple[Condition[Any], ...]
    clusters: tuple[str, ...]
    """cluster_min_healthy_percentages: the answer hangs on how many of their hosts are healthy."""
    passes_on: bool = False
    """pass_through_mode: an application answers."""

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        asks = self._asks_for_health(facts)
        if not asks or self.passes_on:
            return Change(None, memories={self: asks})
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

    def respond(self, facts: FilterFacts, _own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        passed = facts.memories.get(self)
        if not seen or not (self._asks_for_health(facts) if passed is None else passed):
            return response
        named = () if facts.service_cluster is None else (facts.service_cluster,)
        return evolve(response, headers={**response.headers, "x-envoy-upstream-healthchecked-cluster": named})

    def _asks_for_health(self, facts: FilterFacts) -> bool:
        return all(condition.holds(facts) is True for condition in self.headers)


def compile_health_check(view: View, name: str) -> HealthCheck:
    return HealthCheck(
        name,
        view.place,
        tuple(compile_header_matcher(entry) for entry in view.views("headers")),
        tuple(name for name, _below in view.map("cluster_min_healthy_percentages")),
        view.boolean("pass_through_mode", False),
    )
