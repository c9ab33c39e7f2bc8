"""Known gaps past their day, and those whose day is so far away that it is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ...findings import Finding, found
from ..check import Check
from .subject import Subject

FAR = timedelta(days=731)


def find(subject: Subject) -> Iterator[Finding]:
    for key, cases in subject.tests:
        gap = cases[0].gap
        if gap is not None and gap.until < subject.today:
            yield found("MS209", "test", key, gap.place, until=gap.until.isoformat())
        elif gap is not None and gap.until - subject.today > FAR:
            yield found("MS210", "test", key, gap.place, until=gap.until.isoformat())


CHECK = Check(("MS209", "MS210"), find)
