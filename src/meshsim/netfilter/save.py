"""iptables-save text -> RuleSet: tables, chains, policies, and which line each rule stands on.

Read as iptables-restore reads it, so that text written by hand works too (`-N`, `-I`, short and long options), and
the form `iptables -S` prints (no table lines; the table is told by its policies, else nat). A broken line is an
InputError that names file, line and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from attrs import define, field

from ..errors import InputError
from ..place import Place
from .options import NOTHING_KNOWN, Environment
from .rule_line import read_rule
from .rules import HOOKS, Chain, Rule, RuleSet, Table, Target, Verdict
from .words import Word, split_words

_REMEDY = "take the text anew with `iptables-save`, or correct the line as iptables-restore would want it"
_POLICIES = {"ACCEPT": Verdict.ACCEPT, "DROP": Verdict.DROP}
_COUNTERS = re.compile(r"\[\d+:\d+\]")
_NF_TABLES = re.compile(r"\s*#.*\(nf_tables\)")
"""The remark of an iptables-save that reads what iptables-nft loaded."""
_LONGEST_CHAIN_NAME = 28
"""linux include/uapi/linux/netfilter/x_tables.h XT_EXTENSION_MAXNAMELEN, less the terminating zero."""

Family = Literal["v4", "v6"]


@define(eq=False)
class _RuleText:
    """A rule whose chain is known, not yet compiled: chains may be declared after it."""

    text: str
    words: Sequence[Word]
    place: Place


@define(eq=False)
class _TableText:
    name: str
    place: Place
    chains: dict[str, Chain] = field(factory=dict)
    rules: dict[str, list[_RuleText]] = field(factory=dict)


def parse_iptables_save(
    text: str, document_name: str, family: Family = "v4", environment: Environment = NOTHING_KNOWN
) -> RuleSet:
    """InputError when the text is not what iptables-restore (or `iptables -S`) would take."""
    tables = _Reader(document_name).read(text)
    v6 = family == "v6"
    compiled: dict[str, Table] = {}
    tracks = False
    for name, table in tables.items():
        compiled[name], table_tracks = _compile_table(table, environment, v6=v6)
        tracks = tracks or table_tracks
    return RuleSet(compiled, v6, tracks, any(map(_NF_TABLES.match, text.split("\n"))))


class _Reader:
    """Goes through the lines once and shares them out among tables and chains."""

    def __init__(self, document_name: str) -> None:
        self._document = document_name
        self._tables: dict[str, _TableText] = {}
        self._current: _TableText | None = None
        self._headed = False
        """Whether the text has `*table` lines."""

    def read(self, text: str) -> dict[str, _TableText]:
        lines = text.split("\n")
        stripped = [line.strip() for line in lines]
        self._headed = any(line.startswith("*") for line in stripped)
        if not self._headed:
            name = _table_of_policies(stripped)
            self._current = _TableText(name, self._place(1))
            self._tables[name] = self._current
        seen = False
        for number, line in enumerate(stripped, start=1):
            if not line or line.startswith("#"):
                continue
            seen = True
            try:
                self._line(line, self._place(number))
            except ValueError as problem:
                raise _broken(str(problem), self._place(number), line) from None
        if not seen:
            raise InputError("no-packet-rules", "the file holds no packet rules", place=self._place(1), hint=_REMEDY)
        if self._headed and self._current is not None:
            raise InputError(
                "rules-without-commit",
                f"table {self._current.name} is not closed by COMMIT before the file ends",
                place=self._current.place,
                hint="the file looks cut off: " + _REMEDY,
            )
        return self._tables

    def _place(self, number: int) -> Place:
        return Place(self._document, (), number)

    def _line(self, line: str, place: Place) -> None:
        if line.startswith("*"):
            self._open(line[1:].strip(), place)
        elif line == "COMMIT":
            if self._current is None or not self._headed:
                raise ValueError("COMMIT stands outside a table")
            self._current = None
        elif self._current is None:
            raise ValueError("the line stands outside a table: no `*table` line is open before it")
        elif line.startswith(":"):
            if not self._headed:
                raise ValueError("the chain line stands outside a table: no `*table` line is open before it")
            self._declare(self._current, line[1:].split(), place)
        else:
            self._command(self._current, line, place)

    def _open(self, name: str, place: Place) -> None:
        if self._current is not None:
            raise ValueError(f"table {self._current.name} is not closed by COMMIT before this line")
        if name not in HOOKS:
            raise ValueError(f"there is no table {name!r} (known: {', '.join(HOOKS)})")
        if name in self._tables:
            raise ValueError(f"table {name} stands twice: are these the rules of two namespaces or two families?")
        self._current = self._tables[name] = _TableText(name, place)

    def _declare(self, table: _TableText, words: list[str], place: Place) -> None:
        """`:CHAIN POLICY [packets:bytes]`"""
        if not 2 <= len(words) <= 3 or (len(words) == 3 and not _COUNTERS.fullmatch(words[2])):
            raise ValueError("a chain line reads `:CHAIN POLICY [packets:bytes]`")
        name, policy = words[:2]
        if policy == "-":
            if name in HOOKS[table.name]:
                self._add_chain(table, name, Verdict.ACCEPT, place)
            else:
                self._add_chain(table, name, None, place)
            return
        self._set_policy(table, name, policy, place)

    def _set_policy(self, table: _TableText, name: str, policy: str, place: Place) -> None:
        if policy not in _POLICIES:
            raise ValueError(f"{policy!r} is not a policy (ACCEPT or DROP)")
        if name not in HOOKS[table.name]:
            raise ValueError(f"chain {name!r} is not built into table {table.name}, so it has no policy")
        self._add_chain(table, name, _POLICIES[policy], place)

    def _add_chain(self, table: _TableText, name: str, policy: Verdict | None, place: Place) -> None:
        if name in table.chains:
            raise ValueError(f"chain {name!r} is declared twice in table {table.name}")
        if not name or len(name) > _LONGEST_CHAIN_NAME or name[0] in "-!":
            raise ValueError(f"{name!r} is not a chain name")
        if name in ("ACCEPT", "DROP", "RETURN", "QUEUE"):
            raise ValueError(f"{name!r} is a target, so no chain may be called so")
        table.chains[name] = Chain(table.name, name, policy, place=place)
        table.rules[name] = []

    def _command(self, table: _TableText, line: str, place: Place) -> None:
        words = list(split_words(line))
        if words and _COUNTERS.fullmatch(words[0].text):
            del words[0]
        if words and words[0].text in ("iptables", "ip6tables"):
            raise ValueError("this is a shell command, not a line of iptables-save")
        command = words[0].text if words else ""
        given = [word.text for word in words[1:]]
        if command in ("-A", "--append"):
            self._add_rule(table, words[1:], line, place, None)
        elif command in ("-I", "--insert"):
            index = given[1] if len(given) > 1 and given[1].isascii() and given[1].isdigit() else None
            rest = words[1:] if index is None else [words[1], *words[3:]]
            self._add_rule(table, rest, line, place, int(index[:9]) if index else 1)
        elif command in ("-N", "--new-chain") and len(given) == 1:
            self._add_chain(table, given[0], None, place)
        elif command in ("-P", "--policy") and len(given) in (2, 5):
            self._set_policy(table, given[0], given[1], place)
        else:
            raise ValueError(f"{command!r} does not begin a rule (-A), a chain (: or -N) or a policy (-P)")

    def _add_rule(
        self, table: _TableText, words: Sequence[Word], line: str, place: Place, position: int | None
    ) -> None:
        if not words:
            raise ValueError("the name of the chain is missing")
        name = words[0].text
        if name not in table.chains:
            if name not in HOOKS[table.name]:
                raise ValueError(f"chain {name!r} is not declared in table {table.name}")
            self._add_chain(table, name, Verdict.ACCEPT, place)
        rules = table.rules[name]
        rule = _RuleText(line, words[1:], place)
        if position is None:
            rules.append(rule)
        elif 1 <= position <= len(rules) + 1:
            rules.insert(position - 1, rule)
        else:
            raise ValueError(f"chain {name!r} has no position {position}")


def _table_of_policies(lines: Sequence[str]) -> str:
    """Which table `iptables -S` printed: it always prints the policy of each built-in chain."""
    policies = {line.split()[1] for line in lines if line.startswith("-P ") and len(line.split()) > 1}
    for name in ("nat", "filter", "mangle", "raw"):
        if policies == set(HOOKS[name]):
            return name
    return "nat"


def _compile_table(table: _TableText, environment: Environment, *, v6: bool) -> tuple[Table, bool]:
    names = frozenset(table.chains)
    jumpable = names - set(HOOKS[table.name])
    tracks = False
    for name, chain in table.chains.items():
        for number, source in enumerate(table.rules[name], start=1):
            try:
                line = read_rule(source.words, table.name, jumpable, v6=v6, environment=environment)
            except ValueError as problem:
                raise _broken(str(problem), source.place, source.text) from None
            target, words = line.target, list(line.words)
            if line.chain is not None:
                target = Target(line.chain, (), Verdict.JUMP, chain=table.chains[line.chain])
            if target is not None:
                words += ["-g" if line.goto else "-j", target.name, *target.words]
            tracks = tracks or line.tracks_connections
            chain.rules.append(
                Rule(
                    table=table.name,
                    chain=name,
                    number=number,
                    text=source.text,
                    words=tuple(words),
                    matches=line.matches,
                    target=target,
                    place=source.place,
                    goto=line.goto,
                )
            )
    _refuse_loops(table)
    return Table(table.name, table.chains), tracks


def _refuse_loops(table: _TableText) -> None:
    """The kernel refuses chains that lead back to themselves (ELOOP). Depth first, without recursion."""
    finished: set[str] = set()
    for root in table.chains.values():
        path: list[str] = []
        stack: list[tuple[Chain, int]] = [(root, 0)]
        while stack:
            chain, index = stack.pop()
            if index == 0:
                if chain.name in finished:
                    continue
                path.append(chain.name)
            for position in range(index, len(chain.rules)):
                target = chain.rules[position].target
                if target is None or target.chain is None or target.chain.name in finished:
                    continue
                if target.chain.name in path:
                    rule = chain.rules[position]
                    raise _broken(f"chain {target.chain.name!r} leads back to itself here", rule.place, rule.text)
                stack += [(chain, position + 1), (target.chain, 0)]
                break
            else:
                finished.add(chain.name)
                path.pop()


def _broken(problem: str, place: Place, line: str) -> InputError:
    return InputError("broken-packet-rule", problem, place=place, note=line, hint=_REMEDY)
