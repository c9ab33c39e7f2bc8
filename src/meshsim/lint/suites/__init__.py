"""The checks of scenario suites, one file each. What a suite accepts under `lint:` is not told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from ...errors import MeshsimError
from ...findings import Finding, found
from ...place import Place
from ...suite.model import Accepted
from ...suite.run import Meshes
from ..check import Check
from ..selection import Selection, read_choice
from . import duplicates, gaps, guards, matrices, names, pins, vacuous, whys
from .subject import Subject, read

CHECKS: tuple[Check[Subject], ...] = (
    names.CHECK,
    pins.CHECK,
    vacuous.CHECK,
    gaps.CHECK,
    whys.CHECK,
    duplicates.CHECK,
    guards.CHECK,
    matrices.CHECK,
)
ACROSS: tuple[Check[Sequence[Subject]], ...] = (names.ACROSS,)
"""Those that look at all suites together."""
OWN_CODES = ("MS201", "MS217")
"""Found here: what cannot be read, and what is accepted in vain."""


def lint_suites(files: Sequence[str], wanted: Selection, today: date) -> Iterator[Finding]:
    """What the checks find in each suite, a suite after the other; each thing once."""
    seen: set[object] = set()
    for finding in _all(files, wanted, today):
        key = finding.code, finding.place, finding.facts
        if key not in seen and wanted.wants(finding):
            seen.add(key)
            yield finding


def _all(files: Sequence[str], wanted: Selection, today: date) -> Iterator[Finding]:
    meshes = Meshes()
    subjects = []
    for file in files:
        try:
            subject = read(file, today, meshes)
        except MeshsimError as error:
            place = error.place or Place(file)
            yield found("MS201", "suite", file, place, message=error.message, help=error.hint or "mend it")
            continue
        subjects.append(subject)
        yield from _of_suite(subject, wanted)
    for check in ACROSS:
        if wanted.looks_for(check.codes):
            yield from check.find(subjects)


def _of_suite(subject: Subject, wanted: Selection) -> Iterator[Finding]:
    idle = dict.fromkeys(subject.suite.accepted)
    for check in CHECKS:
        needed = {each.code for each in idle} & set(check.codes)
        if not needed and not wanted.looks_for(check.codes):
            continue
        for finding in check.find(subject):
            accepting = [each for each in subject.suite.accepted if _covers(each, finding)]
            for each in accepting:
                idle.pop(each, None)
            if not accepting:
                yield finding
    for each in idle:
        name = each.resource if each.resource != "*" else subject.suite.name
        yield found("MS217", "suite", name, each.place, accepted=each.code)


def _covers(accepted: Accepted, finding: Finding) -> bool:
    return read_choice(f"{accepted.code}={accepted.resource}").covers(finding)


__all__ = ["ACROSS", "CHECKS", "OWN_CODES", "Subject", "lint_suites"]
