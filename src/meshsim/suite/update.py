"""`--update`: what came is written in place of what was expected, byte for byte the rest of the file stays.

Only what is plain is written: one field of one hop, on which all cases that read the line agree. The rest is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import yaml
from attrs import frozen

from ..config.yaml_text import careful_yaml
from ..errors import InputError
from ..place import Place
from ..render.redact import is_secret_name
from ..suite_results import CaseResult, Difference
from .model import Case, Suite
from .source import as_text

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./|:@+ -]*")
"""What every reader of YAML takes for a plain text, unless it looks like something else."""
_WRITTEN = ("expectation", "shares")


@frozen
class Edit:
    """One value of one file."""

    place: Place
    """Of its key."""
    key: str
    text: str
    """The new value, as YAML."""


@frozen
class Left:
    """What is not written, and why."""

    case: str
    what: str
    place: Place | None
    why: str


def plan(suites: Sequence[Suite], results: Sequence[CaseResult]) -> tuple[list[Edit], list[Left]]:
    """What can be written, and what a person has to decide."""
    users = _users(suites)
    wanted: dict[Place, dict[tuple[str, str], Difference]] = {}
    left: list[Left] = []
    for case in results:
        for failure in case.failures if case.status == "failed" else ():
            if failure.kind not in _WRITTEN or not failure.differences:
                left.append(Left(case.node, failure.kind, failure.place, "only a person can decide this"))
                continue
            for difference in (*failure.differences, *failure.elsewhere):
                if difference.place is not None:
                    wanted.setdefault(difference.place, {})[case.node, difference.path] = difference
    edits = []
    for place, differences in wanted.items():
        (node, path), first = next(iter(differences.items()))
        text = _new_text(first)
        others = users.get(place, set()) - {node for node, _path in differences}
        if is_secret_name(path.partition("headers.")[2]):
            left.append(Left(node, path, place, "it is a secret, which no suite should hold"))
        elif text is None:
            left.append(Left(node, path, place, "it is no single field with a value of its own"))
        elif others:
            left.append(Left(node, path, place, f"{len(others)} other cases read this line, such as {min(others)}"))
        elif any(_new_text(each) != text for each in differences.values()):
            left.append(Left(node, path, place, "the cases that read this line came to different values"))
        else:
            edits.append(Edit(place, _key(path), text))
    return edits, left


def _users(suites: Sequence[Suite]) -> Mapping[Place, set[str]]:
    """Which cases read each line."""
    users: dict[Place, set[str]] = {}
    for suite in suites:
        for case in suite.cases:
            for place in _places(case):
                users.setdefault(place, set()).add(_node(suite, case))
    return users


def _places(case: Case) -> Iterator[Place]:
    yield from (expected.place for expected in case.expectation.fields)
    yield from (share.place for share in case.shares)
    yield from (expected.place for some in case.expectation.some for expected in some.fields)


def _node(suite: Suite, case: Case) -> str:
    return CaseResult(suite.name, suite.file, case.id, "", case.place, mesh=case.mesh.name).node


def _key(path: str) -> str:
    """The key that stands in the file: the value of a share, else the last step (header names hold no dots here)."""
    if "=" in path:
        return path.partition("=")[2]
    header = path.partition("headers.")[2]
    return header or path.rpartition(".")[2]


def _new_text(difference: Difference) -> str | None:
    if isinstance(difference.got, Fraction) or ("=" in difference.path and difference.got == 0):
        return _share_text(Fraction(difference.got))
    if not difference.values:
        return None
    if len(difference.values) == 1:
        return yaml_text(difference.values[0])
    if any(isinstance(value, list) for value in difference.values):
        return None
    return "[" + ", ".join(map(yaml_text, difference.values)) + "]"


def _share_text(share: Fraction) -> str:
    """In percent where that is exact, else as a ratio."""
    hundredths = share * 10000
    if hundredths.denominator == 1:
        return f"{float(share) * 100:.4g} %"
    return f"{share.numerator}/{share.denominator}"


def yaml_text(value: Any) -> str:
    """A value as YAML that a suite reads back as the same literal."""
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml_text, value)) + "]"
    if not isinstance(value, str):
        return as_text(value)
    if len(value) > 1 and value.startswith("/") and value.endswith("/"):
        return _quoted("/^" + re.sub(r"([^0-9A-Za-z_ /-])", r"\\\1", value) + "$/")
    try:
        if _PLAIN.fullmatch(value) and careful_yaml(f"[{value}]", "")[0] == [value]:
            return value
    except InputError:
        pass
    return _quoted(value)


def _quoted(text: str) -> str:
    """In single quotes, which know no escapes; what holds control characters in double ones."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'


def edited(text: str, edits: Iterable[Edit], because: str) -> str:
    """The file's text with the values replaced, and the reason behind each line that changed."""
    spans = _values(text)
    lines = text.splitlines(keepends=True)
    changes: list[tuple[tuple[int, int], tuple[int, int], str]] = []
    for edit in edits:
        assert edit.place.line is not None and edit.place.column is not None
        found = spans.get((edit.place.line - 1, edit.place.column - 1))
        if found is None or found[0].lower() != edit.key.lower() or found[1][0] != found[2][0]:
            raise InputError(
                "cannot-update",
                f"the value of {edit.key} is not written there",
                place=edit.place,
                hint="change it by hand",
            )
        changes.append((found[1], found[2], edit.text))
    for (row, begin), (_row, end), new in sorted(changes, reverse=True):
        lines[row] = lines[row][:begin] + new + lines[row][end:]
    for row in {begin[0] for begin, _end, _new in changes}:
        lines[row] = _with_reason(lines[row], because)
    return "".join(lines)


def _with_reason(line: str, because: str) -> str:
    body = line.rstrip("\r\n")
    return f"{body.rstrip()}  # because: {because}{line[len(body) :]}"


def _values(text: str) -> dict[tuple[int, int], tuple[str, tuple[int, int], tuple[int, int]]]:
    """Where a key stands -> (the key, where its value begins, where it ends); rows and columns from 0."""
    found = {}
    waiting = [yaml.compose(text, Loader=_LOADER)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                waiting.append(value)
                begin, end = value.start_mark, value.end_mark
                found[key.start_mark.line, key.start_mark.column] = (
                    str(key.value),
                    (begin.line, begin.column),
                    (end.line, end.column),
                )
    return found
