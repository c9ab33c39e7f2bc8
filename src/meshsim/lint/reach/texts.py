"""Sets of texts, and whether a condition's own test holds for all of one: by asking it about the text they grow from.

`/a` and all that begins with it is such a set. A test that cannot turn false when a text grows holds for all of them
when it holds for `/a`; so nothing here knows what a test means, only in which directions it may be grown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

EXACT, PREFIX, SUFFIX, CONTAINS, SEPARATED = "exact", "prefix", "suffix", "contains", "separated"
"""What a set holds beside its seed. SEPARATED: what goes on behind the seed with a slash."""

Holds = Callable[[str], Any]


@frozen
class Texts:
    """The seed, and what may stand around it."""

    seed: str
    grown: str
    any_case: bool = False


@frozen(eq=False)
class Test:
    """A condition's test on one text."""

    holds: Holds
    grows_right: bool = False
    """What holds for a text holds for every longer one that begins with it."""
    grows_left: bool = False
    separated: bool = False
    """It holds for a text, and for what goes on behind it with a slash."""
    any_case: bool = False

    def covers(self, texts: Texts) -> bool:
        """The test holds for every text of the set."""
        if texts.any_case and not self.any_case and texts.seed.lower() != texts.seed.upper():
            return False
        if self.holds(texts.seed) is not True:
            return False
        match texts.grown:
            case "exact":
                return True
            case "prefix":
                return self.grows_right or (self.separated and self.holds(f"{texts.seed}x") is True)
            case "suffix":
                return self.grows_left
            case "contains":
                return self.grows_left and self.grows_right
            case "separated":
                return self.grows_right or (self.separated and self.holds(f"{texts.seed}/") is True)
        return False


_LITERAL = re.compile(r"(?:[A-Za-z0-9_/:@=,;&%~!#<> '\"-]|\\[^A-Za-z0-9])*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def texts_of_pattern(pattern: str) -> Texts:
    """A set that holds all texts which an RE2 pattern matches: those that begin as the pattern does."""
    if "|" in pattern or pattern.startswith("(?"):
        return Texts("", PREFIX)
    start = 1 if pattern.startswith("^") else 0
    found = _LITERAL.match(pattern, start)
    assert found is not None
    literal, rest = found[0], pattern[found.end() :]
    if rest[:1] in ("*", "?", "{"):
        literal = literal[:-2] if len(literal) > 1 and literal[-2] == "\\" else literal[:-1]
    return Texts(_ESCAPED.sub(r"\1", literal), EXACT if not rest else PREFIX)


_OPEN_END = re.compile(r"(?:[^\\|$()\[\]?]|\\[^A-Za-z])*?\.\*")


def grows(pattern: str) -> bool:
    """Whether a text stays matched when it is continued: the pattern ends with `.*`, and asks nothing about an end.

    No line ends in it: neither a path nor a header's value may hold one.
    """
    return _OPEN_END.fullmatch(pattern) is not None
