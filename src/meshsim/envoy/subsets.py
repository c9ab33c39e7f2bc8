"""lb_subset_config: which of a cluster's endpoints a call's metadata selects.

Semantics of envoyproxy/envoy source/extensions/load_balancing_policies/subset/subset_lb.cc: the call's keys must be
exactly one selector's, then all values must be equal; else the selector's fallback decides, or the cluster's. What is
tried in turn comes out as a list, since a subset without a usable endpoint may hand on to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import define, field, frozen

from ..config.view import View
from ..errors import Rejected
from ..match.condition import Condition
from ..reasons import Reason
from .endpoints import Endpoint
from .unmodelled import unmodelled_fields

FALLBACKS = ("NO_FALLBACK", "ANY_ENDPOINT", "DEFAULT_SUBSET")
_SELECTOR_FALLBACKS = ("NOT_DEFINED", *FALLBACKS, "KEYS_SUBSET")
_LISTS = ("METADATA_NO_FALLBACK", "FALLBACK_LIST")
_FALLBACK_LIST = "fallback_list"
_KNOWN = frozenset(
    (
        "fallback_policy",
        "default_subset",
        "subset_selectors",
        "locality_weight_aware",
        "scale_locality_weight",
        "panic_mode_any",
        "list_as_any",
        "metadata_fallback_policy",
        "allow_redundant_keys",
        "subset_lb_policy",
    )
)
_SELECTOR_KNOWN = frozenset(("keys", "fallback_policy", "fallback_keys_subset", "single_host_per_subset"))

Criteria: TypeAlias = Mapping[str, Any]


@frozen(eq=False)
class Members:
    """Endpoints that are balanced over as if there were no others."""

    condition: Condition[Endpoint] | None
    """None: all endpoints."""
    only_first: bool = False
    """One host alone, whatever its health."""


NOBODY: Condition[Endpoint] = Condition("subset", "a subset", lambda _endpoint: None, lambda _seen: False)


@define(eq=False)
class Selector:
    keys: frozenset[str]
    fallback: str
    fallback_keys: frozenset[str] = frozenset()
    single_host: bool = False


@define(eq=False)
class Subsets:
    selectors: tuple[Selector, ...]
    fallback: str
    default_subset: Mapping[str, Any]
    doubts: tuple[Reason, ...]
    weighs_localities: bool = False
    scales_weights: bool = False
    panic_mode_any: bool = False
    list_as_any: bool = False
    lists_fallbacks: bool = False
    allows_more_keys: bool = False
    _fallbacks: Mapping[frozenset[str], Selector] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._fallbacks = _deciding_fallbacks(self.selectors)

    def tries(self, criteria: Criteria, endpoints: Sequence[Endpoint]) -> tuple[Members, ...]:
        """What is looked into in turn until an endpoint can be used; empty: there is no subset for such a call."""
        overrides = criteria.get(_FALLBACK_LIST) if self.lists_fallbacks else None
        if overrides is None:
            return tuple(self._iteration(criteria, endpoints))
        own = {key: value for key, value in criteria.items() if key != _FALLBACK_LIST}
        if not isinstance(overrides, list) or not overrides:
            return tuple(self._iteration(own, endpoints))
        stated = [each if isinstance(each, dict) else {} for each in overrides]
        return tuple(made for each in stated for made in self._iteration({**own, **each}, endpoints))

    def _iteration(self, criteria: Criteria, endpoints: Sequence[Endpoint]) -> Iterator[Members]:
        if self.allows_more_keys:
            fitting = next((each.keys for each in self.selectors if each.keys <= criteria.keys()), None)
            if fitting is not None:
                criteria = {key: criteria[key] for key in fitting}
        selector = next((each for each in self.selectors if each.keys == criteria.keys()), None)
        if selector is not None:
            condition = self._labels("metadata envoy.lb", criteria)
            if any(condition.holds(endpoint) for endpoint in endpoints):
                yield Members(condition, selector.single_host)
                return
        own = self._fallbacks.get(frozenset(criteria))
        if own is not None and own.fallback != "NOT_DEFINED":
            yield from self._own_fallback(own, criteria, endpoints)
        elif self.fallback != "NO_FALLBACK":
            yield self._named(self.fallback)
            if self.panic_mode_any:
                yield Members(None)

    def _own_fallback(self, selector: Selector, criteria: Criteria, endpoints: Sequence[Endpoint]) -> Iterator[Members]:
        if selector.fallback == "KEYS_SUBSET":
            fewer = {key: value for key, value in criteria.items() if key in selector.fallback_keys}
            if len(fewer) < len(criteria):
                yield from self._iteration(fewer, endpoints)
        elif selector.fallback != "NO_FALLBACK":
            yield self._named(selector.fallback)

    def _named(self, fallback: str) -> Members:
        if fallback == "ANY_ENDPOINT":
            return Members(None)
        return Members(self._labels("default_subset", self.default_subset))

    def _labels(self, what: str, wanted: Criteria) -> Condition[Endpoint]:
        def test(seen: Mapping[str, Any]) -> bool:
            return all(key in seen and self._is(seen[key], value) for key, value in wanted.items())

        return Condition(what, dict(wanted), lambda endpoint: endpoint.lb_metadata, test)

    def _is(self, seen: Any, wanted: Any) -> bool:
        if self.list_as_any and isinstance(seen, list):
            return any(same(each, wanted) for each in seen)
        return same(seen, wanted)


def same(left: Any, right: Any) -> bool:
    """Equality of two JSON values; unlike in Python, true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def _deciding_fallbacks(selectors: Sequence[Selector]) -> Mapping[frozenset[str], Selector]:
    """Keys -> the selector whose fallback holds for them.

    Envoy keeps selectors as a tree of sorted keys, and a node that stands already keeps the fallback it was made with:
    a selector whose keys begin an earlier one's has none.
    """
    made: set[tuple[str, ...]] = set()
    found: dict[frozenset[str], Selector] = {}
    for selector in selectors:
        path = tuple(sorted(selector.keys))
        if path not in made:
            found[selector.keys] = selector
        made.update(path[:length] for length in range(1, len(path) + 1))
    return found


