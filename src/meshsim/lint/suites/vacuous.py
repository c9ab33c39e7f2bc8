"""Tests that nothing can fail: every field they name takes whatever comes."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ...suite.matching import holds
from ...suite.model import Expected, Want
from ...suite.trace_fields import Field, roles
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for _key, cases in subject.tests:
        case = cases[0]
        if case.shares or case.expectation.some or not case.expectation.fields:
            continue
        if all(map(takes_all, case.expectation.fields)):
            expected = case.expectation.fields[0]
            yield subject.of_test("MS208", case, field=expected.name, value=expected.want.text)


def takes_all(expected: Expected) -> bool:
    """Proven only where all values are known: a closed list, and null unless it is the outcome itself."""
    field: Field | None = roles()[expected.role]
    for name in expected.path:
        field = field.below(name) if field is not None else None
    if field is None or field.values is None or field.a_list or not isinstance(expected.want, Want):
        return False
    values = list(field.values) if expected.path == ("outcome",) else [*field.values, None]
    return all(holds(expected.want, value) for value in values)


CHECK = Check(("MS208",), find)
