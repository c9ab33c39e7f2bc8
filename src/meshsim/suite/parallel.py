"""Large suites in several processes, each of which loads the meshes it needs; answers come back in order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context

from attrs import evolve

from ..suite_results import ERROR, FAILED, CaseResult, Problem, Results
from .model import Case, Suite
from .run import Meshes, Settings, Work, grouped, judge_work, run_work

WORTH_IT = 2000
"""Distinct calls below which starting processes and loading meshes again takes longer than it saves."""
PIECES_A_PROCESS = 8

_MESHES = Meshes()
"""Of this process."""

_Piece = tuple[Sequence[tuple[Suite, Sequence[Case]]], date, bool]


def run_parallel(work: Sequence[Work], settings: Settings, jobs: int) -> Results:
    """As `run_work` does it; with `fail_fast` what has been begun is finished."""
    groups = list(grouped(work).values())
    if jobs < 2 or len(groups) < WORTH_IT:
        return run_work(work, settings, Meshes())
    size = max(len(groups) // (jobs * PIECES_A_PROCESS), 1)
    pieces = [[index for same in groups[at : at + size] for index in same] for at in range(0, len(groups), size)]
    results: dict[int, CaseResult] = {}
    problems: dict[Problem, None] = {}
    stopped = False
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_run_piece, _packed(work, piece, settings)): piece for piece in pieces}
        for future in as_completed(futures):
            if future.cancelled():
                continue
            cases, own_problems = future.result()
            problems.update(dict.fromkeys(own_problems))
            judged = zip(_in_order(work, futures[future]), cases, strict=True)
            results.update((index, case) for index, case in judged if case is not None)
            settings.done(len(cases))
            if settings.fail_fast and not stopped and any(c is not None and c.status in (FAILED, ERROR) for c in cases):
                stopped = True
                for other in futures:
                    other.cancel()
    return Results([results[index] for index in sorted(results)], tuple(problems), stopped=stopped)


def _packed(work: Sequence[Work], piece: Sequence[int], settings: Settings) -> _Piece:
    """Each suite once, with nothing but the cases of this piece."""
    suites: dict[int, tuple[Suite, list[Case]]] = {}
    for index in piece:
        suite, case = work[index]
        suites.setdefault(id(suite), (suite, []))[1].append(case)
    packed = [(evolve(suite, cases=(), tests={}), cases) for suite, cases in suites.values()]
    return packed, settings.today, settings.collect


def _in_order(work: Sequence[Work], piece: Sequence[int]) -> list[int]:
    """The positions as `_packed` lines them up."""
    suites: dict[int, list[int]] = {}
    for index in piece:
        suites.setdefault(id(work[index][0]), []).append(index)
    return [index for same in suites.values() for index in same]


def _run_piece(piece: _Piece) -> tuple[Sequence[CaseResult | None], Sequence[Problem]]:
    suites, today, collect = piece
    work = [(suite, case) for suite, cases in suites for case in cases]
    return judge_work(work, Settings(today, collect=collect), _MESHES)
