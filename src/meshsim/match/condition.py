"""A Condition is one test that both deciding and explaining ask; `check` wraps what it saw.

Nothing here knows what is being matched; selectors build on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import frozen

from ..explanation import Check
from ..place import Place

F = TypeVar("F")


@frozen(eq=False)
class Condition(Generic[F]):
    """`test(read(facts))`: True, False, or None where it cannot be known."""

    what: str
    """The configuration field that asks, such as `prefix`."""
    want: Any
    """What it wants, JSON-safe."""
    read: Callable[[F], Any]
    test: Callable[[Any], bool | None]
    place: Place | None = None

    def holds(self, facts: F) -> bool | None:
        return self.test(self.read(facts))


def check(condition: Condition[F], facts: F) -> Check:
    """The condition's verdict as data; runs the same read and test as deciding does."""
    seen = condition.read(facts)
    return Check(condition.what, condition.want, seen, condition.test(seen), condition.place)


def unmodelled(what: str, want: Any, place: Place | None) -> Condition[Any]:
    """A condition whose meaning is not modelled: nobody can say whether it holds."""
    return Condition(what, want, _nothing, _unknown, place)


def _nothing(_facts: object) -> None:
    return None


def _unknown(_seen: object) -> None:
    return None
