"""Line numbers of paths in a JSON text, found on demand: data keeps no lines, and most places are never shown.

The text is scanned only as far as needed, and what was passed on the way is remembered, so a second place in the same
list costs next to nothing. Comments are passed over. (`yaml_text.yaml_lines` does the same for YAML.)
"""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from json import JSONDecodeError, JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]

from attrs import define, field

from ..place import PathPart

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
        self._objects: list[int] = []

    def offset(self, path: tuple[PathPart, ...]) -> int | None:
        """Where the last part of the path begins: its key in an object, its value in a list; None when not there."""
        value = start = _skip_space(self._text, 0)
        if path and isinstance(path[0], int) and self._text[value : value + 1] == "{":
            found = self._object(path[0], value)
            if found is None:
                return None
            value = start = found
            path = path[1:]
        for part in path:
            container = self._container(value)
            if container is None or not self._seek(container, part):
                return None
            value, start = container.values[part], container.starts[part]
        return start

    def position(self, path: tuple[PathPart, ...]) -> tuple[int, int] | None:
        """(line from 1, offset) of a path; None when it is not there."""
        offset = self.offset(path)
        if offset is None:
            return None
        at = bisect_right(self._known, (offset, len(self._text))) - 1
        known_offset, known_line = self._known[at]
        line = known_line + self._text.count("\n", known_offset, offset)
        if offset > known_offset:
            insort(self._known, (offset, line))
        return line, offset

    def _object(self, number: int, start: int) -> int | None:
        """Where one of several objects begins that stand one after another."""
        starts = self._objects
        if not starts:
            starts.append(start)
        while len(starts) <= number:
            after = _skip_space(self._text, _skip_value(self._text, starts[-1]))
            if after == starts[-1] or self._text[after : after + 1] != "{":
                return None
            starts.append(after)
        return starts[number]

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


_SKIPPER = JSONDecoder(object_pairs_hook=len)
"""Reads over a value in C and keeps next to nothing of it: each object becomes the number of its fields."""


def _skip_value(text: str, at: int) -> int:
    """The offset behind the value that begins at `at`; `at` itself when the text ends first."""
    if text[at : at + 1] not in ("{", "["):
        found = (_STRING if text[at : at + 1] == '"' else _SCALAR).match(text, at)
        return found.end() if found is not None else at
    try:
        return _SKIPPER.raw_decode(text, at)[1]
    except ValueError:
        return _skip_commented(text, at)


def _skip_commented(text: str, at: int) -> int:
    """The same for a container with comments in it: from bracket to bracket."""
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
