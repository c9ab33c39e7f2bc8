"""One case against what was observed: expectations on every branch, `some` on one, shares, guards, known gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from attrs import evolve

from ..errors import InputError
from ..suite_results import ERROR, FAILED, GAP, PASSED, CaseResult, Difference, Failure
from .matching import Unmet, hop_of_role, unmet, value_at
from .model import TRACE, Case, Expectation, Expected, Guard, KnownGap, Presence, Share, Suite, Want
from .observe import Observations, Observed
from .parting import DETAILS, parting
from .source import as_text

MOST_DIFFERENCES = 20


def judge(case: Case, suite: Suite, seen: Observations, today: date) -> CaseResult:
    """Everything that is said about the case."""
    own = [*_expectation(case, seen), *_shares(case.shares, seen)]
    if seen.unwalked and suite.strict:
        own.append(Failure("unwalked", place=case.place, failing=seen.unwalked, branches=len(seen.courses)))
    broken = list(_guards(case, suite.guards, seen))
    result = begun(case, suite, seen)
    if case.gap is None:
        return evolve(result, status=FAILED, failures=(*own, *broken)) if own or broken else result
    over = [] if today <= case.gap.until else [Failure("gap-over", place=case.gap.place, message=_gap(case.gap))]
    closed = [] if own else [Failure("gap-closed", place=case.gap.place, message=_gap(case.gap))]
    if over or closed or broken:
        return evolve(result, status=FAILED, failures=(*over, *closed, *broken, *own))
    return evolve(result, status=GAP, failures=tuple(own))


def refused(case: Case, suite: Suite, error: InputError) -> CaseResult:
    """The call cannot be asked in this mesh."""
    failure = Failure("call", place=error.place or case.place, message=error.message, hint=error.hint)
    return evolve(begun(case, suite), status=ERROR, failures=(failure,))


def begun(case: Case, suite: Suite, seen: Observations | None = None) -> CaseResult:
    """A result against which nothing speaks yet."""
    return CaseResult(
        suite=suite.name,
        file=suite.file,
        id=case.id,
        status=PASSED,
        place=case.place,
        why=case.why,
        mesh=case.mesh.name,
        tags=case.tags,
        call=None if seen is None else seen.call,
        branches=0 if seen is None else len(seen.courses),
        unwalked=0 if seen is None else seen.unwalked,
        gap="" if case.gap is None else _gap(case.gap),
    )


def _gap(gap: KnownGap) -> str:
    return f"{gap.why} (until {gap.until.isoformat()})"


def _expectation(case: Case, seen: Observations) -> Iterable[Failure]:
    if case.expectation.fields:
        missed = {id(course): unmet(case.expectation, course) for course in seen.courses}
        failing = [course for course in seen.courses if missed[id(course)]]
        if failing:
            first, others = missed[id(failing[0])], _only_elsewhere([missed[id(course)] for course in failing])
            yield evolve(
                _told("expectation", case.expectation, failing[0], first),
                differences=_with_values(first, seen.courses),
                elsewhere=_with_values(others, seen.courses),
                share=seen.shares(lambda course: bool(missed[id(course)])).get(True),
                failing=len(failing),
                branches=len(seen.courses),
            )
    for some in case.expectation.some:
        nearest = _nearest(some, seen.courses)
        if nearest is not None:
            failure = _told("some", some, *nearest)
            yield evolve(failure, place=some.place, branches=len(seen.courses), failing=len(seen.courses))


def _only_elsewhere(missed: Sequence[Sequence[Unmet]]) -> list[Unmet]:
    """What the first branch does not miss, each field once."""
    told = {each.expected for each in missed[0]}
    found: dict[Expected, Unmet] = {}
    for branch in missed[1:]:
        for each in branch:
            if each.expected not in told:
                found.setdefault(each.expected, each)
    return list(found.values())


def _with_values(missed: Sequence[Unmet], courses: Sequence[Observed]) -> tuple[Difference, ...]:
    """Each with the field's values on all branches, where it is a field of one hop or of the trace."""
    made = []
    for each in missed[:MOST_DIFFERENCES]:
        values: list[Any] = []
        for course in courses if isinstance(each.expected.want, Want) else ():
            found = field_of(course, each.expected.role, each.expected.path)
            if found is None:
                values = []
                break
            values += [value for value in found if value not in values]
        made.append(evolve(_difference(each), values=tuple(values)))
    return tuple(made)


