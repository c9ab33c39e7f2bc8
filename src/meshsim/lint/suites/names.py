"""Calls, expectations and meshes with a name that nothing comes to. A name that any text may mean is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...findings import Finding, found
from ...suite.source import Node
from ..check import Check
from .subject import Subject

_WHAT = {"calls": "call", "expect": "expectation", "meshes": "mesh"}
_ROOTS = ("tests", "access", "never", "mesh", "defaults")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def find(subject: Subject) -> Iterator[Finding]:
    """In the suite itself."""
    used = _used(subject)
    for section, name, node in _named(subject.root):
        if name not in used:
            yield found("MS202", _WHAT[section], name, node.place, what=_WHAT[section])


def find_shared(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """In the files that suites share: of all suites that were looked at and use the file, none comes to it."""
    files: dict[str, tuple[Node, list[Subject]]] = {}
    for subject in subjects:
        for node in subject.used:
            files.setdefault(node.source.name, (node, []))[1].append(subject)
    for node, users in files.values():
        used = frozenset().union(*map(_used, users))
        for section, name, part in _named(node):
            if name not in used:
                what = _WHAT[section]
                yield found("MS203", what, name, part.place, what=what, suites=len(users))


def _named(file: Node) -> Iterator[tuple[str, str, Node]]:
    for section in _WHAT:
        if section in file.data:
            yield from ((section, name, part) for name, part in file.child(section).entries().items())


def _used(subject: Subject) -> frozenset[str]:
    """Every name that tests, matrices and guards come to, by way of other names too."""
    below = {name: part.data for file in (*subject.used, subject.root) for _section, name, part in _named(file)}
    reached: set[str] = set()
    waiting: list[Any] = [subject.root.data.get(key) for key in _ROOTS]
    while waiting:
        for name in _meant(_texts(waiting.pop()), below):
            if name not in reached:
                reached.add(name)
                waiting.append(below[name])
    return frozenset(reached)


def _meant(texts: set[str], names: Iterable[str]) -> list[str]:
    """Those among the names; a text with variables may mean any that begins and ends like it."""
    ends = [_VARIABLE.split(text) for text in texts if "${" in text]
    return [
        name
        for name in names
        if name in texts or any(name.startswith(parts[0]) and name.endswith(parts[-1]) for parts in ends)
    ]


def _texts(data: Any) -> set[str]:
    found_texts, waiting = set(), [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found_texts.add(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found_texts


CHECK = Check(("MS202",), find)
ACROSS = Check(("MS203",), find_shared)
