"""A place as people open it: file:line."""

from __future__ import annotations

from ..place import Place
from .options import Options


def place_text(place: Place, options: Options) -> str:
    """file:line where the line can be found, else the document and the JSON pointer."""
    located = options.locate(place)
    return f"{located.doc}:{located.line}" if located.line is not None else str(located)


def at_place(place: Place | None, options: Options) -> str:
    """The same in brackets behind a sentence; nothing where no place is known."""
    return "" if place is None else f" ({place_text(place, options)})"
