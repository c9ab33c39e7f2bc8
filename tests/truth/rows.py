"""What a family's probes put to the test, counted: criteria by the settings' marks, outcomes by what Envoy logged."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Document = Mapping[str, Any]

OUTCOMES: dict[str, Callable[[Document], bool]] = {
    "NR filter_chain_not_found": lambda hop: hop["response_code_details"] == "filter_chain_not_found",
    "NR route_not_found": lambda hop: hop["response_code_details"] == "route_not_found",
    "closed by listener filters": lambda hop: hop["kind"] == "listener" and not hop["filter_chain"],
    "via_upstream": lambda hop: hop["response_code_details"] == "via_upstream",
}
"""Row of the reference -> whether a logged hop shows it. Families add theirs."""


def outcome_counts(observations: Iterable[Document]) -> Counter[str]:
    """How many probes met each row."""
    found: Counter[str] = Counter()
    for observation in observations:
        found.update({name for name, shows in OUTCOMES.items() if any(map(shows, observation["hops"]))})
    return found
