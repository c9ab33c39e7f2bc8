"""cors: answers preflight requests of the origins a route's policy names.

envoyproxy/envoy source/extensions/filters/http/cors. The filter itself has no policy; routes and virtual hosts have.
"""

from __future__ import annotations

from fractions import Fraction

from attrs import define, field, frozen

from ...config.view import View
from ...match.strings import TextTest
from ...place import Place
from ...reasons import Reason, because
from ..matchers import compile_string_matcher
from ..per_filter import PerFilter
from ..unmodelled import unmodelled_fields
from .base import FilterFacts, Open, Option, Reply, Verdict

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
    place: Place
    origins: tuple[TextTest, ...]
    enabled: Fraction
    forward_not_matching: bool
    headers: tuple[tuple[str, str], ...]
    """Of the answer to a preflight, besides the origin."""
    unknown: Reason | None


def compile_policy(view: View, name: str) -> CorsPolicy:
    tests = [compile_string_matcher(entry) for entry in view.views("allow_origin_string_match")]
    leftovers = unmodelled_fields(view, _FIELDS, name)
    unknown = leftovers[0] if leftovers else None
    if None in tests:
        place = view.place_of("allow_origin_string_match")
        unknown = because("config.field-not-modelled", place, field="allow_origin_string_match", resource=name)
    enabled = view.view("filter_enabled")
    share = enabled.fraction("default_value") if enabled is not None else None
    answers = (
        ("access-control-allow-credentials", "true" if view.boolean("allow_credentials", False) else ""),
        ("access-control-allow-methods", view.text("allow_methods", "")),
        ("access-control-allow-headers", view.text("allow_headers", "")),
        ("access-control-max-age", view.text("max_age", "")),
    )
    return CorsPolicy(
        place=view.place,
        origins=tuple(test for test in tests if test is not None),
        enabled=Fraction(1) if share is None else min(Fraction(*share), Fraction(1)),
        forward_not_matching=view.boolean("forward_not_matching_preflights", True),
        headers=tuple((header, value) for header, value in answers if value),
        unknown=unknown,
    )


@define(eq=False)
class Cors:
    name: str
    place: Place
    _policies: dict[PerFilter, CorsPolicy] = field(factory=dict, init=False)

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        if own is None or own.config is None or facts.request.method != "OPTIONS":
            return None
        origin = facts.request.values("origin")
        asked = facts.request.values("access-control-request-method")
        if not origin or not origin[0] or not asked or not asked[0]:
            return None
        policy = self._policies.get(own)
        if policy is None:
            policy = self._policies[own] = compile_policy(own.config.view, self.name)
        if not policy.enabled:
            return None
        reply = self._reply(policy, origin[0])
        if policy.unknown is not None:
            answer = reply or _answer(policy, self.name, {})
            return Open(policy.unknown, (Option("pass", None, None), Option("answers", None, answer)), default=0)
        if reply is None or policy.enabled == 1:
            return reply
        what = because("filter.cors-share", policy.place, filter=self.name)
        return Open(what, (Option("pass", 1 - policy.enabled, None), Option("answers", policy.enabled, reply)))

    def _reply(self, policy: CorsPolicy, origin: str) -> Reply | None:
        if any(test.holds(origin) for test in policy.origins):
            headers: dict[str, tuple[str, ...]] = {"access-control-allow-origin": (origin,)}
            headers.update((name, (value,)) for name, value in policy.headers)
            return _answer(policy, self.name, headers)
        return None if policy.forward_not_matching else _answer(policy, self.name, {})


def _answer(policy: CorsPolicy, name: str, headers: dict[str, tuple[str, ...]]) -> Reply:
    why = because("filter.cors-preflight", policy.place, filter=name)
    return Reply(why, 200, "cors_response", headers=headers)


def compile_cors_filter(view: View, name: str) -> Cors:
    return Cors(name, view.place)