def compile_subsets(view: View, resource: str) -> Subsets | None:
    """None where there are no selectors: then Envoy balances over all endpoints."""
    selectors = view.views("subset_selectors")
    if not selectors:
        return None
    doubts = unmodelled_fields(view, _KNOWN, resource)
    for selector in selectors:
        doubts += unmodelled_fields(selector, _SELECTOR_KNOWN, resource)
    default = view.view("default_subset")
    made = [_selector(selector) for selector in selectors]
    more_keys = view.boolean("allow_redundant_keys", False)
    if more_keys:
        # envoy: the selector with most keys is looked at first.
        made.sort(key=lambda selector: -len(selector.keys))
    return Subsets(
        selectors=tuple(made),
        fallback=view.enum("fallback_policy", FALLBACKS),
        default_subset={} if default is None else dict(default.data),
        doubts=doubts,
        weighs_localities=view.boolean("locality_weight_aware", False),
        scales_weights=view.boolean("scale_locality_weight", False),
        panic_mode_any=view.boolean("panic_mode_any", False),
        list_as_any=view.boolean("list_as_any", False),
        lists_fallbacks=view.enum("metadata_fallback_policy", _LISTS, unnamed=_LISTS[0]) == "FALLBACK_LIST",
        allows_more_keys=more_keys,
    )


def _selector(view: View) -> Selector:
    keys, fewer = set(view.texts("keys")), set(view.texts("fallback_keys_subset"))
    keeps_keys = view.enum("fallback_policy", _SELECTOR_FALLBACKS) == "KEYS_SUBSET"
    if keeps_keys != bool(fewer) or (keeps_keys and not fewer < keys):
        raise Rejected(
            "fallback-keys",
            f"fallback_keys_subset {sorted(fewer)} does not go with keys {sorted(keys)} and its fallback_policy",
            place=view.place,
            hint="KEYS_SUBSET wants some of the keys and not all, other policies none; Envoy refuses this cluster too",
        )
    return Selector(
        frozenset(view.texts("keys")),
        view.enum("fallback_policy", _SELECTOR_FALLBACKS),
        frozenset(view.texts("fallback_keys_subset")),
        view.boolean("single_host_per_subset", False),
    )
