"""Compiled packet rules: tables of chains of rules. Built once by `save`, walked by `walk`; nothing is parsed here.

Compared by identity: a rule that matched is its own evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from fractions import Fraction
from typing import Any

from attrs import define, field, frozen

from ..place import Place
from .frame import Frame

HOOKS: dict[str, tuple[str, ...]] = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
"""Table -> its base chains."""

ORDER: dict[str, tuple[str, ...]] = {
    "PREROUTING": ("raw", "mangle", "nat"),
    "INPUT": ("mangle", "filter", "security", "nat"),
    "FORWARD": ("mangle", "filter", "security"),
    "OUTPUT": ("raw", "mangle", "nat", "filter", "security"),
    "POSTROUTING": ("mangle", "nat"),
}
"""Hook -> the tables in the order the kernel asks them (linux include/uapi/linux/netfilter_ipv4.h priorities)."""

INPUT_OF_NF_TABLES = ("mangle", "filter", "nat", "security")
"""The same for rules that iptables-nft loaded: it hooks security in behind nat (iptables iptables/nft.c, 150)."""


class Verdict(Enum):
    """What a target tells the walk to do next."""

    CONTINUE = "continue"
    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"
    JUMP = "jump"
    CHANGE = "change"
    """The target's `apply` works on the frame and says how to go on."""
    UNKNOWN = "unknown"
    """The target is not modelled."""


def as_seen(value: Any) -> Any:
    return value


@frozen(eq=False)
class Match:
    """One condition of a rule. `holds` decides and explains; `read` is only asked when somebody wants to see."""

    what: str
    """The option, with its `!` where it is negated: `--dport`, `! --uid-owner`."""
    want: str
    words: tuple[str, ...]
    """How iptables-save writes it."""
    holds: Callable[[Frame], bool] | None
    """None: not modelled."""
    read: Callable[[Frame], Any]
    """What `holds` looked at."""
    show: Callable[[Any], Any] = as_seen
    """What was read, made readable and JSON-safe."""
    share: Fraction | None = None
    """How often it holds, where that is left to chance and known; `holds` is None then."""
    usual: bool = False
    """Whether it usually holds, where no share is known."""


@frozen(eq=False)
class Target:
    """What a rule does with what it matched."""

    name: str
    words: tuple[str, ...]
    verdict: Verdict
    apply: Callable[[Frame], Verdict] | None = None
    """Set with Verdict.CHANGE only."""
    chain: Chain | None = None
    """Set with Verdict.JUMP only."""


@frozen(eq=False)
class Rule:
    """One `-A` line."""

    table: str
    chain: str
    number: int
    """Counted from 1 in the saved chain."""
    text: str
    """The line as it was written."""
    words: tuple[str, ...]
    """The rule as iptables-save writes it, after `-A CHAIN`."""
    matches: tuple[Match, ...]
    target: Target | None
    """None: the rule only counts."""
    place: Place
    goto: bool
    name: str = field(init=False)
    """nat/ISTIO_OUTPUT/9"""
    tests: tuple[Callable[[Frame], bool], ...] = field(init=False)
    """The modelled matches, ready for the walk; all must hold, so the narrow ones are asked first."""
    unknown_matches: tuple[str, ...] = field(init=False)
    unmodelled: tuple[str, ...] = field(init=False)
    """The matches and the target of this rule that are not modelled, or left to chance."""

    @name.default
    def _name(self) -> str:
        return f"{self.table}/{self.chain}/{self.number}"

    @tests.default
    def _tests(self) -> tuple[Callable[[Frame], bool], ...]:
        narrow_first = sorted(self.matches, key=lambda match: match.what[:1] == "!")
        return tuple(match.holds for match in narrow_first if match.holds is not None)

    @unknown_matches.default
    def _unknown_matches(self) -> tuple[str, ...]:
        return tuple(match.what for match in self.matches if match.holds is None)

    def doubt(self, what: str) -> Match | None:
        """The match of that name which the packet does not decide; None when it is the target."""
        return next((match for match in self.matches if match.holds is None and match.what == what), None)

    @unmodelled.default
    def _unmodelled(self) -> tuple[str, ...]:
        if self.target is not None and self.target.verdict is Verdict.UNKNOWN:
            return (*self.unknown_matches, f"-j {self.target.name}")
        return self.unknown_matches


