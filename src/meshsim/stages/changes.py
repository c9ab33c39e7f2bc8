"""What became of a request between two points, as Changes for explanations. Not a stage."""

from __future__ import annotations

from ..explanation import Change
from ..facts.request import Request

_FIELDS = ("method", "scheme", "authority", "path")


def request_changes(before: Request, after: Request) -> tuple[Change, ...]:
    """Fields first, then headers by name; an empty tuple of values is a value only run time knows."""
    changes = [
        Change(name, getattr(before, name), getattr(after, name))
        for name in _FIELDS
        if getattr(before, name) != getattr(after, name)
    ]
    for name in sorted({*before.headers, *after.headers}):
        old, new = before.headers.get(name), after.headers.get(name)
        if old != new:
            changes.append(Change(f"header {name}", _plain(old), _plain(new)))
    return tuple(changes)


def _plain(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
