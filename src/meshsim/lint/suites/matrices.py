"""Access matrices that say who may and never who may not, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding, found
from ...suite.matching import holds
from ...suite.model import Expectation, Expected, Want
from ..check import Check
from .subject import Subject, expected_of

_THROUGH = ("delivered", "forwarded")
_ERRORS = range(400, 600)


def find(subject: Subject) -> Iterator[Finding]:
    tests = subject.root.data.get("tests", {})
    for key, cases in subject.tests:
        if key in tests:
            continue
        denied = [_denies(case.expectation) for case in cases]
        if all(denied) or not any(denied):
            yield found("MS216", "access", key, cases[0].place, missing="allowed" if all(denied) else "denied")


def _denies(expectation: Expectation) -> bool:
    return any(map(_says_no, expected_of(expectation)))


def _says_no(expected: Expected) -> bool:
    """Neither delivered nor forwarded, an error status, or no endpoint."""
    want = expected.want
    if not isinstance(want, Want):
        return False
    field = (expected.path or ("",))[-1]
    if expected.path == ("outcome",):
        return not any(holds(want, kind) for kind in _THROUGH)
    if field in ("status", "grpc_status"):
        wanted = [value for value in want.literals if isinstance(value, int)]
        bad = [value in _ERRORS if field == "status" else value != 0 for value in wanted]
        return bool(bad) and all(bad) is not want.negated
    if field in ("response_code_details", "response_flags"):
        return any(want.literals) or bool(want.patterns)
    return field in ("endpoint", "cluster", "route") and None in want.literals and not want.negated


CHECK = Check(("MS216",), find)
