"""lb_subset_config: which of a cluster's endpoints a call's metadata selects.

Semantics of envoyproxy/envoy source/extensions/load_balancing_policies/subset/subset_lb.cc for the plain form: the
call's keys must be exactly one selector's, then all values must be equal; else the fallback policy decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define

from ..config.view import View
from ..match.condition import Condition
from ..reasons import Reason
from .endpoints import Endpoint
from .unmodelled import unmodelled_fields

FALLBACKS = ("NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET")
_SELECTOR_FALLBACKS = ("NOT_DEFINED", *FALLBACKS)
_KNOWN = frozenset(("fallback_policy", "default_subset", "subset_selectors", "locality_weight_aware"))
_SELECTOR_KNOWN = frozenset(("keys", "fallback_policy", "single_host_per_subset"))


@define(eq=False)
class Selector:
    keys: frozenset[str]
    fallback: str


@define(eq=False)
class Subsets:
    selectors: tuple[Selector, ...]
    fallback: str
    default_subset: Mapping[str, Any]
    doubts: tuple[Reason, ...]

    def member(self, criteria: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> Condition[Endpoint] | None:
        """The condition that endpoints must meet for a call with these criteria; None: none at all."""
        fallback = self.fallback
        for selector in self.selectors:
            if selector.keys == criteria.keys():
                condition = _labels("metadata envoy.lb", criteria)
                if any(condition.holds(endpoint) for endpoint in endpoints):
                    return condition
                if selector.fallback != "NOT_DEFINED":
                    fallback = selector.fallback
                break
        if fallback == "ANY_ENDPOINT":
            return None
        if fallback == "DEFAULT_SUBSET":
            return _labels("default_subset", self.default_subset)
        return Condition("subset", dict(criteria), lambda _endpoint: None, lambda _seen: False)


def _labels(what: str, wanted: Mapping[str, Any]) -> Condition[Endpoint]:
    def test(seen: Mapping[str, Any]) -> bool:
        return all(key in seen and seen[key] == value for key, value in wanted.items())

    return Condition(what, dict(wanted), lambda endpoint: endpoint.lb_metadata, test)


def compile_subsets(view: View, resource: str) -> Subsets | None:
    """None where there are no selectors: then Envoy balances over all endpoints."""
    selectors = view.views("subset_selectors")
    if not selectors:
        return None
    doubts = unmodelled_fields(view, _KNOWN, resource)
    for selector in selectors:
        doubts += unmodelled_fields(selector, _SELECTOR_KNOWN, resource)
    default = view.view("default_subset")
    return Subsets(
        selectors=tuple(
            Selector(frozenset(selector.texts("keys")), selector.enum("fallback_policy", _SELECTOR_FALLBACKS))
            for selector in selectors
        ),
        fallback=view.enum("fallback_policy", FALLBACKS),
        default_subset={} if default is None else dict(default.data),
        doubts=doubts,
    )
