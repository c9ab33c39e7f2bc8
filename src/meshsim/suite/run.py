"""Running suites: each distinct call on each mesh is traced once, every case judged. Prints nothing, asks no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from attrs import define, evolve, field

from ..api import load as load_mesh
from ..api import load_demo
from ..errors import InputError, MeshsimError
from ..mesh import Mesh
from ..suite_results import ERROR, FAILED, CaseResult, Problem, Results, Touched
from .judge import judge, refused
from .model import Case, MeshSpec, Suite
from .observe import Observations, observe
from .touched import touched


@define(eq=False)
class Meshes:
    """Meshes by what they are loaded from, each loaded once."""

    _loaded: dict[tuple[object, ...], Mesh] = field(factory=dict)

    def get(self, spec: MeshSpec) -> Mesh:
        """InputError where its files cannot be used."""
        key = spec.loaded_from
        if key not in self._loaded:
            if spec.paths:
                made = load_mesh(*spec.paths, istio_iptables=spec.istio_iptables)
            else:
                made = load_demo(spec.outbound_policy, istio_iptables=spec.istio_iptables)
            self._loaded[key] = made.compiled
        return self._loaded[key]


@define(eq=False)
class Settings:
    """How to run."""

    today: date
    """Known gaps end."""
    collect: bool = False
    """Keep what each case touched."""
    fail_fast: bool = False
    done: Callable[[int], None] = lambda _count: None
    """Called with the number of cases that were judged."""


Work = tuple[Suite, Case]


def run(
    suites: Sequence[Suite],
    settings: Settings,
    *,
    selected: Callable[[Suite, Case], bool] = lambda _suite, _case: True,
    meshes: Meshes | None = None,
) -> Results:
    """Every selected case of the suites, in their order."""
    work = [(suite, case) for suite in suites for case in suite.cases]
    chosen = [(suite, case) for suite, case in work if selected(suite, case)]
    return evolve(run_work(chosen, settings, meshes or Meshes()), deselected=len(work) - len(chosen))


def run_work(work: Sequence[Work], settings: Settings, meshes: Meshes) -> Results:
    """These cases, in their order. A mesh that cannot be loaded is a problem of each suite that names it."""
    results, problems = judge_work(work, settings, meshes)
    done = [result for result in results if result is not None]
    if settings.fail_fast and any(map(_bad, done)):
        first = next(position for position, result in enumerate(done) if _bad(result))
        return Results(done[: first + 1], problems, stopped=True)
    return Results(done, problems)


def judge_work(
    work: Sequence[Work], settings: Settings, meshes: Meshes
) -> tuple[list[CaseResult | None], tuple[Problem, ...]]:
    """A result for each case, None where there is none; with `fail_fast` no more once one has failed."""
    problems: dict[tuple[str, MeshSpec], Problem] = {}
    results: list[CaseResult | None] = [None] * len(work)
    for same in grouped(work).values():
        try:
            mesh = meshes.get(work[same[0]][1].mesh)
        except MeshsimError as error:
            for index in same:
                suite, case = work[index]
                problems[suite.file, case.mesh] = problem_of(suite.file, error)
            continue
        for index, result in zip(same, _judged([work[index] for index in same], mesh, settings), strict=True):
            results[index] = result
        settings.done(len(same))
        if settings.fail_fast and any(_bad(results[index]) for index in same):
            break
    return results, tuple(problems.values())


def grouped(work: Sequence[Work]) -> Mapping[tuple[object, ...], list[int]]:
    """The positions of cases that ask the same call of the same mesh, in the order of the first of each."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, (suite, case) in enumerate(work):
        key = (case.mesh.loaded_from, suite.strict, repr(case.call))
        groups.setdefault(key, []).append(index)
    return groups


def _bad(result: CaseResult | None) -> bool:
    return result is not None and result.status in (FAILED, ERROR)


def _judged(work: Sequence[Work], mesh: Mesh, settings: Settings) -> list[CaseResult]:
    """Cases that ask the same call of the same mesh."""
    first_suite, first = work[0]
    try:
        seen = observe(mesh, first.call, strictly=first_suite.strict)
    except InputError as error:
        return [refused(case, suite, error) for suite, case in work]
    results = [_one(case, suite, seen, settings) for suite, case in work]
    if not settings.collect:
        return results
    used = _touched(seen)
    return [evolve(result, touched=used) for result in results]


def _one(case: Case, suite: Suite, seen: Observations, settings: Settings) -> CaseResult:
    """A pin at a site the call never comes to would silently do nothing."""
    idle = set(case.pins) - seen.sites() if case.pins else set()
    if idle:
        known = ", ".join(sorted(seen.sites())) or "none"
        field = "choices" if min(idle) in case.call.choices else "answers"
        unknown = InputError("pick-unknown-site", f"{field}: this call has no site {min(idle)}", hint=f"sites: {known}")
        return refused(case, suite, unknown)
    return judge(case, suite, seen, settings.today)


def _touched(seen: Observations) -> frozenset[Touched]:
    found: frozenset[Touched] = frozenset()
    for each in seen.courses:
        found |= touched(each.course.moves)
    return found


def problem_of(file: str, error: MeshsimError) -> Problem:
    note = f" ({error.note})" if error.note else ""
    return Problem(file, error.message + note, error.hint, error.place, error.exit_code)
