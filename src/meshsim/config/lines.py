"""Line numbers of places, found on demand: data keeps no lines, and most places are never shown.

A JSON text is scanned only as far as needed, and what was passed on the way is remembered, so a second place in the same
list costs next to nothing. YAML is read again with its marks.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]

from attrs import define, field

from ..place import PathPart, Place, Quote
from .detect import looks_like_json
from .documents import Document, SourceText
from .yaml_text import yaml_lines

MAX_QUOTE = 160
"""Characters of a quoted line."""

_SPACE = re.compile(r"(?:[\s\ufeff]++|//[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}/]+")
_TO_BRACKET = re.compile(
    r'[^"{}\[\]/]*+(?:(?:"(?:[^"\\]|\\.)*+"|//[^\n]*+|/\*.*?\*/)[^"{}\[\]/]*+)*+([{}\[\]])', re.DOTALL
)
"""To the next bracket, over strings and comments."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


@define(eq=False)
class _Container:
    """A list or object of the text: which children were seen so far, and where to go on."""

    is_list: bool
    cursor: int
    starts: dict[PathPart, int] = field(factory=dict)
    """Child -> offset of its key (objects) or value (lists)."""
    values: dict[PathPart, int] = field(factory=dict)
    """Child -> offset of its value."""
    done: bool = False


class JsonLines:
    """Finds paths in one JSON text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._containers: dict[int, _Container] = {}
        self._known: list[tuple[int, int]] = [(0, 1)]

    def offset(self, path: tuple[PathPart, ...]) -> int | None:
        """Where the last part of the path begins: its key in an object, its value in a list; None when not there."""
        value = start = _skip_space(self._text, 0)
        for part in path:
            container = self._container(value)
            if container is None or not self._seek(container, part):
                return None
            value, start = container.values[part], container.starts[part]
        return start

    def line(self, path: tuple[PathPart, ...]) -> int | None:
        offset = self.offset(path)
        if offset is None:
            return None
        position = bisect_right(self._known, (offset, len(self._text))) - 1
        known_offset, known_line = self._known[position]
        line = known_line + self._text.count("\n", known_offset, offset)
        if offset > known_offset:
            insort(self._known, (offset, line))
        return line

    def start_of_line(self, line: int) -> int:
        """The offset where a line begins; cheap for lines that were just found."""
        position = max(0, bisect_left(self._known, line, key=lambda known: known[1]))
        known = self._known[position] if position < len(self._known) else (0, 1)
        return _start_of_line(self._text, line, *(known if known[1] == line else (0, 1)))

    def _container(self, value: int) -> _Container | None:
        found = self._containers.get(value)
        if found is None and self._text[value : value + 1] in ("{", "["):
            found = self._containers[value] = _Container(self._text[value] == "[", value + 1)
        return found

    def _seek(self, container: _Container, part: PathPart) -> bool:
        """Read children until the part is seen."""
        while part not in container.values and not container.done:
            self._next(container)
        return part in container.values

    def _next(self, container: _Container) -> None:
        text = self._text
        at = _skip_space(text, container.cursor)
        if text[at : at + 1] == ",":
            at = _skip_space(text, at + 1)
        if text[at : at + 1] in ("]", "}", ""):
            container.done = True
            return
        start = at
        part: PathPart = len(container.values)
        if not container.is_list:
            try:
                part, at = scanstring(text, at + 1)
            except JSONDecodeError:
                container.done = True
                return
            at = _skip_space(text, at)
            at = _skip_space(text, at + 1)
        container.starts[part] = start
        container.values[part] = at
        container.cursor = _skip_value(text, at)
        container.done = container.cursor <= at


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _skip_value(text: str, at: int) -> int:
    """The offset behind the value that begins at `at`; `at` itself when the text ends first."""
    if text[at : at + 1] not in ("{", "["):
        found = (_STRING if text[at : at + 1] == '"' else _SCALAR).match(text, at)
        return found.end() if found is not None else at
    depth = 1
    position = at + 1
    match = _TO_BRACKET.match
    while depth:
        found = match(text, position)
        if found is None:
            return at
        position = found.end()
        depth += 1 if found[1] in "{[" else -1
    return position


class Locator:
    """Lines and quotes for every place in a set of documents; keeps what it has read."""

    def __init__(self, sources: Iterable[SourceText]) -> None:
        self._sources = {source.name: source for source in sources}
        self._texts: dict[str, str] = {}
        self._json: dict[str, JsonLines] = {}
        self._yaml: dict[str, dict[tuple[PathPart, ...], int]] = {}

    def line(self, place: Place) -> int | None:
        """The line (from 1) of a place; None when its document is not known or does not hold it."""
        if place.line is not None or place.doc not in self._sources:
            return place.line
        text = self._text(place.doc)
        if looks_like_json(text):
            return self._json_lines(place.doc).line(place.path)
        if not place.path:
            return None
        lines = self._yaml.get(place.doc)
        if lines is None:
            lines = self._yaml[place.doc] = yaml_lines(text, place.doc)
        return lines.get(place.path)

    def located(self, place: Place) -> Place:
        """The same place with its line."""
        return place.at_line(self.line(place))

    def quote(self, place: Place) -> Quote | None:
        """The place with its line and the text of that line; None when it is not there."""
        line = self.line(place)
        if line is None or place.doc not in self._sources:
            return None
        text = self._text(place.doc)
        start = self._json_lines(place.doc).start_of_line(line) if looks_like_json(text) else _start_of_line(text, line)
        end = text.find("\n", start)
        shown = text[start : end if end >= 0 else len(text)].strip()
        return Quote(place.at_line(line), shown if len(shown) <= MAX_QUOTE else shown[: MAX_QUOTE - 1] + "…")

    def _json_lines(self, name: str) -> JsonLines:
        lines = self._json.get(name)
        if lines is None:
            lines = self._json[name] = JsonLines(self._text(name))
        return lines

    def _text(self, name: str) -> str:
        text = self._texts.get(name)
        if text is None:
            text = self._texts[name] = self._sources[name].text()
        return text


def locate(document: Document, path: tuple[PathPart, ...]) -> int | None:
    """The line (from 1) of a path in one document. For many places keep a Locator."""
    return Locator([document.source]).line(Place(document.name, path))


def quote(document: Document, path: tuple[PathPart, ...]) -> str:
    """The line at a path in one document, shortened; empty when it is not there."""
    found = Locator([document.source]).quote(Place(document.name, path))
    return found.text if found is not None else ""


def _start_of_line(text: str, line: int, known_offset: int = 0, known_line: int = 1) -> int:
    """The offset where a line begins, counting on from an offset whose line is known."""
    if known_line >= line:
        return text.rfind("\n", 0, known_offset) + 1
    for _ in range(line - known_line):
        known_offset = text.find("\n", known_offset) + 1
    return known_offset
