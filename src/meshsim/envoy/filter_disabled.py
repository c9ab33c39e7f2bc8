"""filter_disabled: whether a listener filter is passed over, by the destination port as it is known by then.

Follows envoyproxy/envoy source/common/network/filter_matcher.cc; port ranges are half-open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config.view import View
from ..errors import Rejected
from ..place import Place

Disabled = Callable[[int | None], bool]
"""Asked with the local port; None where the local address is no IP address."""

_HINT = "mend filter_disabled; Envoy refuses this listener too"


def compile_disabled(view: View) -> Disabled:
    """A ListenerFilterChainMatchPredicate."""
    if view.has("any_match"):
        if not view.boolean("any_match", False):
            raise Rejected(
                "any-match-false", "any_match can only be true", place=view.place_of("any_match"), hint=_HINT
            )
        return lambda _port: True
    negated = view.view("not_match")
    if negated is not None:
        inner = compile_disabled(negated)
        return lambda port: not inner(port)
    ports = view.view("destination_port_range")
    if ports is not None:
        start, end = ports.integer("start", 0), ports.integer("end", 0)
        return lambda port: port is None or start <= port < end
    for key, combine in (("and_match", all), ("or_match", any)):
        group = view.view(key)
        if group is not None:
            rules = tuple(compile_disabled(rule) for rule in group.views("rules"))
            if len(rules) < 2:
                raise _short(key, group.place)
            return _combined(combine, rules)
    raise Rejected(
        "empty-predicate",
        "filter_disabled says nothing that can be matched",
        place=view.place,
        hint="give any_match, not_match, and_match, or_match or destination_port_range",
    )


def _short(key: str, place: Place) -> Rejected:
    return Rejected("short-predicate", f"{key} must have at least 2 rules", place=place, hint=_HINT)


def _combined(combine: Callable[[Any], bool], rules: tuple[Disabled, ...]) -> Disabled:
    return lambda port: combine(rule(port) for rule in rules)