@define(eq=False)
class Chain:
    """Rules in order. Filled while its table is compiled, never changed afterwards."""

    table: str
    name: str
    policy: Verdict | None
    """ACCEPT or DROP of a base chain; None for a chain that is only jumped to."""
    rules: list[Rule] = field(factory=list)
    place: Place | None = None

    @property
    def label(self) -> str:
        return f"{self.table}/{self.name}"


@frozen(eq=False)
class Table:
    name: str
    chains: dict[str, Chain]


@frozen(eq=False)
class Hook:
    """The base chains that one hook asks, in order."""

    labels: tuple[str, ...]
    """All of them, also those with nothing to say."""
    chains: tuple[Chain, ...]
    """Those that have rules or drop by policy."""
    raw: Chain | None = field(init=False)
    """The one of them that is asked before conntrack."""
    later: tuple[Chain, ...] = field(init=False)
    """The others."""

    @raw.default
    def _raw(self) -> Chain | None:
        return next((chain for chain in self.chains if chain.table == "raw"), None)

    @later.default
    def _later(self) -> tuple[Chain, ...]:
        return tuple(chain for chain in self.chains if chain.table != "raw")

    def labels_up_to(self, chain: Chain) -> tuple[str, ...]:
        return self.labels[: self.labels.index(chain.label) + 1]


NO_HOOK = Hook((), ())


@frozen(eq=False)
class RuleSet:
    """The rules of one address family in one network namespace."""

    tables: dict[str, Table]
    v6: bool = False
    tracks_connections: bool = False
    """Whether anything switches conntrack on; without it no nat chain is asked and SO_ORIGINAL_DST fails."""
    nf_tables: bool = False
    """Whether iptables-nft loaded them, as far as the text says so."""
    hooks: dict[str, Hook] = field(init=False)
    again: dict[str, Hook] = field(init=False)
    """The same hooks for a packet whose connection nat has already decided."""
    judges_answers: bool = field(init=False)
    """Whether any table but nat has something to say, so that an answer may not come back."""

    @hooks.default
    def _hooks(self) -> dict[str, Hook]:
        return {hook: self._hook(hook, nat=self.tracks_connections) for hook in ORDER}

    @again.default
    def _again(self) -> dict[str, Hook]:
        return {hook: self._hook(hook, nat=False) for hook in ORDER}

    @judges_answers.default
    def _judges_answers(self) -> bool:
        return any(
            chain.rules or chain.policy is Verdict.DROP
            for table in self.tables.values()
            if table.name != "nat"
            for chain in table.chains.values()
        )

    def _hook(self, hook: str, *, nat: bool) -> Hook:
        chains = [
            self.tables[table].chains[hook]
            for table in (INPUT_OF_NF_TABLES if self.nf_tables and hook == "INPUT" else ORDER[hook])
            if table in self.tables and hook in self.tables[table].chains and (nat or table != "nat")
        ]
        return Hook(
            tuple(chain.label for chain in chains),
            tuple(chain for chain in chains if chain.rules or chain.policy is Verdict.DROP),
        )

    def policy_place(self, name: str) -> Place | None:
        """Where the policy stands that a walk names as "filter/INPUT/policy"; None for anything else."""
        table, _, rest = name.partition("/")
        chain, _, what = rest.rpartition("/")
        if what != "policy" or table not in self.tables or chain not in self.tables[table].chains:
            return None
        return self.tables[table].chains[chain].place

    def rules(self) -> Iterator[Rule]:
        """Every rule, in the order of the text."""
        for table in self.tables.values():
            for chain in table.chains.values():
                yield from chain.rules

    def save_text(self) -> str:
        """The rules as iptables-save prints them (counters zero, no comment lines)."""
        lines = []
        for table in self.tables.values():
            lines.append(f"*{table.name}")
            for chain in table.chains.values():
                lines.append(f":{chain.name} {'-' if chain.policy is None else chain.policy.name} [0:0]")
            for chain in table.chains.values():
                lines.extend(" ".join(("-A", rule.chain, *rule.words)) for rule in chain.rules)
            lines.append("COMMIT")
        return "".join(line + "\n" for line in lines)
