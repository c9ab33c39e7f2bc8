"""Stable codes for everything meshsim can say, and the facts each must carry. No sentences here.

A Reason is data; `render.words` turns it into a sentence and a test requires a sentence for each code. One
module an area, so that a new reason is one line there and one line in `render/words/en/` of the same name.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from ..place import Place
from . import connection, http, netfilter, origin, upstream, walk

REASONS: dict[str, tuple[str, ...]] = {
    **walk.REASONS,
    **netfilter.REASONS,
    **connection.REASONS,
    **http.REASONS,
    **upstream.REASONS,
    **origin.REASONS,
}
"""Code -> names of the facts it must carry."""


def _known(_instance: object, _attribute: object, code: str) -> None:
    if code not in REASONS:
        raise KeyError(f"no reason code {code!r}")


@frozen
class Reason:
    """Why something is so: a code, its facts (JSON-safe values), and where that is written."""

    code: str = field(validator=_known)
    facts: tuple[tuple[str, Any], ...] = ()
    place: Place | None = None

    def fact(self, name: str) -> Any:
        for key, value in self.facts:
            if key == name:
                return value
        raise KeyError(name)


def because(code: str, place: Place | None = None, /, **facts: Any) -> Reason:
    """A Reason; the facts must be exactly the names its code declares."""
    if REASONS[code] != tuple(facts):
        if set(REASONS[code]) != set(facts):
            raise KeyError(f"reason {code!r} carries {REASONS[code]}, not {tuple(facts)}")
        facts = {name: facts[name] for name in REASONS[code]}
    return Reason(code, tuple(facts.items()), place)
