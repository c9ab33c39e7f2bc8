"""Which findings are wanted: codes by prefix, and resources by name, as `--select` and `--ignore` say it.

`MS1`, `MS101`, a rule's name or ALL; `MS104=cluster:outbound|*` means only what has that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from ..findings import RULES, Finding, Rule

ALL = "ALL"


@frozen
class Choice:
    """One value of a flag."""

    codes: str
    """A prefix of codes, a rule's name, or ALL."""
    resource: re.Pattern[str] | None = None
    """None: whatever the resource."""

    def means(self, rule: Rule) -> bool:
        return self.codes in (ALL, rule.name) or rule.code.startswith(self.codes)

    def covers(self, finding: Finding) -> bool:
        if not self.means(finding.rule):
            return False
        if self.resource is None:
            return True
        names = (finding.resource, f"{finding.kind}:{finding.resource}")
        return any(self.resource.fullmatch(name) for name in names)


def read_choice(text: str) -> Choice:
    """`CODE` or `CODE=[KIND:]NAME`, where a `*` in the name stands for anything. ValueError where no rule is meant."""
    codes, equals, name = text.partition("=")
    if not equals and text.startswith("MS"):
        codes, equals, name = text.partition(":")
    if equals and not name:
        raise ValueError(text)
    choice = Choice(codes, _pattern(name) if equals else None)
    if not codes or not any(choice.means(rule) for rule in RULES.values()):
        raise ValueError(codes)
    return choice


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL)


@frozen
class Selection:
    """What is wanted and what is not; what is not wanted wins."""

    select: tuple[Choice, ...] = ()
    """Empty: every rule that need not be asked for."""
    extend: tuple[Choice, ...] = ()
    ignore: tuple[Choice, ...] = ()

    def looks_for(self, codes: Iterable[str]) -> bool:
        """Whether any finding of one of these codes could be wanted."""
        return any(self._wants(RULES[code]) for code in codes)

    def kept(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in findings if self.wants(finding)]

    def wants(self, finding: Finding) -> bool:
        if any(choice.covers(finding) for choice in self.ignore):
            return False
        named = any(choice.covers(finding) for choice in (*self.select, *self.extend))
        return named or (not self.select and not finding.rule.asked_for)

    def _wants(self, rule: Rule) -> bool:
        if any(choice.resource is None and choice.means(rule) for choice in self.ignore):
            return False
        named = any(choice.means(rule) for choice in (*self.select, *self.extend))
        return named or (not self.select and not rule.asked_for)


def selection(select: Sequence[str], extend: Sequence[str], ignore: Sequence[str]) -> Selection:
    """Of the flags' values; each may hold several, separated by commas."""
    return Selection(*(tuple(map(read_choice, _split(values))) for values in (select, extend, ignore)))


def _split(values: Sequence[str]) -> list[str]:
    """`MS101,MS102`; a comma in a resource's name stays, since what follows it is no rule's."""
    found: list[str] = []
    for value in values:
        for piece in value.split(","):
            if found and "=" in found[-1] and not _RULE.match(piece):
                found[-1] += f",{piece}"
            elif piece:
                found.append(piece)
    return found


_RULE = re.compile(r"(ALL|MS[0-9]+)(=|:|$)")