def _nearest(some: Expectation, courses: Sequence[Observed]) -> tuple[Observed, list[Unmet]] | None:
    """The course that lacks least; None: on one course it holds."""
    nearest: tuple[Observed, list[Unmet]] | None = None
    for course in courses:
        missed = unmet(some, course)
        if not missed:
            return None
        if nearest is None or len(missed) < len(nearest[1]):
            nearest = course, missed
    return nearest


def _told(kind: str, expectation: Expectation, course: Observed, missed: list[Unmet]) -> Failure:
    most_telling = _most_telling(missed)
    wrong = [each.expected for each in missed]
    held = {
        each.path[0]
        for each in expectation.fields
        if each.path and each.role == most_telling.expected.role and each not in wrong
    }
    return Failure(
        kind,
        differences=tuple(map(_difference, missed[:MOST_DIFFERENCES])),
        place=missed[0].expected.place,
        picks=course.picks(),
        outcome=course.outcome,
        assumptions=course.reasons,
        parting=parting(course, most_telling, held),
    )


_ORDER = (
    "received_by",
    "listener",
    "filter_chain",
    "network_filter",
    "route_config",
    "virtual_host",
    "route",
    "cluster",
    "service",
    "port",
    "subset",
)


def _most_telling(missed: list[Unmet]) -> Unmet:
    """Where the ways part first: the earliest field of a hop up to its cluster, else the details that were wanted."""

    def rank(each: Unmet) -> tuple[float, int]:
        path = each.expected.path
        if path and path[-1] == DETAILS:
            return (len(_ORDER) - 0.5, each.index or 0)
        if each.expected.role == TRACE or not path or each.index is None:  # a hop that is not there is a consequence
            return (len(_ORDER) + 1, 0)
        return (_ORDER.index(path[0]) if path[0] in _ORDER else len(_ORDER), each.index or 0)

    return min(missed, key=rank)


def _difference(missed: Unmet) -> Difference:
    expected = missed.expected
    return Difference(expected.name, expected.want.text, plain(missed.got), expected.place)


def plain(value: Any) -> Any:
    """As JSON has it."""
    return list(map(plain, value)) if isinstance(value, list | tuple) else value


def _shares(wanted: Sequence[Share], seen: Observations) -> Iterable[Failure]:
    differences = []
    for share in wanted:
        found = seen.shares(lambda course, share=share: _value(course, share))  # type: ignore[misc]
        got = found.get(share.value, 0)
        if got is None or abs(got - share.share) > share.tolerance:
            differences.append(Difference(share.name, share.text, got, share.place))
    if differences:
        yield Failure("shares", tuple(differences), place=wanted[0].place, branches=len(seen.courses))


def _value(course: Observed, share: Share) -> str:
    found = field_of(course, share.role, share.path)
    return as_text(found[0] if found else None)


def field_of(course: Observed, role: str, path: Sequence[str]) -> list[Any] | None:
    """The value of a field of the trace or of a role's hop, in a list; None where there is no such hop, or many."""
    if role == TRACE:
        return [plain(value_at(course, path))]
    if role not in ("client", "server", "gateway"):
        return None
    index = hop_of_role(role, course)
    return None if index is None else [plain(value_at(course.hops[index], path))]


def _guards(case: Case, guards: Sequence[Guard], seen: Observations) -> Iterable[Failure]:
    for guard in guards:
        if guard.except_tags & set(case.tags):
            continue
        broken = [course for course in seen.courses if not unmet(guard.expectation, course)]
        if not broken:
            continue
        ids = {id(course) for course in broken}
        first = broken[0]
        yield Failure(
            "guard",
            place=guard.place,
            name=guard.name,
            message=guard.why,
            share=seen.shares(lambda course, ids=ids: id(course) in ids).get(True),  # type: ignore[misc]
            picks=first.picks(),
            outcome=first.outcome,
            assumptions=first.reasons,
            parting=_guard_parting(guard, first),
            failing=len(broken),
            branches=len(seen.courses),
        )


def _guard_parting(guard: Guard, course: Observed) -> Any:
    """What decided the field that must never be so."""
    for expected in guard.expectation.fields:
        if expected.path and not isinstance(expected.want, Presence):
            index = None
            if expected.role in ("client", "server", "gateway"):
                index = hop_of_role(expected.role, course)
            elif expected.role in ("any_hop", "every_hop"):
                only = evolve(
                    guard.expectation,
                    fields=tuple(
                        evolve(each, role="every_hop")
                        for each in guard.expectation.fields
                        if each.role == expected.role
                    ),
                )
                bad = {one.index for one in unmet(only, course)}
                index = next((place for place in range(len(course.hops)) if place not in bad), None)
            return parting(course, Unmet(evolve(expected, want=evolve(expected.want, negated=True)), None, index))
    return None
