"""Guards that no test is held to, and excepted tags that no test bears."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding, found
from ..check import Check
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    known = {tag for case in subject.suite.cases for tag in case.tags}
    for guard in subject.suite.guards:
        for tag in sorted(guard.except_tags - known):
            yield found("MS215", "guard", guard.name, guard.place, tag=tag)
        if all(guard.except_tags & set(case.tags) for case in subject.suite.cases):
            yield found("MS214", "guard", guard.name, guard.place)


CHECK = Check(("MS214", "MS215"), find)
