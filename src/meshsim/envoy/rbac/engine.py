"""Rules: an action and policies in the order of their names; the first that matches decides.

envoyproxy/envoy source/extensions/filters/common/rbac/engine_impl.cc.
"""

from __future__ import annotations

import re

from attrs import frozen

from ...config.view import View
from ...explanation import Candidate
from ...match.condition import Condition, unmodelled
from ...match.first import FirstMatch
from ...place import Place
from ...reasons import Reason, because
from .expression import PERMISSION_SIDE, PRINCIPAL_SIDE, compile_side
from .facts import RbacFacts

ACTIONS = ("ALLOW", "DENY", "LOG")
_EXPRESSIONS = ("condition", "checked_condition", "cel_config")
_POLICY_FIELDS = frozenset({"permissions", "principals", *_EXPRESSIONS})
_BLANK = re.compile(r"[ \t\n\v\f\r]")
NO_POLICY = "none"


@frozen(eq=False)
class Policy:
    """One policy: all its conditions have to hold."""

    name: str
    conditions: tuple[Condition[RbacFacts], ...]
    place: Place


@frozen
class Judgement:
    """What the rules come to, where everything is known."""

    allowed: bool
    policy: str | None
    """The one that matched; None: none did."""
    logs: bool = False
    """Whether what matched is to log."""

    @property
    def details(self) -> str:
        """Envoy's name for a denial, in access logs and response code details."""
        return f"rbac_access_denied_matched_policy[{_BLANK.sub('_', self.policy or NO_POLICY)}]"


@frozen(eq=False)
class Rules:
    action: str
    place: Place
    policies: FirstMatch[Policy, RbacFacts]

    @property
    def logs(self) -> bool:
        """Whether they say of a request that access logs should have it."""
        return self.action == "LOG"

    @property
    def idle(self) -> bool:
        """Whether they let everything pass, whatever comes."""
        return self.action == "LOG"

    def courses(self, facts: RbacFacts) -> tuple[Judgement, ...]:
        """What may happen: one judgement where all is known; else one for each policy nobody can tell, the last
        for none of those holding."""
        open_policies: list[Policy] = []

        def note(policy: Policy) -> bool:
            open_policies.append(policy)
            return False

        matched = self.policies.pick(facts, note)
        return (*(self._judged(policy) for policy in open_policies), self._judged(matched))

    def _judged(self, matched: Policy | None) -> Judgement:
        allowed = self.action == "LOG" or (matched is not None) == (self.action == "ALLOW")
        return Judgement(allowed, matched.name if matched is not None else None, self.logs and matched is not None)

    def why_denied(self, judgement: Judgement, filter_name: str) -> Reason:
        """By a policy, or for want of one."""
        if judgement.policy is None:
            count = len(self.policies.rows)
            return because("filter.rbac-allows-nothing", self.place, filter=filter_name, policies=count)
        policy = next(each for each in self.policies.rows if each.name == judgement.policy)
        return because("filter.rbac-denies", policy.place, filter=filter_name, policy=policy.name)

    def explain(self, facts: RbacFacts, matched: str | None) -> tuple[Candidate, ...]:
        """Every policy with what it asked and saw; `matched` is the one that was taken to match."""
        _winner, candidates = self.policies.explain(facts, lambda policy: policy.name == matched)
        return candidates


def compile_rules(view: View, *, over_http: bool) -> Rules:
    """An RBAC message. Rejected where Envoy refuses it."""
    below = sorted(view.map("policies"), key=lambda entry: entry[0].encode("utf-8", "surrogatepass"))
    policies = tuple(_policy(name, policy, over_http=over_http) for name, policy in below)
    return Rules(view.enum("action", ACTIONS), view.place, FirstMatch("rbac_policy", policies))


def _policy(name: str, view: View, *, over_http: bool) -> Policy:
    permissions = compile_side(view, PERMISSION_SIDE, over_http=over_http)
    principals = compile_side(view, PRINCIPAL_SIDE, over_http=over_http)
    unknown = [field for field in _EXPRESSIONS if view.has(field)] + list(view.leftovers(_POLICY_FIELDS))
    opaque = tuple(unmodelled(field, "not modelled", view.place_of(field)) for field in unknown)
    return Policy(name, (*permissions, *principals, *opaque), view.place)
