"""What router_check_tool says about its tests, in its own wording: failed assertions and coverage."""

from __future__ import annotations

from collections.abc import Iterator

from ..suite_results import Mismatch, Results, RouteCoverage
from .redact import Redactor


def mismatch_line(mismatch: Mismatch, redactor: Redactor) -> str:
    """`expected: [E], actual: [A], test type: T`."""
    actual = f"actual: {'NOT ' if mismatch.negated and mismatch.wanted is not None else ''}"
    line = f"{actual}[{_shown(mismatch, mismatch.got, redactor)}], test type: {mismatch.test_type}"
    if mismatch.wanted is None:
        return line
    return f"expected: [{_shown(mismatch, mismatch.wanted, redactor)}], {line}"


def _shown(mismatch: Mismatch, text: str, redactor: Redactor) -> str:
    if not mismatch.header:
        return redactor.text(text)
    value = redactor.header(mismatch.header, text)
    return f"{mismatch.header}: {value}" if mismatch.names_header else value


def coverage_lines(results: Results) -> Iterator[str]:
    """Each file's, with its name where there are several."""
    several = len(results.coverage) > 1
    for coverage in results.coverage:
        if several:
            yield f"{coverage.file}:"
        yield from _missing(coverage)
        yield f"Current route coverage: {coverage.percent:g}%"


def too_low_lines(results: Results) -> Iterator[str]:
    """The limits that were not met."""
    for coverage in results.coverage:
        if coverage.too_low:
            yield f"Failed to meet coverage requirement: {coverage.limit:g}%"


def _missing(coverage: RouteCoverage) -> Iterator[str]:
    for route in coverage.missing:
        what = f"route: {route.match}" if route.match else f"route name: {route.unique_name}"
        yield f"Missing test for host: {route.virtual_host}, {what}"
