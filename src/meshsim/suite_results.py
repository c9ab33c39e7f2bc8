"""What running scenario suites came to, as plain data: the only thing the suite's renderers read.

Holds decisions and reasons, never sentences; can be pickled, since large suites run in several processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from attrs import field, frozen

from .explanation import Candidate, Decision
from .facts.call import Call
from .outcome import Outcome
from .place import Place
from .reasons import Reason

PASSED, FAILED, GAP, ERROR = "passed", "failed", "gap", "error"
"""GAP: it fails, as a known gap says. ERROR: the call could not be asked at all."""
STATUSES = (PASSED, FAILED, GAP, ERROR)


@frozen
class Difference:
    """One field that is not as it should be."""

    path: str
    """`outcome`, `client.route`, `any_hop.tls.mode`; for shares with the value: `client.subset=v1`."""
    wanted: str
    """As the suite says it."""
    got: Any
    """JSON-safe; for shares a Fraction, or None where it is not known."""
    place: Place | None = None
    """Where the suite says it."""
    values: tuple[Any, ...] = ()
    """Of the field on every branch, each once, the likeliest first; empty where no single field is meant."""


@frozen
class Parting:
    """The decision where what was expected and what happened part."""

    decision: Decision
    expected: Candidate | None
    """Who should have won; None where no candidate bears the name."""
    lines: Mapping[Place, Place] = field(factory=dict)
    """The places in it, with their lines."""


@frozen
class Mismatch:
    """One assertion of a router_check_tool test that does not hold, as that tool tells it."""

    test_type: str
    wanted: str | None
    """None: a matcher that wants no single text."""
    got: str
    header: str = ""
    """The header whose values those are."""
    names_header: bool = False
    """The message says which."""
    negated: bool = False
    """It should not have been that."""
    place: Place | None = None


@frozen
class Failure:
    """One way in which a case is not as it should be."""

    kind: str
    """expectation | some | shares | guard | unwalked | gap-closed | gap-over | call | check | unknown."""
    differences: tuple[Difference, ...] = ()
    """On the branch that is told."""
    elsewhere: tuple[Difference, ...] = ()
    """Fields that are not as expected on other branches only."""
    place: Place | None = None
    name: str = ""
    """Of the guard, as the suite writes it."""
    share: Fraction | None = None
    """Of the branch that is told."""
    picks: tuple[tuple[str, str], ...] = ()
    """What a call must pin to go that way."""
    failing: int = 0
    branches: int = 0
    """How many branches fail, of how many."""
    outcome: Outcome | None = None
    """Of the branch that is told."""
    assumptions: tuple[Reason, ...] = ()
    parting: Parting | None = None
    mismatches: tuple[Mismatch, ...] = ()
    """Of a router_check_tool test."""
    message: str = ""
    """Of an error, with its remedy in `hint`; of a gap, why it is known."""
    hint: str = ""


@frozen
class Touched:
    """One thing of the configuration that decided about a call."""

    kind: str
    """listener, filter_chain, virtual_host, route, cluster, rule."""
    name: str
    place: Place
    pod: str = ""


@frozen
class CaseResult:
    """One case, judged."""

    suite: str
    file: str
    id: str
    status: str
    place: Place
    call: Call | None = None
    """As completed, where it could be asked."""
    why: str = ""
    mesh: str = ""
    tags: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    branches: int = 0
    gap: str = ""
    """Why it may fail, with the last day on which it may."""
    unwalked: int = 0
    """Bundles of courses that were too many to walk."""
    touched: frozenset[Touched] = frozenset()
    """Only when asked for."""
    assumptions: tuple[Reason, ...] = ()
    """On which a router_check_tool test's answer stands."""

    @property
    def node(self) -> str:
        """What -k, --last-failed and reports call it."""
        return f"{self.file}::{self.id}" + (f"@{self.mesh}" if self.mesh else "")


@frozen
class Problem:
    """A file that could not be used at all."""

    file: str
    message: str
    hint: str = ""
    place: Place | None = None
    exit_code: int = 2


@frozen
class MissingRoute:
    """A route that no test covers."""

    virtual_host: str
    route: str
    """Its name, or its number."""
    match: str = ""
    """Its RouteMatch; only in comprehensive coverage."""
    unique_name: str = ""
    """Its name, made unique."""


@frozen
class RouteCoverage:
    """How much of a route configuration a file of router_check_tool tests covers."""

    file: str
    route_config: str
    share: Fraction
    limit: float
    """In percent; 0: none."""
    missing: tuple[MissingRoute, ...] = ()

    @property
    def percent(self) -> float:
        return float(self.share * 100)

    @property
    def too_low(self) -> bool:
        return self.percent < self.limit


@frozen
class Results:
    """All cases in the order of their files."""

    cases: Sequence[CaseResult] = ()
    problems: Sequence[Problem] = ()
    deselected: int = 0
    stopped: bool = False
    """--fail-fast left the rest unasked."""
    coverage: Sequence[RouteCoverage] = ()
    """Of files of router_check_tool tests that passed."""

    def count(self, status: str) -> int:
        return sum(case.status == status for case in self.cases)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(case for case in self.cases if case.status in (FAILED, ERROR))
