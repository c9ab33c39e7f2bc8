"""YAML text -> data as JSON knows it: strings, numbers, booleans, null, lists and objects with string keys.

Built from parser events in a loop, so that depth, aliases and duplicate keys are bounded and told with their line;
dates stay strings, and unknown tags are refused. `yaml_lines` is the same walk, keeping lines; `careful_yaml` keeps
columns too, and refuses what YAML 1.1 readers take for something else than it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from attrs import define, field

from ..errors import InputError
from ..place import PathPart, Place

MAX_DEPTH = 200
MAX_EXPANDED = 1_000_000
"""How many values aliases may stand for altogether: a few lines of aliases can mean billions."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}|0x[0-9a-fA-F]{1,16}|0o[0-7]{1,22}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")

_SURPRISES = (
    (re.compile(r"yes|no|on|off", re.IGNORECASE), "a truth value to YAML 1.1"),
    (
        re.compile(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
            r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?"
        ),
        "a date to YAML 1.1",
    ),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number to base 60 to YAML 1.1"),
    (re.compile(r"[-+]?0[0-9_]+"), "an octal number to YAML 1.1"),
    (re.compile(r"[-+]?0b[01_]+|[-+]?[0-9][0-9_]*_[0-9_.]*"), "a number to YAML 1.1"),
    (re.compile(r"[-+]?\.inf|\.nan", re.IGNORECASE), "no finite number"),
)
_TRUTH, _DATE = _SURPRISES[0][0], _SURPRISES[1][0]
_SUSPECT = re.compile("|".join(pattern.pattern for pattern, _meaning in _SURPRISES), re.IGNORECASE)

Mark = tuple[int, int]
"""Line and column, both from 1."""


@define(eq=False)
class _Open:
    """A list or object that is still being filled."""

    value: list[Any] | dict[str, Any]
    line: int
    anchor: str | None
    size: int = 1
    key: str | None = None
    merged: list[dict[str, Any]] = field(factory=list)
    keys: dict[str, int] = field(factory=dict)

    def place(self) -> PathPart | None:
        return len(self.value) if isinstance(self.value, list) else self.key


def parse_yaml(text: str, name: str) -> list[Any]:
    """The documents of a YAML text, mostly one. InputError with the line otherwise."""
    return list(_documents(text, name))


def yaml_lines(text: str, name: str) -> dict[tuple[PathPart, ...], int]:
    """Path -> the line (from 1) where its value, or in an object its key, stands; of several documents as one list."""
    return {path: line for path, (line, _column) in yaml_marks(text, name).items()}


def yaml_marks(text: str, name: str) -> dict[tuple[PathPart, ...], Mark]:
    """The same with columns."""
    current: dict[tuple[PathPart, ...], Mark] = {}
    parts = []
    for document in _documents(text, name, current):
        if document is not None:
            parts.append((document, dict(current)))
        current.clear()
    if len(parts) == 1:
        return parts[0][1]
    found: dict[tuple[PathPart, ...], Mark] = {}
    at = 0
    for document, marks in parts:
        listed = isinstance(document, list)
        for path, mark in marks.items():
            if not listed:
                found[at, *path] = mark
            elif path:
                found[at + int(path[0]), *path[1:]] = mark
        at += len(document) if listed else 1
    return found


def as_one_list(documents: list[Any]) -> list[Any]:
    """Several documents of one file; those that are lists themselves give their items."""
    return [item for document in documents for item in (document if isinstance(document, list) else [document])]


def careful_yaml(
    text: str, name: str, dates_at: frozenset[str] = frozenset()
) -> tuple[Any, dict[tuple[PathPart, ...], Mark]]:
    """The only document of a text that people write for meshsim, and path -> where it stands.

    InputError for a second document, and for plain words that YAML readers disagree on; below the keys of `dates_at`
    a date is a text.
    """
    marks: dict[tuple[PathPart, ...], Mark] = {}
    starts: list[Mark] = []
    documents = list(_documents(text, name, marks, dates_at, starts))
    if len(documents) > 1:
        place = Place(name, line=starts[1][0], column=starts[1][1])
        raise InputError("two-documents", "one file holds one document", place=place, hint="split it at ---")
    return (documents[0] if documents else None), marks


def _documents(
    text: str,
    name: str,
    marks: dict[tuple[PathPart, ...], Mark] | None = None,
    dates_at: frozenset[str] | None = None,
    starts: list[Mark] | None = None,
) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while True:
            event: Any = loader.get_event()
            if isinstance(event, yaml.StreamEndEvent):
                return
            if isinstance(event, yaml.DocumentStartEvent):
                if starts is not None:
                    mark: Any = event.start_mark
                    starts.append((mark.line + 1, mark.column + 1))
                yield _Builder(loader, name, marks, dates_at).build()
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        place = Place(name) if at is None else Place(name, line=at.line + 1, column=at.column + 1)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(
            "bad-yaml",
            str(problem),
            place=place,
            hint="check indentation, colons and quotes there",
        ) from None
    finally:
        loader.dispose()


