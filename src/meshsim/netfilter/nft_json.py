"""`nft -j list ruleset` -> RuleSet, a family at a time: what Istio's native nftables mode writes, and its like.

What is not known here loads as unmodelled and is named on the path it touches; what nft could not have printed is an
InputError with its JSON pointer. Upstream: nftables libnftables-json(5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from ..errors import InputError
from ..place import Place
from .nft_fields import NotModelledError, compile_match, text_of
from .nft_rules import BaseChain, NftRuleSet, part_of
from .nft_statements import COUNTING, Statement, compile_statement, target_of
from .rules import Chain, Match, Rule, Table, Target, Verdict
from .save import Family

_FAMILIES = {"v4": ("ip", "inet"), "v6": ("ip6", "inet")}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_IPTABLES_TABLES = ("raw", "mangle", "nat", "filter", "security")
_REMEDY = "take it anew with `nft -j list ruleset`, in the pod's network namespace"


@define(eq=False)
class _Reading:
    document: str
    v6: bool
    tables: dict[str, Table] = field(factory=dict)
    sets: dict[str, dict[str, list[Any]]] = field(factory=dict)
    """Table -> set -> its elements."""
    tracks: bool = False


def parse_nft_json(data: Mapping[str, Any], document_name: str, family: Family) -> NftRuleSet:
    """`data` is the parsed document. InputError for what nft does not print."""
    reading = _Reading(document_name, family == "v6")
    entries = list(_entries(data, document_name, family))
    for kind, entry, place in entries:
        _declare(reading, kind, entry, place)
    for kind, entry, place in entries:
        if kind == "rule":
            _add_rule(reading, entry, place)
    _refuse_loops(reading)
    return NftRuleSet(reading.tables, reading.v6, reading.tracks)


def only_iptables_tables(data: Mapping[str, Any]) -> bool:
    """Whether all that is there are the tables that iptables-nft keeps, which iptables-save prints better."""
    tables = [
        entry["table"]
        for entry in data.get("nftables", ())
        if isinstance(entry, dict) and isinstance(entry.get("table"), dict)
    ]
    return all(
        table.get("family") in ("ip", "ip6", "arp", "bridge") and table.get("name") in _IPTABLES_TABLES
        for table in tables
    )


def _entries(data: Mapping[str, Any], document: str, family: Family) -> list[tuple[str, Mapping[str, Any], Place]]:
    listed = data.get("nftables")
    place = Place(document, ("nftables",))
    if not isinstance(listed, list):
        raise _broken("`nftables` is not a list", place)
    found: list[tuple[str, Mapping[str, Any], Place]] = []
    for index, entry in enumerate(listed):
        if not isinstance(entry, dict) or len(entry) != 1:
            raise _broken("an entry is not an object with one key", place / index)
        kind, inside = next(iter(entry.items()))
        if kind in ("add", "insert", "flush", "delete"):
            raise _broken(f"`{kind}` is a command, not a part of a listing", place / index)
        if kind not in ("table", "chain", "rule", "set", "element"):
            continue
        if not isinstance(inside, dict):
            raise _broken(f"`{kind}` is not an object", place / index)
        if inside.get("family") in _FAMILIES[family]:
            found.append((kind, inside, place / index / kind))
    return found


def _declare(reading: _Reading, kind: str, entry: Mapping[str, Any], place: Place) -> None:
    if kind == "table":
        name = f"{entry['family']}/{_text(entry, 'name', place)}"
        reading.tables.setdefault(name, Table(name, {}))
    elif kind == "set":
        elements = entry.get("elem", [])
        held = reading.sets.setdefault(f"{entry['family']}/{_text(entry, 'table', place)}", {})
        held[_text(entry, "name", place)] = elements if isinstance(elements, list) else [elements]
    elif kind == "chain":
        table = _table(reading, entry, place)
        name = _text(entry, "name", place)
        if name in table.chains:
            raise _broken(f"chain {name!r} stands twice in table {table.name}", place)
        table.chains[name] = _chain(reading, entry, table.name, name, place)


def _chain(reading: _Reading, entry: Mapping[str, Any], table: str, name: str, place: Place) -> Chain:
    hook = entry.get("hook")
    if hook not in _HOOKS:
        return Chain(table, name, None, place=place)
    kind, priority = str(entry.get("type", "filter")), entry.get("prio", 0)
    if not isinstance(priority, int):
        raise _broken(f"priority {priority!r} is not a number", place)
    if kind == "nat":
        reading.tracks = True
    policy = Verdict.DROP if entry.get("policy") == "drop" else Verdict.ACCEPT
    part = part_of(kind, str(hook), priority)
    return BaseChain(part, str(hook).upper(), policy, place=place, shown=f"{table}/{name}", priority=priority)


def _add_rule(reading: _Reading, entry: Mapping[str, Any], place: Place) -> None:
    table = _table(reading, entry, place)
    name = _text(entry, "chain", place)
    chain = table.chains.get(name)
    if chain is None:
        raise _broken(f"chain {name!r} is not declared in table {table.name}", place)
    expressions = entry.get("expr")
    if not isinstance(expressions, list) or not all(isinstance(one, dict) and len(one) == 1 for one in expressions):
        raise _broken("the rule has no list of expressions", place)
    try:
        matches, statements, unknown = _expressions(reading, expressions, table.name)
        target, goto = _target(table, statements, unknown)
        text = " ".join(_expression_text(one) for one in expressions if next(iter(one)) not in COUNTING)
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise _broken(f"the rule cannot be read: {problem}", place) from None
    except RecursionError:
        raise _broken("the rule is nested too deeply", place) from None
    chain.rules.append(
        Rule(
            table=table.name,
            chain=name,
            number=len(chain.rules) + 1,
            text=text,
            words=tuple(text.split()),
            matches=tuple(matches),
            target=target,
            place=place,
            goto=goto,
        )
    )


def _expressions(
    reading: _Reading, expressions: Sequence[Mapping[str, Any]], table: str
) -> tuple[list[Match], list[Statement], str]:
    """Conditions, what is done, and the first statement that is not known here."""
    matches: list[Match] = []
    statements: list[Statement] = []
    unknown = ""
    for expression in expressions:
        kind, inside = next(iter(expression.items()))
        if kind == "match":
            reading.tracks = reading.tracks or '"ct"' in str(inside).replace("'", '"')
            try:
                matches.append(compile_match(inside, reading.sets.get(table, {})))
            except NotModelledError:
                matches.append(Match(_expression_text(expression), "", (), None, lambda _frame: None))
            if statements:
                # a condition behind an effect: nothing here can be done by halves
                unknown = unknown or _expression_text(expression)
            continue
        try:
            statement = compile_statement(kind, inside, v6=reading.v6)
        except NotModelledError:
            unknown = unknown or _expression_text(expression)
            continue
        if statement is not None:
            reading.tracks = reading.tracks or statement.tracks
            statements.append(statement)
    return matches, statements, unknown


def _target(table: Table, statements: Sequence[Statement], unknown: str) -> tuple[Target | None, bool]:
    if unknown:
        return Target(unknown, (), Verdict.UNKNOWN), False
    jump = next((statement for statement in statements if statement.jump), None)
    if jump is None:
        return target_of(statements), False
    if len(statements) > 1:
        return Target(" ".join(statement.text for statement in statements), (), Verdict.UNKNOWN), False
    if jump.jump not in table.chains:
        raise ValueError(f"chain {jump.jump!r} is not declared in table {table.name}")
    return Target(jump.text, (), Verdict.JUMP, chain=table.chains[jump.jump]), jump.goto


def _expression_text(expression: Mapping[str, Any]) -> str:
    kind, inside = next(iter(expression.items()))
    if kind == "match":
        operator = " != " if inside.get("op") == "!=" else " "
        return f"{text_of(inside.get('left'))}{operator}{text_of(inside.get('right'))}"
    try:
        statement = compile_statement(kind, inside, v6=False)
    except (ValueError, KeyError, TypeError):
        return str(kind)
    return statement.text if statement is not None else ""


def _refuse_loops(reading: _Reading) -> None:
    """The kernel refuses chains that lead back to themselves. Depth first, without recursion."""
    finished: set[str] = set()
    for root in [chain for table in reading.tables.values() for chain in table.chains.values()]:
        path: list[Chain] = []
        stack: list[tuple[Chain, int]] = [(root, 0)]
        while stack:
            chain, index = stack.pop()
            if index == 0:
                if chain.label in finished:
                    continue
                path.append(chain)
            for position in range(index, len(chain.rules)):
                target = chain.rules[position].target
                if target is None or target.chain is None or target.chain.label in finished:
                    continue
                if any(target.chain is above for above in path):
                    raise _broken(f"chain {target.chain.name!r} leads back to itself here", chain.rules[position].place)
                stack += [(chain, position + 1), (target.chain, 0)]
                break
            else:
                finished.add(chain.label)
                path.pop()


def _table(reading: _Reading, entry: Mapping[str, Any], place: Place) -> Table:
    name = f"{entry['family']}/{_text(entry, 'table', place)}"
    if name not in reading.tables:
        raise _broken(f"table {name} is not declared before this", place)
    return reading.tables[name]


def _text(entry: Mapping[str, Any], key: str, place: Place) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise _broken(f"`{key}` is missing", place)
    return value


def _broken(problem: str, place: Place) -> InputError:
    return InputError("broken-nft-rule", problem, place=place, hint=_REMEDY)
