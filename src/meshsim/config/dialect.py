"""How one Envoy reads its configuration, where its runtime says so; carried by the views of that configuration."""

from __future__ import annotations

from attrs import frozen

from ..match.regex import USUAL, RegexRules


@frozen
class Dialect:
    regexes: RegexRules = USUAL
    tests_absent_parameters: bool = True
    """Whether `present_match: false` of a query parameter wants it absent; else it wants it present all the same."""


PLAIN = Dialect()
"""That of an Envoy of which nothing is known."""
