"""A permission or principal as a tree of and, or and not; flattened into conditions that can each be lost.

Over the leaves each verdict is three-valued: what cannot be known spreads only where it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from ...config.view import View
from ...errors import InputError, Rejected
from ...match.condition import Condition, unmodelled
from .facts import RbacFacts
from .leaves import OVER_HTTP_ONLY, PERMISSIONS, PRINCIPALS, Compile, Leaf
from .rule_checks import check_rule

_MAX_DEPTH = 90
"""Protobuf itself reads no deeper."""


@frozen(eq=False)
class All:
    parts: tuple[Tree, ...]


@frozen(eq=False)
class Some:
    parts: tuple[Tree, ...]


@frozen(eq=False)
class Not:
    part: Tree


Tree: TypeAlias = All | Some | Not | Leaf


@frozen(eq=False)
class Side:
    """How one side of a policy is written."""

    what: str
    """permissions or principals."""
    leaves: Mapping[str, Compile]
    all_of: str
    any_of: str
    items: str
    """The field of a set that holds its members."""
    negated: str

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({*self.leaves, self.all_of, self.any_of, self.negated})


PERMISSION_SIDE = Side("permissions", PERMISSIONS, "and_rules", "or_rules", "rules", "not_rule")
PRINCIPAL_SIDE = Side("principals", PRINCIPALS, "and_ids", "or_ids", "ids", "not_id")


def compile_side(policy: View, side: Side, *, over_http: bool) -> tuple[Condition[RbacFacts], ...]:
    """The conditions of one side of a policy: any of the listed ones has to hold."""
    members = policy.views(side.what)
    if not members:
        raise Rejected(
            "empty-policy",
            f"a policy without {side.what}",
            place=policy.place,
            hint="a policy lists at least one permission and one principal; Envoy refuses this filter too",
        )
    tree = _simplified(Some(tuple(_compile(each, side, 0, over_http=over_http) for each in members)))
    return tuple(_condition(part, side, policy) for part in _conjuncts(tree))


def _compile(view: View, side: Side, depth: int, *, over_http: bool) -> Tree:
    if depth > _MAX_DEPTH:
        hint = "Envoy cannot read it either"
        raise InputError("nested-too-deeply", f"{side.what} nested too deeply", place=view.place, hint=hint)

    def members(kind: str) -> tuple[Tree, ...]:
        below = view.view(kind)
        inner = below.views(side.items) if below is not None else ()
        if not inner:
            hint = "Envoy refuses this filter too"
            raise Rejected("empty-set", f"{kind} without {side.items}", place=view.place_of(kind), hint=hint)
        return tuple(_compile(each, side, depth + 1, over_http=over_http) for each in inner)

    kind = view.one_of(sorted(side.fields))
    if kind == side.all_of:
        return All(members(kind))
    if kind == side.any_of:
        return Some(members(kind))
    if kind == side.negated:
        inner = view.view(kind)
        assert inner is not None
        return Not(_compile(inner, side, depth + 1, over_http=over_http))
    if kind is None:
        if view.leftovers(side.fields):
            return unmodelled(view.leftovers(side.fields)[0], "not modelled", view.place)
        hint = "name what is permitted, or who; Envoy refuses this filter too"
        raise Rejected("empty-rule", f"one of the {side.what} says nothing", place=view.place, hint=hint)
    if kind in OVER_HTTP_ONLY and not over_http:
        hint = "only the HTTP filter knows headers; Envoy refuses this filter too"
        raise Rejected("rbac-needs-http", f"{kind} in an RBAC network filter", place=view.place_of(kind), hint=hint)
    check_rule(view, kind)
    return side.leaves[kind](view, kind)


def _simplified(tree: Tree) -> Tree:
    """Without groups of one, and without groups of their own kind inside groups."""
    if isinstance(tree, Not):
        inner = _simplified(tree.part)
        return inner.part if isinstance(inner, Not) else Not(inner)
    if not isinstance(tree, All | Some):
        return tree
    group = type(tree)
    parts: list[Tree] = []
    for each in map(_simplified, tree.parts):
        parts.extend(each.parts if isinstance(each, group) else (each,))
    return parts[0] if len(parts) == 1 else group(tuple(parts))


def _conjuncts(tree: Tree) -> tuple[Tree, ...]:
    return tree.parts if isinstance(tree, All) else (tree,)


def _condition(tree: Tree, side: Side, policy: View) -> Condition[RbacFacts]:
    """A leaf is its own condition; a group reads what its leaves read, by their names."""
    if isinstance(tree, Condition):
        return tree
    leaves: dict[str, Leaf] = {each.what: each for each in _leaves(tree)}

    def read(facts: RbacFacts) -> dict[str, Any]:
        return {what: leaf.read(facts) for what, leaf in leaves.items()}

    return Condition(side.what, written(tree), read, lambda seen: _verdict(tree, seen), policy.place_of(side.what))


def _leaves(tree: Tree) -> Iterable[Leaf]:
    if isinstance(tree, Condition):
        yield tree
    elif isinstance(tree, Not):
        yield from _leaves(tree.part)
    else:
        for part in tree.parts:
            yield from _leaves(part)


def _verdict(tree: Tree, seen: Mapping[str, Any]) -> bool | None:
    if isinstance(tree, Condition):
        return tree.test(seen[tree.what])
    if isinstance(tree, Not):
        inner = _verdict(tree.part, seen)
        return None if inner is None else not inner
    decisive = isinstance(tree, Some)
    found: bool | None = not decisive
    for part in tree.parts:
        verdict = _verdict(part, seen)
        if verdict is decisive:
            return decisive
        if verdict is None:
            found = None
    return found


_JOINED: tuple[tuple[type, str], ...] = ((All, " and "), (Some, " or "))


def written(tree: Tree) -> str:
    """The tree in one line."""
    if isinstance(tree, Condition):
        return f"{tree.what} {tree.want}"
    if isinstance(tree, Not):
        return f"not ({written(tree.part)})"
    word = next(word for kind, word in _JOINED if isinstance(tree, kind))
    return word.join(f"({written(each)})" if isinstance(each, All | Some) else written(each) for each in tree.parts)
