"""Taking times: processor time, the best of a few rounds, for what else runs on a machine only ever makes it longer."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

ROUNDS = 7
EMPTY_CALLS = 500_000


def best(work: Callable[[], object], *, rounds: int = ROUNDS, clock: Callable[[], float] = process_time) -> float:
    """Seconds of the fastest round."""
    times = []
    for _ in range(rounds):
        started = clock()
        work()
        times.append(clock() - started)
    return min(times)


def best_of_process(arguments: Sequence[str]) -> float:
    """The same for a whole Python process, its output thrown away; compiled as an installed package is."""
    command = [sys.executable, *arguments]
    with TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def run() -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)

        run()
        return best(run, rounds=2 * ROUNDS, clock=_children)


def beside_empty_calls(work: Callable[[], object], *, rounds: int = ROUNDS) -> tuple[float, float]:
    """(seconds of the fastest round, how many calls of a function that does nothing take as long).

    The unit is taken anew beside each round, and the middle of all ratios counts: a busy machine slows both.
    """
    times, ratios = [], []
    for _ in range(rounds):
        unit = best(_empty_calls, rounds=1) / EMPTY_CALLS
        times.append(best(work, rounds=1))
        ratios.append(times[-1] / unit)
    return min(times), median(ratios)


def _empty_calls() -> None:
    def nothing() -> None:
        return

    for _ in range(EMPTY_CALLS):
        nothing()


def _children() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
