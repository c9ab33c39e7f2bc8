"""local_ratelimit: token buckets of this proxy's own. How full they are, only the requests before this one know.

envoyproxy/envoy source/extensions/filters/http/local_ratelimit. A request passes by default; a bucket for each
connection is full on a new one. Which descriptors a request has is not worked out: where there may be any, their
buckets are in doubt as well.
"""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..header_mutations import MutationLevel, compiled_addition, mutated
from ..local_rate_limit_checks import check_limit
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .format_facts import format_facts
from .http_status import http_status
from .per_route import PerRoute
from .response import Response
from .shares import NEVER, Share, compile_share

TYPE_NAME = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_RESOURCE_EXHAUSTED = 8
_VERSIONS = ("OFF", "DRAFT_VERSION_03")
_LIMIT = "x-ratelimit-limit"
_OF_THE_MOMENT = ("x-ratelimit-remaining", "x-ratelimit-reset")


@frozen(eq=False)
class Limit:
    place: Place
    counted: Share
    enforced: Share
    tokens: int | None
    """Of the bucket for everything; None: there is none."""
    descriptor_tokens: tuple[int, ...]
    own_limits: bool
    """Whether the filter itself says which descriptors requests have, in the route's stead."""
    default_always: bool
    """The bucket for everything counts beside those of descriptors."""
    per_connection: bool
    status: int
    grpc_status: int | None
    headers: MutationLevel
    not_enforced: MutationLevel
    """What a request gets that is over the limit, where that is not enforced."""
    tells: bool
    """enable_x_ratelimit_headers: responses say how full the bucket is."""

    def described(self, facts: FilterFacts) -> bool:
        """Whether a descriptor's bucket may count this request."""
        return bool(self.descriptor_tokens) and (
            self.own_limits or (facts.route is not None and facts.route.rate_limited)
        )

    def buckets(self, facts: FilterFacts) -> tuple[tuple[int, ...], bool]:
        """The tokens of each bucket in which this request may be counted; whether the request is surely refused."""
        described = self.described(facts)
        whole = () if self.tokens is None else (self.tokens,)
        found = [*whole, *(self.descriptor_tokens if described else ())]
        if self.per_connection:
            found = [tokens for tokens in found if not tokens]
        return tuple(found), whole == (0,) and (self.default_always or not described)


def compile_limit(view: View) -> Limit:
    check_limit(view)
    bucket = view.view("token_bucket")
    code = http_status(view.view("status"), 429)
    exhausted = view.boolean("rate_limited_as_resource_exhausted", False)
    return Limit(
        place=view.place,
        counted=compile_share(view.view("filter_enabled"), NEVER),
        enforced=compile_share(view.view("filter_enforced"), NEVER),
        tokens=bucket.integer("max_tokens", 0) if bucket is not None else None,
        descriptor_tokens=tuple(map(_tokens, view.views("descriptors"))),
        own_limits=bool(view.views("rate_limits")),
        default_always=view.boolean("always_consume_default_token_bucket", True),
        per_connection=view.boolean("local_rate_limit_per_downstream_connection", False),
        status=code if code >= 400 else 429,
        grpc_status=_RESOURCE_EXHAUSTED if exhausted else None,
        headers=_additions(view, "response_headers_to_add"),
        not_enforced=_additions(view, "request_headers_to_add_when_not_enforced"),
        tells=view.enum("enable_x_ratelimit_headers", _VERSIONS) == _VERSIONS[1],
    )


def _tokens(descriptor: View) -> int:
    bucket = descriptor.view("token_bucket")
    return bucket.integer("max_tokens", 0) if bucket is not None else 0


def _additions(view: View, field: str) -> MutationLevel:
    return MutationLevel((), tuple(compiled_addition(each) for each in view.views(field)))


@frozen(eq=False)
class LocalRateLimit:
    name: str
    limits: PerRoute[Limit]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        limit = self.limits.of(own)
        counted, enforced = limit.counted.of(facts.runtime), limit.enforced.of(facts.runtime)
        buckets, surely = limit.buckets(facts)
        if not buckets or not counted:
            return None
        over = [
            option
            for option in (
                Option("limited", counted * enforced, self._refused(limit, facts)),
                Option("not-enforced", counted * (1 - enforced), self._marked(limit, facts)),
            )
            if option.share and option.verdict is not None
        ]
        if not over:
            return None
        if surely and over[0].share == 1:
            return over[0].verdict
        passing = 1 - sum((option.share or Fraction(0) for option in over), Fraction(0))
        options = [Option("pass", passing, None), *over] if passing or not surely else over
        if not surely:
            options = [evolve(option, share=None) for option in options]
        what = because("filter.bucket", limit.place, filter=self.name, tokens=min(buckets))
        return Open(what, tuple(options), None if surely else 0)

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """How full the bucket is that counted the request, where one may have. One for everything needs tokens."""
        limit = self.limits.of(own)
        counted, described = limit.counted.of(facts.runtime), limit.described(facts)
        if not (seen and limit.tells and counted and (limit.tokens or described)):
            return response
        known = counted == 1 and not described
        headers = dict(response.headers)
        before = headers.get(_LIMIT)
        headers[_LIMIT] = (*(before or ()), str(limit.tokens)) if known and before != () else ()
        return evolve(response, headers={**headers, **dict.fromkeys(_OF_THE_MOMENT, ())})

    def _refused(self, limit: Limit, facts: FilterFacts) -> Reply:
        return Reply(
            because("filter.rate-limited", limit.place, filter=self.name),
            limit.status,
            "local_rate_limited",
            ("RL",),
            "local_rate_limited",
            grpc_status=limit.grpc_status,
            additions=(limit.headers,),
        )

    def _marked(self, limit: Limit, facts: FilterFacts) -> Change | None:
        """None: it passes as it is."""
        if not limit.not_enforced:
            return None
        headers = mutated(facts.request.headers, (limit.not_enforced,), format_facts(facts))
        why = because("filter.changed", limit.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))


def compile_local_rate_limit(view: View, name: str) -> LocalRateLimit:
    return LocalRateLimit(name, PerRoute(compile_limit(view), compile_limit))
