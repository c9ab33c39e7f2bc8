"""ratelimit: a service counts for everybody; asked only where route or virtual host describe the request.

envoyproxy/envoy source/extensions/filters/http/ratelimit.
"""

from __future__ import annotations

from attrs import frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import FilterFacts, Open, Option, Reply, Verdict
from .http_status import http_status
from .service import service_cluster

TYPE_NAME = "envoy.extensions.filters.http.ratelimit.v3.RateLimit"
_RESOURCE_EXHAUSTED = 8


@frozen(eq=False)
class RateLimit:
    name: str
    place: Place
    cluster: str | None
    denies_failure: bool
    limited_status: int
    grpc_status: int | None
    """None: the one that stands for the status."""
    marks_limited: bool
    error_status: int

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        described = own is not None and own.in_force() is not None
        if not described and (facts.route is None or not facts.route.rate_limited):
            return None
        failed = None
        if self.denies_failure:
            why = because("filter.service-missing", self.place, filter=self.name, cluster=self.cluster or "")
            failed = Reply(why, self.error_status, "rate_limiter_error", ("RLSE",))
        if self.cluster is not None and facts.has_cluster(self.cluster) is False:
            return failed
        why = because("filter.rate-limited", self.place, filter=self.name)
        limited = Reply(
            why,
            self.limited_status,
            "request_rate_limited",
            ("RL",),
            headers={"x-envoy-ratelimited": ("true",)} if self.marks_limited else {},
            grpc_status=self.grpc_status,
        )
        what = because("filter.service-decides", self.place, filter=self.name, cluster=self.cluster or "")
        return Open(
            what,
            (Option("pass", None, None), Option("blocks", None, limited), Option("fails", None, failed)),
            default=0,
            waits=True,
        )


def compile_rate_limit(view: View, name: str) -> RateLimit:
    service = view.view("rate_limit_service")
    limited = http_status(view.view("rate_limited_status"), 429)
    return RateLimit(
        name,
        view.place,
        service_cluster(service.view("grpc_service")) if service is not None else None,
        view.boolean("failure_mode_deny", False),
        limited if limited >= 400 else 429,
        _RESOURCE_EXHAUSTED if view.boolean("rate_limited_as_resource_exhausted", False) else None,
        not view.boolean("disable_x_envoy_ratelimited_header", False),
        http_status(view.view("status_on_error"), 500),
    )
