"""local_ratelimit: a token bucket of this proxy's own. How full it is, only the requests before this one know.

envoyproxy/envoy source/extensions/filters/http/local_ratelimit. A request passes by default; a bucket for each
connection is full on a new one.
"""

from __future__ import annotations

from attrs import frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..header_mutations import MutationLevel, compiled_addition
from ..per_filter import PerFilter
from .base import FilterFacts, Open, Option, Reply, Verdict
from .http_status import http_status
from .per_route import PerRoute
from .shares import NEVER, Share, compile_share

TYPE_NAME = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_RESOURCE_EXHAUSTED = 8


@frozen(eq=False)
class Limit:
    place: Place
    bucket: bool
    counted: Share
    enforced: Share
    tokens: int
    per_connection: bool
    status: int
    grpc_status: int | None
    headers: MutationLevel


def compile_limit(view: View) -> Limit:
    bucket = view.view("token_bucket")
    code = http_status(view.view("status"), 429)
    exhausted = view.boolean("rate_limited_as_resource_exhausted", False)
    return Limit(
        place=view.place,
        bucket=bucket is not None,
        counted=compile_share(view.view("filter_enabled"), NEVER),
        enforced=compile_share(view.view("filter_enforced"), NEVER),
        tokens=bucket.integer("max_tokens", 0) if bucket is not None else 0,
        per_connection=view.boolean("local_rate_limit_per_downstream_connection", False),
        status=code if code >= 400 else 429,
        grpc_status=_RESOURCE_EXHAUSTED if exhausted else None,
        headers=MutationLevel((), tuple(compiled_addition(each) for each in view.views("response_headers_to_add"))),
    )


@frozen(eq=False)
class LocalRateLimit:
    name: str
    limits: PerRoute[Limit]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        limit = self.limits.of(own)
        acts = limit.counted.of(facts.runtime) * limit.enforced.of(facts.runtime)
        if not limit.bucket or not acts or (limit.per_connection and limit.tokens):
            return None
        reply = Reply(
            because("filter.rate-limited", limit.place, filter=self.name),
            limit.status,
            "local_rate_limited",
            ("RL",),
            "local_rate_limited",
            grpc_status=limit.grpc_status,
            additions=(limit.headers,),
        )
        if not limit.tokens:
            return reply
        what = because("filter.bucket", limit.place, filter=self.name, tokens=limit.tokens)
        return Open(what, (Option("pass", None, None), Option("limited", None, reply)), 0)


def compile_local_rate_limit(view: View, name: str) -> LocalRateLimit:
    return LocalRateLimit(name, PerRoute(compile_limit(view), compile_limit))
