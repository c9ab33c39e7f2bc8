"""cors: answers preflight requests of the origins a route's policy names, and marks the responses they get.

envoyproxy/envoy source/extensions/filters/http/cors. The filter itself has no policy; routes, virtual hosts and route
configurations have, and each field is the most specific that is set. Routes that answer or redirect have none.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Headers
from ...match.strings import TextTest
from ...place import Place
from ...reasons import Reason, because
from ..matchers import compile_string_matcher
from ..per_filter import PerFilter
from ..routes import Route
from ..unmodelled import unmodelled_fields
from .base import FilterFacts, Open, Option, Reply, Verdict
from .per_route import PerRoute
from .response import Response
from .shares import ALWAYS, Share, compile_share

TYPE_NAME = "envoy.extensions.filters.http.cors.v3.Cors"
_FIELDS = frozenset(
    {
        "allow_origin_string_match",
        "allow_methods",
        "allow_headers",
        "expose_headers",
        "max_age",
        "allow_credentials",
        "allow_private_network_access",
        "filter_enabled",
        "shadow_enabled",
        "forward_not_matching_preflights",
    }
)


@frozen(eq=False)
class CorsPolicy:
    """What one level says; None or empty: nothing."""

    place: Place
    origins: tuple[TextTest, ...]
    enabled: Share
    forward_not_matching: bool | None
    credentials: bool | None
    private_network: bool | None
    methods: str
    headers: str
    exposed: str
    max_age: str
    unknown: Reason | None

    def over(self, outer: CorsPolicy) -> CorsPolicy:
        return CorsPolicy(
            self.place,
            self.origins or outer.origins,
            self.enabled,
            outer.forward_not_matching if self.forward_not_matching is None else self.forward_not_matching,
            outer.credentials if self.credentials is None else self.credentials,
            outer.private_network if self.private_network is None else self.private_network,
            self.methods or outer.methods,
            self.headers or outer.headers,
            self.exposed or outer.exposed,
            self.max_age or outer.max_age,
            self.unknown or outer.unknown,
        )

    def allows(self, origin: str) -> bool:
        return any(test.holds("*") or test.holds(origin) for test in self.origins)

    def marks(self, origin: str) -> dict[str, tuple[str, ...]]:
        """What both kinds of answers say."""
        made: dict[str, tuple[str, ...]] = {"access-control-allow-origin": (origin,)}
        if self.credentials:
            made["access-control-allow-credentials"] = ("true",)
        return made


def compile_policy(view: View) -> CorsPolicy:
    tests = [compile_string_matcher(entry) for entry in view.views("allow_origin_string_match")]
    leftovers = unmodelled_fields(view, _FIELDS, "cors")
    unknown = leftovers[0] if leftovers else None
    if None in tests:
        place = view.place_of("allow_origin_string_match")
        unknown = because("config.field-not-modelled", place, field="allow_origin_string_match", resource="cors")
    return CorsPolicy(
        place=view.place,
        origins=tuple(test for test in tests if test is not None),
        enabled=compile_share(view.view("filter_enabled"), ALWAYS),
        forward_not_matching=view.boolean("forward_not_matching_preflights"),
        credentials=view.boolean("allow_credentials"),
        private_network=view.boolean("allow_private_network_access"),
        methods=view.text("allow_methods", ""),
        headers=view.text("allow_headers", ""),
        exposed=view.text("expose_headers", ""),
        max_age=view.text("max_age", ""),
        unknown=unknown,
    )


@frozen(eq=False)
class Cors:
    name: str
    place: Place
    policies: PerRoute[CorsPolicy | None]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        policy = self._policy(facts.route, own)
        request = facts.request
        if policy is None or request.method != "OPTIONS":
            return None
        origin = (request.values("origin") or ("",))[0]
        if not origin or not (request.values("access-control-request-method") or ("",))[0]:
            return None
        enabled = policy.enabled.of(facts.runtime)
        if not enabled:
            return None
        reply = self._preflight(policy, facts, origin)
        if policy.unknown is not None:
            answer = reply or self._answer(policy, {})
            return Open(policy.unknown, (Option("pass", None, None), Option("answers", None, answer)), default=0)
        if reply is None or enabled == 1:
            return reply
        what = because("filter.cors-share", policy.place, filter=self.name)
        return Open(what, (Option("pass", 1 - enabled, None), Option("answers", enabled, reply)))

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        policy = self._policy(facts.route, own)
        origin = (facts.request.values("origin") or ("",))[0]
        if (
            not seen
            or policy is None
            or policy.enabled.of(facts.runtime) != 1
            or not origin
            or not policy.allows(origin)
        ):
            return response
        exposed = {"access-control-expose-headers": (policy.exposed,)} if policy.exposed else {}
        return evolve(response, headers={**response.headers, **policy.marks(origin), **exposed})

    def _policy(self, route: Route | None, own: PerFilter | None) -> CorsPolicy | None:
        if route is None or not route.forwards:
            return None
        merged: CorsPolicy | None = None
        for level in self.policies.levels(own):
            if level is not None:
                merged = level if merged is None else merged.over(level)
        return merged

    def _preflight(self, policy: CorsPolicy, facts: FilterFacts, origin: str) -> Reply | None:
        allowed = policy.allows(origin)
        if not allowed and policy.forward_not_matching is not False:
            return None
        made = policy.marks(origin)
        if not allowed:
            del made["access-control-allow-origin"]
        request = facts.request
        for name, value, asked in (
            ("access-control-allow-methods", policy.methods, "access-control-request-method"),
            ("access-control-allow-headers", policy.headers, "access-control-request-headers"),
        ):
            if value:
                made[name] = (request.values(asked) or ("",)) if value == "*" else (value,)
        if policy.max_age:
            made["access-control-max-age"] = (policy.max_age,)
        if policy.private_network and request.values("access-control-request-private-network") == ("true",):
            made["access-control-allow-private-network"] = ("true",)
        return self._answer(policy, made)

    def _answer(self, policy: CorsPolicy, headers: Headers) -> Reply:
        why = because("filter.cors-preflight", policy.place, filter=self.name)
        return Reply(why, 200, "cors_response", headers=headers, plain=True)


def compile_cors_filter(view: View, name: str) -> Cors:
    return Cors(name, view.place, PerRoute(None, compile_policy))
