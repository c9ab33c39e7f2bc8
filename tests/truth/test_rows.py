"""How often each criterion and outcome was met, held to a floor; `pytest -s` prints the tables."""

from collections import Counter
from functools import cache
from typing import NamedTuple

import pytest
from tabulate import tabulate

from tests.truth import recording
from tests.truth.configured_rows import configured_counts
from tests.truth.criteria import counted
from tests.truth.families import families
from tests.truth.rows import OUTCOMES, outcome_counts

FLOOR = 10
RARE = {"route action: priority"}
"""Stand beside others in families about something else, fewer times than the floor."""
WANTED = {
    "connections": (150, 4000),
    "requests": (150, 6000),
}
"""Table -> distinct configurations and probes that there must be."""
_CONNECTIONS = """
    chains cluster_hosts downstream_tls hashed_hosts listeners network_filters no_upstream retried_hosts shared_hosts
    server_certificates socket_matchers subset_hosts tls_parameters upstream_tls
"""
OF_CONNECTIONS = frozenset(_CONNECTIONS.split())
"""Families about connections, listeners, clusters and endpoints; the others are about requests."""


class Tally(NamedTuple):
    sizes: dict[str, tuple[int, int]]
    outcomes: dict[str, Counter[str]]
    criteria: Counter[str]


@cache
def tally() -> Tally:
    sizes: dict[str, tuple[int, int]] = {}
    outcomes = {table: Counter(dict.fromkeys(rows, 0)) for table, rows in OUTCOMES.items()}
    criteria: Counter[str] = Counter()
    for name, settings in families().items():
        kept, configurations, probes = recording.load(name), 0, 0
        for setting in settings():
            observations = kept.get(setting.name, {}).get("observations", [])
            for table, counts in outcome_counts(observations).items():
                outcomes[table].update(counts)
            outcomes["requests"].update(configured_counts(setting, observations))
            criteria.update(counted(setting, observations))
            criteria.update(dict.fromkeys(setting.marks, len(observations)))
            configurations += setting.configurations
            probes += len(observations)
        sizes[name] = configurations, probes
    return Tally(sizes, outcomes, criteria)


@pytest.mark.parametrize("table", OUTCOMES)
def test_every_outcome_is_met(table: str) -> None:
    counts = tally().outcomes[table]
    print(tabulate(sorted(counts.items()), (f"outcome of {table}", "probes")))
    assert [row for row, count in counts.items() if count < FLOOR] == []


def test_every_criterion_is_met() -> None:
    counts = tally().criteria
    print(tabulate(sorted(counts.items()), ("criterion", "probes")))
    assert len(counts) > 100
    assert [row for row, count in counts.items() if count < FLOOR and row not in RARE] == []


@pytest.mark.parametrize("table", WANTED)
def test_there_are_enough(table: str) -> None:
    mine = {name: size for name, size in tally().sizes.items() if (name in OF_CONNECTIONS) == (table == "connections")}
    configurations, probes = (sum(each) for each in zip(*mine.values(), strict=True))
    rows = [*((name, *size) for name, size in mine.items()), (f"of {table}", configurations, probes)]
    print(tabulate(rows, ("family", "configurations", "probes")))
    assert configurations >= WANTED[table][0]
    assert probes >= WANTED[table][1]
