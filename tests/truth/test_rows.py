"""How often each criterion and outcome was met, held to a floor; `pytest -s` prints the table."""

from collections import Counter

from tabulate import tabulate

from tests.truth import recording
from tests.truth.families import families
from tests.truth.rows import OUTCOMES, outcome_counts

FLOOR = 10


def test_every_row_is_met() -> None:
    marks: Counter[str] = Counter()
    outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    sizes = []
    for name, settings in families().items():
        kept, configurations, probes = recording.load(name), 0, 0
        for setting in settings():
            observations = kept.get(setting.name, {}).get("observations", [])
            outcomes.update(outcome_counts(observations))
            marks.update(dict.fromkeys(setting.marks, len(observations)))
            configurations += setting.configurations
            probes += len(observations)
        sizes.append((name, configurations, probes))
    print(tabulate(sizes, ("family", "configurations", "probes")))
    print(tabulate(sorted((outcomes + marks).items()), ("row", "probes")))
    assert [row for row, count in (outcomes | marks).items() if count < FLOOR] == []
