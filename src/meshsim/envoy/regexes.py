"""RegexMatcher -> one compiled pattern, under the rules of the Envoy whose configuration it stands in.

envoyproxy/envoy source/common/common/regex.cc. A size that the matcher itself states (`google_re2.max_program_size`)
takes the place of the runtime's.
"""

from __future__ import annotations

from attrs import evolve

from ..config.view import View
from ..errors import Rejected
from ..match.regex import Regex


def compile_regex(view: View, key: str) -> Regex:
    """The RegexMatcher under a key."""
    matcher, rules = view.view(key), view.dialect.regexes
    if matcher is None or not matcher.text("regex", ""):
        raise Rejected(
            "empty-regex", f"{key} has no regex", place=view.place_of(key), hint="Envoy refuses it too; write one"
        )
    engine = matcher.view("google_re2")
    own = engine.integer("max_program_size") if engine is not None else None
    if own is not None:
        rules = evolve(rules, largest_program=own)
    return Regex(matcher.text("regex", ""), matcher.place_of("regex"), rules)
