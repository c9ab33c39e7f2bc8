"""ratelimit: a service counts connections for the whole mesh.

envoyproxy/envoy source/extensions/filters/network/ratelimit.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...place import Place
from ...reasons import because
from .authority import service_cluster
from .verdicts import Behaviour, Closes, NetworkFacts, Open, Option, Verdict

OVER_LIMIT = "ratelimit_close_over_limit"
FAILED = "ratelimit_error_failure_mode_connection_close"
ENABLED, ENFORCED = "ratelimit.tcp_filter_enabled", "ratelimit.tcp_filter_enforcing"


@define(eq=False)
class NetworkRateLimit(Behaviour):
    name: str
    place: Place
    cluster: str | None
    failure_mode_deny: bool

    def new_connection(self, facts: NetworkFacts) -> Verdict:
        if facts.runtime.integer(ENABLED, 100) == 0:
            return None
        failed = self._closes("network.authority-unreachable", FAILED) if self.failure_mode_deny else None
        if self.cluster is not None and facts.has_cluster(self.cluster) is False:
            return failed
        over = self._closes("network.over-limit", OVER_LIMIT) if facts.runtime.integer(ENFORCED, 100) else None
        options = [Option("pass", None, None)]
        options += [
            Option(word, None, verdict) for word, verdict in (("over limit", over), ("error", failed)) if verdict
        ]
        if len(options) == 1:
            return None
        what = because("network.asks-a-service", self.place, filter=self.name, cluster=self.cluster or "none")
        return Open(what, tuple(options), default=0)

    def _closes(self, code: str, close_reason: str) -> Closes:
        return Closes(because(code, self.place, filter=self.name), close_reason)


def compile_rate_limit(view: View, name: str) -> NetworkRateLimit:
    service = view.view("rate_limit_service")
    cluster = service_cluster(service) if service is not None else None
    return NetworkRateLimit(name, view.place, cluster, view.boolean("failure_mode_deny", False))
