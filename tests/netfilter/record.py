"""Asks the real kernel about every case and keeps its answers: `python -m tests.netfilter.record` (needs root)."""

import gzip
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.netfilter.cases import all_cases
from tests.netfilter.hosts import HOSTS
from tests.netfilter.kernel_lab import lab
from tests.netfilter.random_sets import Case

RECORDED = Path(__file__).parent / "recorded" / "truths.json.gz"


def digest(case: Case) -> str:
    """Tells whether an answer was given to this very question."""
    return hashlib.sha256(repr((case, HOSTS[case.host])).encode()).hexdigest()[:16]


def ask(cases: Iterable[Case]) -> Iterator[tuple[Case, list[dict[str, Any]]]]:
    """The kernel's truths; one pair of namespaces a host."""
    by_host: dict[str, list[Case]] = {}
    for case in cases:
        by_host.setdefault(case.host, []).append(case)
    for name, held in by_host.items():
        with lab(HOSTS[name]) as made:
            for case in held:
                made.load(case.rules, case.sets)
                yield case, made.ask(case.probes)


def read() -> dict[str, dict[str, Any]]:
    """Name of a case -> its digest and truths."""
    with gzip.open(RECORDED, "rt") as file:
        found: dict[str, dict[str, Any]] = json.load(file)
    return found


def main() -> None:
    answers = {case.name: {"asked": digest(case), "truths": truths} for case, truths in ask(all_cases())}
    RECORDED.parent.mkdir(exist_ok=True)
    text = json.dumps(dict(sorted(answers.items())), separators=(",", ":"))
    RECORDED.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{sum(len(answer['truths']) for answer in answers.values())} truths about {len(answers)} rule sets")


if __name__ == "__main__":
    sys.exit(main())
