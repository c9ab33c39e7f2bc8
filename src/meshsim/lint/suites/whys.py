"""Tests that do not say what they protect; only told when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for _key, cases in subject.tests:
        if not cases[0].why:
            yield subject.of_test("MS211", cases[0])


CHECK = Check(("MS211",), find)
