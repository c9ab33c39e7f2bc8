"""The RBAC filter as it is configured, for connections and for requests: what it enforces and what it only watches."""

from __future__ import annotations

from attrs import frozen

from ...config.view import View
from ...explanation import Candidate
from ...place import Place
from ...reasons import Reason
from ..unmodelled import unmodelled_fields
from .engine import Judgement, Rules, compile_rules
from .facts import RbacFacts
from .matcher_form import MatcherRules, compile_matcher_rules

_FIELDS = frozenset(
    {
        "rules",
        "rules_stat_prefix",
        "matcher",
        "shadow_rules",
        "shadow_matcher",
        "shadow_rules_stat_prefix",
        "track_per_rule_stats",
        # of the network filter
        "stat_prefix",
        "enforcement_type",
        "delay_deny",
    }
)
_RULES_FIELDS = frozenset({"action", "policies", "audit_logging_options"})
CONTINUOUS = "CONTINUOUS"


@frozen(eq=False)
class RbacConfig:
    name: str
    """Of the filter."""
    place: Place
    rules: Rules | MatcherRules | None
    """None: nothing is enforced."""
    shadow: Rules | MatcherRules | None
    """Evaluated for metadata and statistics only."""
    prefix: str
    """Of what the enforced rules note; `shadow_prefix` of what the others do."""
    shadow_prefix: str
    continuous: bool
    """Of a network filter: asked again with all that arrives."""
    opaque: Reason | None
    """What it enforces and is not modelled."""

    @property
    def idle(self) -> bool:
        """Whether it lets everything pass, whatever comes."""
        return self.opaque is None and (self.rules is None or self.rules.idle)

    def courses(self, facts: RbacFacts) -> tuple[Judgement, ...]:
        """As `Rules.courses`; nothing enforced is one judgement that allows."""
        return (Judgement(allowed=True, policy=None),) if self.rules is None else self.rules.courses(facts)

    def denied(self, judgement: Judgement) -> Reason:
        assert self.rules is not None
        return self.rules.why_denied(judgement, self.name)

    def explain(self, facts: RbacFacts, matched: str | None) -> tuple[Candidate, ...]:
        return () if self.rules is None else self.rules.explain(facts, matched)

    def shadow_metadata(self, facts: RbacFacts) -> dict[str, str]:
        """What a shadow engine writes down under the filter's name; empty where nobody can say."""
        return _noted(self.shadow, facts, f"{self.shadow_prefix}shadow")

    def enforced_metadata(self, facts: RbacFacts) -> dict[str, str]:
        """What the enforced engine writes down, whichever action it has."""
        return _noted(self.rules, facts, f"{self.prefix}enforced")

    def common_metadata(self, facts: RbacFacts) -> dict[str, bool]:
        """Rules that log, and matchers in which anything does, say of each request whether access logs should."""
        if self.rules is None or not self.rules.logs:
            return {}
        courses = self.rules.courses(facts)
        return {"access_log_hint": courses[0].logs} if len(courses) == 1 else {}


def _noted(rules: Rules | MatcherRules | None, facts: RbacFacts, named: str) -> dict[str, str]:
    courses = rules.courses(facts) if rules is not None else ()
    if len(courses) != 1:
        return {}
    (judged,) = courses
    kept = {f"{named}_engine_result": "allowed" if judged.allowed else "denied"}
    if judged.policy is not None:
        kept[f"{named}_effective_policy_id"] = judged.policy
    return kept


_ENFORCEMENTS = ("ONE_TIME_ON_FIRST_BYTE", CONTINUOUS)


def compile_rbac(view: View, name: str, *, over_http: bool) -> RbacConfig:
    """An RBAC filter's own message; Rejected where Envoy refuses it."""
    opaque = unmodelled_fields(view, _FIELDS, name)
    for key in ("rules", "shadow_rules"):
        below = view.view(key)
        opaque += unmodelled_fields(below, _RULES_FIELDS, name) if below is not None else ()
    rules = _rules(view, "rules", "matcher", over_http=over_http)
    return RbacConfig(
        name=name,
        place=view.place,
        rules=rules,
        shadow=_rules(view, "shadow_rules", "shadow_matcher", over_http=over_http),
        prefix=view.text("rules_stat_prefix", ""),
        shadow_prefix=view.text("shadow_rules_stat_prefix", ""),
        continuous=view.enum("enforcement_type", _ENFORCEMENTS, unnamed=_ENFORCEMENTS[0]) == CONTINUOUS,
        opaque=opaque[0] if opaque else None,
    )


def _rules(view: View, rules: str, matcher: str, *, over_http: bool) -> Rules | MatcherRules | None:
    """A matcher goes before policies."""
    tree = view.view(matcher)
    if tree is not None:
        return compile_matcher_rules(tree, over_http=over_http)
    below = view.view(rules)
    return compile_rules(below, over_http=over_http) if below is not None else None
