"""rbac: lets requests pass or answers 403, by policies. envoyproxy/envoy source/extensions/filters/http/rbac.

Istio lays out its AuthorizationPolicies as several of these: AUDIT (LOG), DENY, then ALLOW.
"""

from __future__ import annotations

from attrs import define, evolve, field

from ...config.view import View
from ...explanation import Candidate
from ...place import Place
from ...reasons import Reason, because
from ..paths import without_parameters, without_query
from ..per_filter import PerFilter
from ..rbac.engine import Judgement
from ..rbac.facts import RbacFacts
from ..rbac.filter_config import RbacConfig, compile_rbac
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .progress import with_metadata

TYPE_NAME = "envoy.extensions.filters.http.rbac.v3.RBAC"
PER_ROUTE = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"
BODY = "RBAC: access denied"
STATUS = 403
METADATA, COMMON = "envoy.filters.http.rbac", "envoy.common"
PASSES = Judgement(allowed=True, policy=None)


@define(eq=False)
class HttpRbac:
    name: str
    place: Place
    config: RbacConfig
    _per_route: dict[PerFilter, RbacConfig | None] = field(factory=dict, init=False)

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        config = self._config(own)
        if config is None or (config.rules is None and config.shadow is None and config.idle):
            return None
        if config.idle:
            return self._reply(config, PASSES, facts)
        if config.opaque is not None:
            why = because("filter.blocked", config.place, filter=self.name, type=TYPE_NAME)
            return self._open(config.opaque, [Option("pass", None, None), Option("blocks", None, _denied(why, None))])
        courses = config.courses(_asked(facts))
        if len(courses) == 1:
            return self._reply(config, courses[0], facts)
        if all(course.allowed for course in courses):
            return self._reply(config, courses[0], facts)
        options = [Option(course.policy or "no policy", None, self._reply(config, course, facts)) for course in courses]
        open_policies = ", ".join(course.policy or "" for course in courses[:-1])
        what = because("filter.rbac-open", config.place, filter=self.name, policies=open_policies)
        return self._open(what, options)

    def _open(self, what: Reason, options: list[Option]) -> Open:
        """The harmless course is one that lets the request pass; of several, the last."""
        passing = [index for index, option in enumerate(options) if option.reply is None]
        return Open(what, tuple(options), default=passing[-1] if passing else len(options) - 1)

    def _reply(self, config: RbacConfig, judgement: Judgement, facts: FilterFacts) -> Reply | Change | None:
        """A request that passes carries what the rules said, and what the shadow rules would have."""
        if not judgement.allowed:
            return _denied(config.denied(judgement), judgement.details)
        asked = _asked(facts)
        shadow, metadata = config.shadow_metadata(asked), facts.metadata
        for namespace, noted in (
            (METADATA, {**shadow, **config.enforced_metadata(asked)}),
            (COMMON, config.common_metadata(asked)),
        ):
            metadata = with_metadata(metadata, namespace, noted) if noted else metadata
        if metadata is facts.metadata:
            return None
        why = because("filter.changed", config.place, filter=self.name) if shadow else None
        return Change(why, metadata=metadata)

    def candidates(self, facts: FilterFacts, own: PerFilter | None, option: int | None) -> tuple[Candidate, ...]:
        """The policies, each with what it asked and saw; `option` is what was taken where it was open."""
        config = self._config(own)
        if config is None or config.rules is None:
            return ()
        asked = _asked(facts)
        courses = config.courses(asked)
        taken = courses[-1 if option is None or option >= len(courses) else option]
        return config.explain(asked, taken.policy)

    def _config(self, own: PerFilter | None) -> RbacConfig | None:
        """A route's rules stand in for the filter's own; a route without any switches them off.

        What a route does not say of names stays the filter's own.
        """
        in_force = own.in_force() if own is not None else None
        if own is None or in_force is None:
            return self.config
        if own not in self._per_route:
            below = in_force.view.view("rbac")
            self._per_route[own] = (
                None if below is None else self._named(compile_rbac(below, self.name, over_http=True))
            )
        return self._per_route[own]

    def _named(self, config: RbacConfig) -> RbacConfig:
        own = self.config
        prefix, shadow_prefix = config.prefix or own.prefix, config.shadow_prefix or own.shadow_prefix
        return evolve(config, prefix=prefix, shadow_prefix=shadow_prefix)


def _denied(why: Reason, details: str | None) -> Reply:
    return Reply(why, STATUS, details, body=BODY)


def _asked(facts: FilterFacts) -> RbacFacts:
    request, route = facts.request, facts.route
    path = without_query(request.path) if request.path else None
    if path is not None and facts.ignore_path_parameters and facts.runtime.guard("rbac_respect_ignore_path_parameters"):
        path = without_parameters(path)
    connection = facts.connection
    # x-forwarded-for changes the address of the request, not of its connection; what it names has no port.
    source = connection.remote if connection.remote_port else connection.direct_remote
    metadata = route.metadata if route is not None else None
    joins = not facts.runtime.guard("rbac_match_headers_individually")
    return RbacFacts(
        connection,
        request,
        source,
        path=path,
        metadata=facts.metadata,
        filter_state={**facts.filter_state, **connection.filter_state},
        filter_state_known=facts.filter_state_known,
        joins_header_values=joins,
        route_metadata=metadata,
    )


def compile_http_rbac(view: View, name: str) -> HttpRbac:
    return HttpRbac(name, view.place, compile_rbac(view, name, over_http=True))
