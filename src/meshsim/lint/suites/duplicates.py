"""Calls of the same meaning under two names, and tests that ask and expect the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...findings import Finding, found
from ...suite.calls import stated
from ...suite.model import Case, Expectation
from ...suite.source import Node
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    yield from _calls(subject)
    yield from _tests(subject)


def _calls(subject: Subject) -> Iterator[Finding]:
    nodes: dict[str, Node] = {}
    for file in (*subject.used, subject.root):
        if "calls" in file.data:
            nodes.update(file.child("calls").entries())
    known: dict[str, str] = {}
    for name, node in nodes.items():
        other = known.setdefault(repr(sorted(stated(node, nodes).items(), key=lambda each: each[0])), name)
        if other != name and node.data != other:
            yield found("MS212", "call", name, node.place, related=[nodes[other].place], other=other)


def _tests(subject: Subject) -> Iterator[Finding]:
    first: dict[object, Case] = {}
    told = set()
    written = subject.root.data.get("tests", {})
    for case in subject.suite.cases:
        if case.key not in written:
            continue
        said = repr(case.call), case.mesh.name, _meaning(case.expectation), _shares(case), case.tags, case.gap
        other = first.setdefault(said, case)
        if other.key != case.key and case.key not in told:
            told.add(case.key)
            yield found("MS213", "test", case.id, case.place, related=[other.place], other=other.id)


def _meaning(expectation: Expectation) -> Any:
    """Whatever its places."""
    fields = frozenset((each.role, each.path, repr(each.want)) for each in expectation.fields)
    return fields, frozenset(map(_meaning, expectation.some))


def _shares(case: Case) -> Any:
    return frozenset((each.role, each.path, each.value, each.share) for each in case.shares)


CHECK = Check(("MS212", "MS213"), find)
