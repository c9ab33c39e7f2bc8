"""What an option of a rule is: its name, how many values follow it, and how it becomes a condition.

A match module is a table of options (matches.py); a target is one too (targets.py). The reader of a rule line
(rule_line.py) knows only this shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from .frame import Frame
from .rules import Match, Target, Verdict, as_seen


@frozen
class Occurrence:
    """An option as it stands in one rule, with what its meaning depends on."""

    option: str
    values: tuple[str, ...]
    negated: bool
    v6: bool
    beside: frozenset[str] = frozenset()
    """The options of the same module in the same rule."""
    module: str = ""

    @property
    def what(self) -> str:
        return f"! {self.option}" if self.negated else self.option


@frozen
class Option:
    compile: Callable[[Occurrence], Match]
    values: int = 1
    aliases: tuple[str, ...] = ()
    negatable: bool = True


@frozen
class TargetKind:
    """A target extension: its options (name -> number of values), and how it is compiled from what was given."""

    compile: Callable[[str, Mapping[str, tuple[str, ...]], bool], Target]
    """Called with the target's name, option -> values, and whether the rules are IPv6."""
    options: Mapping[str, int]
    tables: tuple[str, ...] | None = None
    """The tables it may stand in; None: all."""
    tracks_connections: bool = False


def matching(
    at: Occurrence,
    text: str,
    holds: Callable[[Frame], bool],
    read: Callable[[Frame], Any],
    show: Callable[[Any], Any] = as_seen,
) -> Match:
    """A modelled match whose single value iptables-save writes as `text`; `holds` already knows the negation."""
    return Match(at.what, text, spelled(at, text), holds, read, show)


def spelled(at: Occurrence, *values: str) -> tuple[str, ...]:
    return ("!", at.option, *values) if at.negated else (at.option, *values)


def unmodelled_option(at: Occurrence) -> Match:
    """A well-formed option whose meaning is not modelled."""
    return unmodelled_match(at, f"-m {at.module} {at.what}" if at.module else at.what, spelled(at, *at.values))


def unmodelled_match(at: Occurrence, what: str, words: tuple[str, ...]) -> Match:
    return Match(what, " ".join(at.values), words, None, _nothing)


def unmodelled_target(name: str, words: tuple[str, ...]) -> Target:
    return Target(name, words, Verdict.UNKNOWN)


def _nothing(_frame: Frame) -> None:
    return None
