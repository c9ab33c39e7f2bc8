"""What `meshsim lint` can find, and what it found: codes and facts as data, for every renderer. No sentences here.

One module a subject (configuration, …), so that a new code is one line there, one check, and its words in
`render/words/en/` of the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve, field, frozen

from ..place import Place
from . import configuration, suites
from .rule import ERROR, INFO, SEVERITIES, WARNING, Rule

RULES: dict[str, Rule] = {rule.code: rule for rule in (*configuration.RULES, *suites.RULES)}
"""Code -> rule, in the order of the codes."""


def _known(_instance: object, _attribute: object, code: str) -> None:
    if code not in RULES:
        raise KeyError(f"no finding has the code {code!r}")


@frozen
class Finding:
    """One thing that is wrong, and where."""

    code: str = field(validator=_known)
    kind: str
    """What the resource is: listener, filter_chain, route_config, virtual_host, route, cluster, …"""
    resource: str
    """Its name; with the kind, what `--ignore CODE=KIND:NAME` names."""
    place: Place
    facts: tuple[tuple[str, Any], ...] = ()
    """What the rule's sentence is made of (JSON-safe)."""
    pod: str = ""
    """Whose proxy it is; "" for what belongs to none."""
    related: tuple[Place, ...] = ()
    """Where the other side of it stands, such as the route that takes all."""

    @property
    def rule(self) -> Rule:
        return RULES[self.code]

    @property
    def severity(self) -> str:
        return self.rule.severity

    def at(self, place: Place, related: Sequence[Place]) -> Finding:
        """The same with places that know their lines."""
        return evolve(self, place=place, related=tuple(related))


def found(
    code: str, kind: str, resource: str, place: Place, *, pod: str = "", related: Sequence[Place] = (), **facts: Any
) -> Finding:
    """A finding with exactly the facts its rule wants; `name` is always the resource."""
    facts = {"name": resource, **facts}
    if facts.keys() != {"name", *RULES[code].facts}:
        raise KeyError(f"{code} carries {RULES[code].facts}, not {tuple(facts)}")
    return Finding(code, kind, resource, place, tuple(facts.items()), pod, tuple(related))


__all__ = ["ERROR", "INFO", "RULES", "SEVERITIES", "WARNING", "Finding", "Rule", "found"]
