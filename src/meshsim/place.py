"""Where a fact is written: a document and a path in it. Text and line numbers are found only when shown."""

from __future__ import annotations

from attrs import evolve, frozen

PathPart = str | int


def pointer(path: tuple[PathPart, ...]) -> str:
    """The JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


@frozen
class Place:
    """A place in one of the user's documents: a JSON/YAML path, or a line of a text file, or both."""

    doc: str
    """The document's name as the user gave it, relative to the capture where it was found in one."""
    path: tuple[PathPart, ...] = ()
    line: int | None = None
    """Counted from 1; None until somebody asked for it."""
    column: int | None = None
    """Counted from 1, in files that people write by hand for meshsim."""

    def __truediv__(self, part: PathPart) -> Place:
        return Place(self.doc, (*self.path, part))

    def within(self, other: Place) -> bool:
        """Whether it is the other place, or one below it."""
        return self.doc == other.doc and self.path[: len(other.path)] == other.path

    def at_line(self, line: int | None) -> Place:
        return evolve(self, line=line)

    def __str__(self) -> str:
        if self.path:
            return f"{self.doc}#{pointer(self.path)}"
        if self.line is None:
            return self.doc
        return f"{self.doc}:{self.line}" if self.column is None else f"{self.doc}:{self.line}:{self.column}"


@frozen
class Quote:
    """A place with the text that stands there; made only when a renderer wants to show it."""

    place: Place
    text: str
