"""What a reader may ask of a text renderer; made by the command line, used by every part of the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from ..place import Place


def unlocated(place: Place) -> Place:
    """Without the documents at hand a place keeps its JSON pointer."""
    return place


@frozen
class Options:
    depth: int = 0
    """0: the answer; 1 (-v): the candidates of each decision; 2 (-vv): every check with its place."""
    show_secrets: bool = False
    width: int = 120
    color: bool = False
    unicode: bool = True
    """False: the output cannot show more than ASCII."""
    locate: Callable[[Place], Place] = unlocated
    """A place with its line number."""
    now: datetime | None = None
    """For the age of the configuration; None: ages are left out."""
