"""jwt_authn: lets requests with good tokens pass, and notes what they claim.

envoyproxy/envoy source/extensions/filters/http/jwt_authn. What configuration cannot say (signatures by keys that are
fetched, what time it is) is a choice whose default is that the token is good.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from ...config.view import View
from ...errors import Rejected
from ...facts.request import Request
from ...place import Place
from ...reasons import because
from ..filter_state import HASHABLE_STRING, STRING, StateText
from ..jwt.check import PROVIDER, Session
from ..jwt.providers import Provider, compile_provider
from ..jwt.refusals import check_rule
from ..jwt.requirements import Requirement, compile_requirement
from ..jwt.tokens import AUDIENCE, MISSING
from ..paths import without_query
from ..per_filter import PerFilter
from ..route_matches import PATH_KINDS, CompiledMatch, RouteFacts, compile_match
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .original_uri import original_uri
from .per_route import PerRoute
from .progress import with_metadata

TYPE_NAME = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
NAMESPACE = "envoy.filters.http.jwt_authn"


@frozen(eq=False)
class Rule:
    match: CompiledMatch
    requirement: Requirement | None
    place: Place


@frozen(eq=False)
class StateRules:
    """FilterStateRule: what is needed, by the text under one key of the filter state."""

    key: str
    requirements: Mapping[str, Requirement | None]
    place: Place

    def value(self, facts: FilterFacts) -> str | None:
        """Only objects that are texts count; filters of HTTP cannot replace what the connection has."""
        state = {**facts.filter_state, **facts.connection.filter_state}
        found = state.get(self.key)
        return None if isinstance(found, StateText) and found.factory not in _TEXTS else found


_MATCHED = (*PATH_KINDS, "case_sensitive", "headers", "query_parameters")
"""What the filter asks of a route match; all else that one may say (grpc, cookies, a share …) it passes over."""
_TEXTS = (STRING, HASHABLE_STRING)


@frozen(eq=False)
class OfRoute:
    """PerRouteConfig."""

    disabled: bool
    requirement: str


@frozen(eq=False)
class JwtAuthn:
    name: str
    place: Place
    providers: Mapping[str, Provider]
    rules: tuple[Rule, ...]
    by_state: StateRules | None
    """Asked where no rule matches."""
    requirements: Mapping[str, Requirement | None]
    of_route: PerRoute[OfRoute | None]
    bypasses_preflight: bool
    strips_response: bool
    sanitized: frozenset[str]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        """Headers that only providers may set go from every request, whether a token is needed or not."""
        dropped = self.sanitized.intersection(facts.request.headers)
        if not dropped:
            return self._asked(facts, own)
        kept = {name: values for name, values in facts.request.headers.items() if name not in dropped}
        request = evolve(facts.request, headers=kept)
        changed = Change(because("filter.changed", self.place, filter=self.name), request)
        verdict = self._asked(facts.after(changed), own)
        if not isinstance(verdict, Open):
            return verdict or changed
        options = tuple(evolve(each, verdict=each.verdict or changed) for each in verdict.options)
        return Open(verdict.what, options, verdict.default)

    def _asked(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        if self.bypasses_preflight and _is_preflight(facts.request):
            return None
        level = self.of_route.of(own)
        if level is None:
            return self._by_rules(facts)
        if level.disabled or not level.requirement:
            return None
        if level.requirement in self.requirements:
            return self._verdict(facts, self.requirements[level.requirement])
        known = ",".join(sorted(self.requirements))
        text = f"Wrong requirement_name: {level.requirement}. It should be one of [{known}]"
        why = because("filter.jwt-denied", self.place, filter=self.name, problem=text)
        body = "" if self.strips_response else f"Failed JWT authentication: {text}"
        return Reply(why, 403, _details(text), body=body)

    def _by_rules(self, facts: FilterFacts) -> Verdict:
        """The first rule whose match holds; one that nobody can judge is passed over, as an assumption."""
        asked = RouteFacts(facts.request, without_query(facts.request.path), facts.connection, facts.runtime)
        for rule in self.rules:
            held = [condition.holds(asked) for condition in rule.match.conditions]
            if False in held:
                continue
            if None in held:
                what = because("filter.jwt-rule-open", rule.place, filter=self.name)
                denied = self._verdict(facts, rule.requirement)
                if isinstance(denied, Open) or denied is None:
                    continue
                return Open(what, (Option("pass", None, None), Option("matches", None, denied)), default=0)
            return self._verdict(facts, rule.requirement)
        return None if self.by_state is None else self._by_state(facts, self.by_state)

    def _by_state(self, facts: FilterFacts, rules: StateRules) -> Verdict:
        value = rules.value(facts)
        if value is not None:
            return self._verdict(facts, rules.requirements.get(value))
        if facts.filter_state_known:
            return None
        named = ((each, self._verdict(facts, requirement)) for each, requirement in rules.requirements.items())
        needing = [Option(each, None, found) for each, found in named if isinstance(found, Reply | Change)]
        if not needing:
            return None
        what = because("filter.jwt-state-open", rules.place, filter=self.name, key=rules.key)
        return Open(what, (Option("absent", None, None), *needing), default=0)

    def _verdict(self, facts: FilterFacts, requirement: Requirement | None) -> Verdict:
        if requirement is None:
            return None
        trusting = self._session(facts)
        good = self._answered(facts, trusting, requirement(trusting))
        options, bad = [Option("valid", None, good)], False
        for doubt in trusting.doubts:
            doubting = self._session(facts, doubt)
            name = doubt if doubt.startswith(PROVIDER) else f"invalid-{doubt}" if bad else "invalid"
            bad |= not doubt.startswith(PROVIDER)
            options.append(Option(name, None, self._answered(facts, doubting, requirement(doubting))))
        if len({None if each.reply is None else each.reply.details for each in options}) == 1 and (
            isinstance(good, Reply) or not trusting.doubts
        ):
            return good
        doubts = " and ".join(dict.fromkeys(each.partition(" ")[0] for each in trusting.doubts))
        what = because("filter.jwt-doubt", self.place, filter=self.name, doubts=doubts)
        return Open(what, tuple(options), default=0)

    def _session(self, facts: FilterFacts, distrusts: str | None = None) -> Session:
        clusters = (provider.keys_cluster for provider in self.providers.values())
        missing = {name: facts.has_cluster(name) is False for name in clusters if name is not None}
        only = next(iter(self.providers.values())) if len(self.providers) == 1 else None
        return Session(facts.request, distrusts, missing, only)

    def _answered(self, facts: FilterFacts, session: Session, status: str | None) -> Reply | Change | None:
        if status is not None:
            return self._denied(facts, status)
        if session.request == facts.request and not session.noted:
            return None
        metadata = with_metadata(facts.metadata, NAMESPACE, session.noted) if session.noted else None
        why = because("filter.jwt-passed", self.place, filter=self.name)
        return Change(why, session.request, metadata, clears_route=session.clears_route)

    def _denied(self, facts: FilterFacts, status: str) -> Reply:
        why = because("filter.jwt-denied", self.place, filter=self.name, problem=status)
        code = 403 if status == AUDIENCE else 401
        if self.strips_response:
            return Reply(why, code, _details(status))
        realm = f'Bearer realm="{original_uri(facts.request)}"'
        if status != MISSING:
            realm += ', error="invalid_token"'
        return Reply(why, code, _details(status), body=status, headers={"www-authenticate": (realm,)})


def _details(text: str) -> str:
    return f"jwt_authn_access_denied{{{'_'.join(text.split())}}}"


def _is_preflight(request: Request) -> bool:
    names = ("origin", "access-control-request-method")
    return request.method == "OPTIONS" and all((request.values(name) or ("",))[0] for name in names)


def compile_jwt_authn(view: View, name: str) -> JwtAuthn:
    providers = {key: compile_provider(key, below) for key, below in view.map("providers")}
    named = {key: compile_requirement(below, providers) for key, below in view.map("requirement_map")}
    return JwtAuthn(
        name=name,
        place=view.place,
        providers=providers,
        rules=tuple(_rule(each, providers, named) for each in view.views("rules")),
        by_state=_state_rules(view.view("filter_state_rules"), providers),
        requirements=named,
        of_route=PerRoute(
            None, lambda level: OfRoute(level.boolean("disabled", False), level.text("requirement_name", ""))
        ),
        bypasses_preflight=view.boolean("bypass_cors_preflight", False),
        strips_response=view.boolean("strip_failure_response", False),
        sanitized=frozenset(name for each in providers.values() for name in each.sanitized),
    )


def _state_rules(view: View | None, providers: Mapping[str, Provider]) -> StateRules | None:
    if view is None:
        return None
    key = view.text("name", "")
    if not key:
        hint = "name the key; Envoy refuses this filter too"
        raise Rejected("nameless-jwt-state", "filter_state_rules needs a name", place=view.place, hint=hint)
    requirements = {each: compile_requirement(below, providers) for each, below in view.map("requires")}
    return StateRules(key, requirements, view.place)


def _rule(view: View, providers: Mapping[str, Provider], named: Mapping[str, Requirement | None]) -> Rule:
    check_rule(view, frozenset(named))
    match = view.view("match")
    asked = {} if match is None else {name: match.raw(name) for name in _MATCHED if match.has(name)}
    below = view.view("requires")
    if below is not None:
        requirement = compile_requirement(below, providers)
    else:
        requirement = named.get(view.text("requirement_name", ""))
    return Rule(compile_match(View(asked, view.place / "match")), requirement, view.place)