class _Builder:
    """Builds one document from events."""

    def __init__(
        self,
        loader: Any,
        name: str,
        marks: dict[tuple[PathPart, ...], Mark] | None,
        dates_at: frozenset[str] | None,
    ) -> None:
        self.loader = loader
        self.name = name
        self.marks = marks
        self.dates_at = dates_at
        self.column = 1
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int] | None] = {}
        self.expanded = 0

    def build(self) -> Any:
        result: Any = None
        while True:
            event: Any = self.loader.get_event()
            if isinstance(event, yaml.DocumentEndEvent):
                return result
            line, self.column = event.start_mark.line + 1, event.start_mark.column + 1
            if isinstance(event, yaml.ScalarEvent):
                top = self.stack[-1] if self.stack else None
                if top is not None and isinstance(top.value, dict) and top.key is None:
                    self._key(top, event, line)
                    continue
                value, size = self._scalar(event, line), 1
                if event.anchor:
                    self.anchors[event.anchor] = (value, 1)
            elif isinstance(event, yaml.AliasEvent):
                value, size = self._alias(event.anchor or "", line)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event, line)
                continue
            else:
                done = self.stack.pop()
                value, size = self._close(done)
                line = 0
            if not self.stack:
                result = value
                if line:
                    self._note(line)
            else:
                self._put(value, size, line)

    def _open(self, event: Any, line: int) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise self._refuse("too-deep", f"nested deeper than {MAX_DEPTH} levels", line, "flatten it")
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise self._tag(event.tag, line)
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            raise self._refuse("bad-yaml", "a list or object as a key", line, "keys are plain strings")
        self._note(line)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], line, event.anchor))

    def _close(self, done: _Open) -> tuple[Any, int]:
        value = done.value
        if isinstance(value, dict):
            for merged in done.merged:
                for key, inherited in merged.items():
                    value.setdefault(key, inherited)
        if done.anchor:
            self.anchors[done.anchor] = (value, done.size)
        return value, done.size

    def _key(self, top: _Open, event: Any, line: int) -> None:
        key: str = event.value
        if self.dates_at is not None and event.implicit[0]:
            self._refuse_surprises(key, line)
        if key in top.keys and not (key == "<<" and event.implicit[0]):
            raise self._refuse(
                "duplicate-key",
                f"the key {key!r} stands twice in one object (before: line {top.keys[key]})",
                line,
                "keep one of the two",
            )
        top.keys[key] = line
        top.key = key
        if event.anchor:
            self.anchors[event.anchor] = (key, 1)
        self._note(line)

    def _put(self, value: Any, size: int, line: int) -> None:
        top = self.stack[-1]
        top.size += size
        if isinstance(top.value, list):
            if line:
                self._note(line)
            top.value.append(value)
            return
        assert top.key is not None
        if top.key == "<<" and isinstance(value, dict | list):
            for merged in value if isinstance(value, list) else [value]:
                if not isinstance(merged, dict):
                    raise self._refuse("bad-yaml", "only objects can be merged by <<", top.keys["<<"], "name an object")
                top.merged.append(merged)
        else:
            top.value[top.key] = value
        top.key = None

    def _alias(self, anchor: str, line: int) -> tuple[Any, int]:
        if anchor not in self.anchors:
            raise self._refuse("bad-yaml", f"the alias *{anchor} has no anchor", line, f"write &{anchor} before it")
        known = self.anchors[anchor]
        if known is None:
            raise self._refuse("bad-yaml", f"the alias *{anchor} stands inside itself", line, "write it out")
        self.expanded += known[1]
        if self.expanded > MAX_EXPANDED:
            raise self._refuse("too-many-aliases", "the aliases stand for too many values", line, "write them out")
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            raise self._refuse("bad-yaml", "an alias as a key", line, "write the key out")
        return known

    def _scalar(self, event: Any, line: int) -> Any:
        value: str = event.value
        if event.tag is not None:
            if event.tag in _STRING_TAGS:
                return value
            raise self._tag(event.tag, line)
        if not event.implicit[0]:
            return value  # quoted, or a block
        if self.dates_at is not None:
            self._refuse_surprises(value, line)
        if value in _NULL:
            return None
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        if _INTEGER.fullmatch(value):
            return int(value, 0 if value[:2] in ("0x", "0o") else 10)
        if _FLOAT.fullmatch(value):
            return float(value)
        return value

    def _refuse_surprises(self, value: str, line: int) -> None:
        assert self.dates_at is not None
        if _SUSPECT.fullmatch(value) is None:
            return
        meaning = next((meaning for pattern, meaning in _SURPRISES if pattern.fullmatch(value)), None)
        if meaning is None:
            return
        top = self.stack[-1] if self.stack else None
        if top is not None and top.key in self.dates_at and _DATE.fullmatch(value):
            return
        raise self._refuse(
            "yaml-surprise",
            f"{value} is {meaning}",
            line,
            f'write "{value}" in quotes' + (", or true or false" if _TRUTH.fullmatch(value) else ""),
        )

    def _note(self, line: int) -> None:
        if self.marks is None:
            return
        path: list[PathPart] = []
        for level in self.stack:
            part = level.place()
            if part is None:
                return
            path.append(part)
        self.marks.setdefault(tuple(path), (line, self.column))

    def _tag(self, tag: str, line: int) -> InputError:
        return self._refuse("bad-yaml", f"the tag {tag} is not known here", line, "write a plain value")

    def _refuse(self, reference: str, message: str, line: int, hint: str) -> InputError:
        column = self.column if self.dates_at is not None else None
        return InputError(reference, message, place=Place(self.name, line=line, column=column), hint=hint)
