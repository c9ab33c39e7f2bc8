"""What a code stands for; what it says in words is the renderers' matter."""

from __future__ import annotations

from attrs import frozen

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)
"""From the worst. error: calls fail because of it. warning: something has no effect. info: good to know."""


@frozen
class Rule:
    """One thing that can be found."""

    code: str
    """MS1xx: configuration. MS2xx: scenario suites."""
    name: str
    """Short, kebab-case."""
    severity: str
    facts: tuple[str, ...] = ()
    """Names of the facts a finding carries besides `name`, the resource's own."""
    asked_for: bool = False
    """Only told where --select or --extend-select names it."""
