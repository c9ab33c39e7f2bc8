"""What an option of a rule is: its name, how many values follow it, and how it becomes a condition.

A match module is a table of options (matches.py); a target is one too (targets.py). The reader of a rule line
(rule_line.py) knows only this shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from operator import attrgetter
from typing import Any

from attrs import field, frozen

from .frame import Frame
from .ipset import IpSet
from .rules import Match, Target, Verdict, as_seen

Holds = Callable[[Frame], bool]


@frozen(eq=False)
class Environment:
    """What the rules refer to by name and the rules' own text does not say."""

    users: Mapping[str, int] = field(factory=dict)
    groups: Mapping[str, int] = field(factory=dict)
    sets: Mapping[str, IpSet] = field(factory=dict)


NOTHING_KNOWN = Environment()


@frozen
class Given:
    """One option of a module, as it was written."""

    negated: bool
    values: tuple[str, ...]


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
    environment: Environment = NOTHING_KNOWN

    @property
    def what(self) -> str:
        return f"! {self.option}" if self.negated else self.option


@frozen
class Option:
    compile: Callable[[Occurrence], Match]
    values: int = 1
    aliases: tuple[str, ...] = ()
    negatable: bool = True


WholeModule = Callable[[Occurrence, Mapping[str, Given]], Match]
"""Compiles all options of a module into one condition."""


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


def always(_frame: Frame) -> bool:
    """The condition of an option that asks nothing; the walk leaves it out."""
    return True


def never(_frame: Frame) -> bool:
    return False


NOTHING = attrgetter("protocol")
"""What an option without a condition reads: nobody is shown it."""


def silent(at: Occurrence, *words: str, want: str = "") -> Match:
    """An option that asks nothing of the packet."""
    return Match(at.what, want, words, always, NOTHING)


def modifier(at: Occurrence) -> Match:
    """An option that only changes what one beside it means."""
    return silent(at, at.option, *at.values)


def chance(what: str, want: str, words: tuple[str, ...], share: Fraction | None, *, usual: bool = False) -> Match:
    """A match that no packet decides: with a known share, or with what is usual."""
    return Match(what, want, words, None, _nothing, share=share, usual=usual)


def unmodelled_option(at: Occurrence) -> Match:
    """A well-formed option whose meaning is not modelled."""
    return unmodelled_match(at, f"-m {at.module} {at.what}" if at.module else at.what, spelled(at, *at.values))


def unmodelled_match(at: Occurrence, what: str, words: tuple[str, ...]) -> Match:
    return Match(what, " ".join(at.values), words, None, _nothing)


def unmodelled_target(name: str, words: tuple[str, ...]) -> Target:
    return Target(name, words, Verdict.UNKNOWN)


def _nothing(_frame: Frame) -> None:
    return None
