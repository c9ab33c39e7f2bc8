"""Rules written as a matcher tree: what it leads to is allowed, denied or logged; where it leads nowhere, denied.

envoyproxy/envoy source/extensions/filters/common/rbac/engine_impl.cc (RoleBasedAccessControlMatcherEngineImpl).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...config.view import TypedConfig, View
from ...errors import Rejected
from ...explanation import Candidate
from ...match.tree import Missing, Row, as_decided
from ...place import Place
from ...reasons import Reason, because
from ..match_tree import CompiledMatcher, Vocabulary, compile_matcher
from ..network_inputs import NETWORK_INPUTS, ReadConnection
from .engine import ACTIONS, Judgement
from .facts import RbacFacts

_ACTION = "envoy.config.rbac.v3.Action"
_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
ReadFacts = Callable[[RbacFacts], Any]


@frozen
class RbacAction:
    name: str
    action: str


@frozen(eq=False)
class MatcherRules:
    place: Place
    matcher: CompiledMatcher[RbacFacts, RbacAction]
    logs: bool
    """Whether any action is to log."""

    @property
    def idle(self) -> bool:
        return False

    def courses(self, facts: RbacFacts) -> tuple[Judgement, ...]:
        """As the same of policies: one where all is known; else one for each row nobody can tell, then for none."""
        tree = self.matcher.tree
        doubtful: list[Row[Any, Any]] = []

        def note(row: Row[Any, Any]) -> bool:
            doubtful.append(row)
            return False

        found = [tree.pick(facts, note)]
        found[:0] = [tree.pick(facts, lambda row, held=each: row is held) for each in tuple(doubtful)]  # type: ignore[misc]
        return tuple(map(_judged, found))

    def why_denied(self, judgement: Judgement, filter_name: str) -> Reason:
        if judgement.policy is None:
            return because("filter.rbac-matcher-leads-nowhere", self.place, filter=filter_name)
        return because("filter.rbac-denies", self.place, filter=filter_name, policy=judgement.policy)

    def explain(self, facts: RbacFacts, matched: str | None) -> tuple[Candidate, ...]:
        wanted = as_decided(facts, lambda found: isinstance(found, RbacAction) and found.name == matched)
        return self.matcher.tree.explain(facts, wanted)[1]


def _judged(found: RbacAction | None) -> Judgement:
    if found is None:
        return Judgement(allowed=False, policy=None)
    return Judgement(found.action != "DENY", found.name, logs=found.action == "LOG")


def compile_matcher_rules(view: View, *, over_http: bool) -> MatcherRules:
    actions: list[RbacAction] = []

    def read(typed: TypedConfig) -> tuple[str, RbacAction]:
        name, action = _action(typed)
        actions.append(action)
        return name, action

    inputs = _INPUTS if over_http else _OVER_TCP
    matcher = compile_matcher(view, Vocabulary("rbac_action", inputs, read))
    if matcher.keeps_matching:
        hint = "leave keep_matching out; Envoy refuses this filter too"
        raise Rejected("rbac-keeps-matching", "keep_matching is nothing for RBAC", place=view.place, hint=hint)
    return MatcherRules(view.place, matcher, any(each.action == "LOG" for each in actions))


def _action(typed: TypedConfig) -> tuple[str, RbacAction]:
    if typed.type_name != _ACTION:
        hint = f"give a {_ACTION}; Envoy refuses this filter too"
        raise Rejected("rbac-action", f"{typed.type_name} is no action of RBAC", place=typed.view.place, hint=hint)
    name = typed.view.text("name", "")
    if not name:
        hint = "name it; Envoy refuses this filter too"
        raise Rejected("rbac-action", "an action of RBAC has no name", place=typed.view.place, hint=hint)
    return name, RbacAction(name, typed.view.enum("action", ACTIONS, unnamed="DENY"))


def _header(view: View) -> tuple[str, ReadFacts]:
    name = view.text("header_name", "").lower()

    def read(facts: RbacFacts) -> str | Missing | None:
        """All values in one text; one that run time makes is not known."""
        values = facts.request.values(name)
        if not values:
            return Missing.UNKNOWN if name in facts.request.headers else None
        return ",".join(values)

    return f"header {name}", read


def _of_connection(make: Callable[[View], tuple[str, ReadConnection]]) -> Callable[[View], tuple[str, ReadFacts]]:
    def compile_input(view: View) -> tuple[str, ReadFacts]:
        what, read = make(view)

        # What asks about a client's certificate has no answer over plaintext, ever: Envoy gives up on the whole tree.
        return what, lambda facts: read(facts.connection)

    return compile_input


def _filter_state(view: View) -> tuple[str, ReadFacts]:
    key = view.text("key", "")

    def read(facts: RbacFacts) -> str | Missing | None:
        value = facts.filter_state.get(key)
        return value if value is not None or facts.filter_state_known else Missing.UNKNOWN

    return f"filter_state {key}", read


def _refused(name: str) -> Callable[[View], tuple[str, ReadFacts]]:
    def refuse(view: View) -> tuple[str, ReadFacts]:
        hint = "ask something else; Envoy refuses this filter too"
        raise Rejected("rbac-input", f"RBAC cannot match on {name}", place=view.place, hint=hint)

    return refuse


_TYPES, _NETWORK = "envoy.type.matcher.v3.", "envoy.extensions.matching.common_inputs.network.v3."
_NOWHERE = (
    _NETWORK + "SourceTypeInput",
    _NETWORK + "TransportProtocolInput",
    _NETWORK + "ApplicationProtocolInput",
    _TYPES + "HttpRequestQueryParamMatchInput",
    _TYPES + "HttpRequestTrailerMatchInput",
    _TYPES + "HttpResponseHeaderMatchInput",
    _TYPES + "HttpResponseTrailerMatchInput",
)
_ONLY_OVER_HTTP = (_HEADER, _NETWORK + "DynamicMetadataInput")
_INPUTS: Mapping[str, Callable[[View], tuple[str, ReadFacts]]] = {
    **{name: _of_connection(make) for name, make in NETWORK_INPUTS.items()},
    _HEADER: _header,
    _NETWORK + "FilterStateInput": _filter_state,
    **{name: _refused(name) for name in _NOWHERE},
}
_OVER_TCP = {**_INPUTS, **{name: _refused(name) for name in _ONLY_OVER_HTTP}}
