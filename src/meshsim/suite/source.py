"""A file of a suite as data that knows where each value is written, so that every error names line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, frozen

from ..config.documents import read_text
from ..config.yaml_text import Mark, careful_yaml
from ..errors import InputError
from ..place import PathPart, Place

VERSION = 1
DATES_AT = frozenset({"until"})
_FIRST_KEY = re.compile(
    r"""(?m)\A(?:\ufeff)?(?:[ \t]*(?:#.*)?\n|%.*\n|---[ \t]*(?:#.*)?\n)*(?:[ \t]*\{\s*)?(['"]?)meshsim\1[ \t]*:"""
)


def is_suite(text: str) -> bool:
    """Whether the first key is `meshsim:`; other YAML files are nobody's business here."""
    return _FIRST_KEY.match(text) is not None


@define(eq=False)
class Source:
    """One file: where its values stand."""

    name: str
    path: Path
    marks: Mapping[tuple[PathPart, ...], Mark]

    def place(self, path: tuple[PathPart, ...]) -> Place:
        """Where it stands; what came in by an alias stands where the alias does."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return Place(self.name, line=line, column=column)


@frozen(eq=False)
class Node:
    """A value and where it is written."""

    source: Source
    data: Any
    path: tuple[PathPart, ...] = ()
    what: str = "the file"
    """How messages call it."""

    @property
    def place(self) -> Place:
        return self.source.place(self.path)

    def refuse(self, reference: str, message: str, hint: str = "") -> InputError:
        return InputError(reference, message, place=self.place, hint=hint)

    def with_data(self, data: Any) -> Node:
        return evolve(self, data=data)

    def child(self, key: PathPart, what: str = "") -> Node:
        named = what or (f"{self.what}[{key}]" if isinstance(key, int) else str(key))
        return Node(self.source, self.data[key], (*self.path, key), named)

    def fields(self, known: Iterable[str]) -> dict[str, Node]:
        """The parts of an object whose keys are given; an unknown one is an error that names a near one."""
        names = list(known)
        parts = self.entries()
        for key, part in parts.items():
            if key not in names:
                hint = nearest(key, names) or "keys: " + ", ".join(names)
                raise part.refuse("suite-unknown-key", f"{self.what} has no key {key!r}", hint)
        return parts

    def entries(self) -> dict[str, Node]:
        """The parts of an object whose keys are the user's."""
        if not isinstance(self.data, dict):
            raise self.wrong("an object")
        return {key: self.child(key) for key in self.data}

    def items(self) -> list[Node]:
        if not isinstance(self.data, list):
            raise self.wrong("a list")
        return [self.child(index) for index in range(len(self.data))]

    def one_or_more(self) -> list[Node]:
        """A list's items, or the value itself."""
        return self.items() if isinstance(self.data, list) else [self]

    def text(self) -> str:
        if not isinstance(self.data, str) or not self.data:
            raise self.wrong("a text")
        return self.data

    def wrong(self, wanted: str) -> InputError:
        return self.refuse("suite-wrong-type", f"{self.what} is {kind_of(self.data)}, not {wanted}", f"write {wanted}")


_KINDS = ((bool, "true or false"), (dict, "an object"), (list, "a list"), (int, "a number"), (float, "a number"))


def kind_of(value: Any) -> str:
    if value is None:
        return "empty"
    if value == "":
        return "an empty text"
    return next((kind for type_, kind in _KINDS if isinstance(value, type_)), "a text")


def nearest(given: str, valid: Iterable[str]) -> str:
    """A question that names the nearest valid name; empty where none is near."""
    near = difflib.get_close_matches(given, list(valid), 1, 0.6)
    return f"did you mean {near[0]}?" if near else ""


def read_node(path: Path, name: str) -> Node:
    """A file as a node. InputError where it is no YAML, or YAML that readers disagree on."""
    text = read_text(path, name).text()
    data, marks = careful_yaml(text, name, DATES_AT)
    return Node(Source(name, path, marks), data)


_VARIABLE = re.compile(r"\$(\$?)\{([^}]*)\}")


def fill(node: Node, variables: Mapping[str, Any]) -> Node:
    """The node with each `${name}` replaced: alone by the value, within a text by its text. `$${` stays `${`."""
    return node.with_data(_filled(node, node.data, node.path, variables))


def _filled(node: Node, data: Any, path: tuple[PathPart, ...], variables: Mapping[str, Any]) -> Any:
    if isinstance(data, dict):
        return {key: _filled(node, value, (*path, key), variables) for key, value in data.items()}
    if isinstance(data, list):
        return [_filled(node, value, (*path, index), variables) for index, value in enumerate(data)]
    if not isinstance(data, str) or "${" not in data:
        return data

    def known(name: str) -> Any:
        if name not in variables:
            hint = nearest(name, variables) or "variables come from `for:`"
            raise InputError("suite-no-variable", f"no variable {name!r}", place=node.source.place(path), hint=hint)
        return variables[name]

    alone = _VARIABLE.fullmatch(data)
    if alone is not None and not alone[1]:
        return known(alone[2])
    return _VARIABLE.sub(lambda found: found[0][1:] if found[1] else as_text(known(found[2])), data)


def used_variables(data: Any) -> Iterator[str]:
    """The names that `fill` would ask for."""
    if isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from used_variables(value)
    elif isinstance(data, str):
        yield from (name for escaped, name in _VARIABLE.findall(data) if not escaped)


def as_text(value: Any) -> str:
    """A value as YAML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
