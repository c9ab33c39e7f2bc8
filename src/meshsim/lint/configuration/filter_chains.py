"""Filter chains that no connection can be given, chains that are equal in rank, and names of chains that none bears."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from ...envoy.chains import ChainTable, FilterChain
from ...envoy.listeners import Listener
from ...findings import Finding
from ...match.sieve import Step
from ..check import Check
from .chain_keys import Reach, lost_at, reach_of
from .subject import Subject, chain_table_of


def find(subject: Subject) -> Iterator[Finding]:
    handing = [listener for listener in subject.listeners if listener.use_original_dst]
    for listener in subject.listeners:
        table = chain_table_of(listener)
        if table is None:
            continue
        if table.matcher is not None:
            yield from _named_by_matcher(subject, listener, table)
            continue
        reach = reach_of(listener, handing)
        yield from _unreachable(subject, listener, table, reach)
        yield from _ambiguous(subject, listener, table)


def _named_by_matcher(subject: Subject, listener: Listener, table: ChainTable) -> Iterator[Finding]:
    assert table.matcher is not None
    named = dict.fromkeys(table.matcher.tree.actions)
    there = {chain.name for chain in table.chains}
    for name in named:
        if name not in there:
            place = listener.place / "filter_chain_matcher"
            yield subject.found("MS110", "listener", listener.name, place, chain=name)
    for chain in table.chains:
        if chain.name not in named:
            yield _lost(subject, listener, chain, "filter_chain_matcher")


def _unreachable(subject: Subject, listener: Listener, table: ChainTable, reach: Reach) -> Iterator[Finding]:
    lost: dict[FilterChain, str] = {}
    reached: set[FilterChain] = set()
    for chain, steps in table.sieve.courses():
        field = lost_at(steps, reach)
        if field is None:
            reached.add(chain)
        else:
            lost[chain] = field
    for chain in table.chains:
        if chain in lost and chain not in reached:
            yield _lost(subject, listener, chain, lost[chain])
    if table.default is not None and any(not steps for _chain, steps in table.sieve.courses()):
        yield _lost(subject, listener, table.default, "default_filter_chain")


def _lost(subject: Subject, listener: Listener, chain: FilterChain, field: str) -> Finding:
    return subject.found(
        "MS108", "filter_chain", f"{listener.name}/{chain.label}", chain.place, listener=listener.name, field=field
    )


def _ambiguous(subject: Subject, listener: Listener, table: ChainTable) -> Iterator[Finding]:
    ties: dict[tuple[str, frozenset[Hashable]], dict[FilterChain, Step[Any]]] = {}
    for chain, steps in table.sieve.courses():
        for step in steps:
            tied = step.level.tied & step.present
            if len(tied) > 1 and step.key in tied:
                ties.setdefault((step.level.what, tied), {})[chain] = step
    for (field, _tied), chains in ties.items():
        keys = sorted({str(step.level.text(step.key) or "none") for step in chains.values()})
        yield subject.found(
            "MS109",
            "listener",
            listener.name,
            listener.place / "filter_chains",
            field=field,
            keys=keys,
            chains=[chain.label for chain in chains],
            related=tuple(chain.place for chain in chains),
        )


CHECK = Check(("MS108", "MS109", "MS110"), find)
