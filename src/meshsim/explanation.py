"""An explanation is plain data: checks, candidates, decisions. It knows neither mesh nor compiled objects.

JSON-safe and self-contained, so a trace saved last year can be drawn today; sentences are made by renderers.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from attrs import frozen

from .place import Place
from .reasons import Reason


class Fate(Enum):
    """What became of a candidate."""

    CHOSEN = "chosen"
    FAILED = "failed"
    OUTRANKED = "outranked"
    """It matched so far, but a more specific sibling took the level."""
    NOT_REACHED = "not_reached"
    UNKNOWN = "unknown"


@frozen
class Check:
    """One condition, what it wanted and what it saw."""

    what: str
    """The configuration field that asks, such as `prefix` or `--uid-owner`."""
    want: Any
    seen: Any
    ok: bool | None
    """None: cannot be known."""
    place: Place | None = None


@frozen
class Candidate:
    """One of the things that could have been chosen."""

    label: str
    kind: str
    """route, virtual_host, filter_chain, listener, rule, endpoint …"""
    fate: Fate
    checks: tuple[Check, ...] = ()
    place: Place | None = None
    lost_at: str = ""
    """The check or level it lost on."""

    @property
    def near_miss(self) -> bool:
        """Exactly one check failed: what the reader usually meant."""
        return self.fate is Fate.FAILED and sum(check.ok is False for check in self.checks) == 1


@frozen
class Change:
    """A field that a decision rewrote."""

    field: str
    before: Any
    after: Any
    reason: Reason | None = None


@frozen
class Decision:
    """One choice inside a hop."""

    stage: str
    pod: str
    question: Reason
    chosen: Candidate | None
    reason: Reason
    """Why that one, or why none."""
    candidates: tuple[Candidate, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[Reason, ...] = ()
    trivial: bool = False
    """There was nothing to choose; folded at the default depth."""
    deciding: bool = False
    """It turned the call from its expected course; the last such decision is the cause of the outcome."""
    hop: int | None = None
