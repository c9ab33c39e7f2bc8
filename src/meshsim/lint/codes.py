"""The table of findings: code, severity, what it says, and the remedy."""

from __future__ import annotations

from attrs import frozen

from ..place import Place

ERROR, WARNING, INFO = "error", "warning", "info"


@frozen
class Rule:
    """What a code means."""

    severity: str
    sentence: str
    remedy: str


RULES = {
    "MS101": Rule(
        WARNING,
        "no request can reach route {name}: route {by} above it takes all that it would",
        "move the narrower route up, or remove it",
    ),
    "MS102": Rule(
        ERROR,
        "route {name} leads to cluster {cluster}, which does not exist",
        "add the cluster, or mend its name; until then the answer is 503 NC (or cluster_not_found_response_code)",
    ),
    "MS103": Rule(
        WARNING,
        "no listener refers to route configuration {name}",
        "remove it, or name it in a listener's rds",
    ),
    "MS104": Rule(
        WARNING,
        "cluster {name} has no endpoints",
        "look at its subset labels and whether pods are ready; until then the answer is 503 UH",
    ),
}
"""Code -> rule."""


@frozen
class Finding:
    """One thing that is wrong, and where."""

    code: str
    resource: str
    """What `--ignore CODE:RESOURCE` names."""
    place: Place
    facts: tuple[tuple[str, str], ...]

    @property
    def severity(self) -> str:
        return RULES[self.code].severity

    @property
    def message(self) -> str:
        return RULES[self.code].sentence.format(**dict(self.facts))
