"""Whether a trace is as expected: the value of a field, and whether it is one that was wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from .model import EVERY, PACKET_ROLES, TRACE, Expectation, Expected, Presence, Want
from .observe import Observed
from .trace_fields import CODES
from .wants import compiled

NO_HOP = "no such hop"


@frozen
class Unmet:
    """A field that is not as expected."""

    expected: Expected
    got: Any
    index: int | None = None
    """Of the hop or packet that was asked."""


def unmet(expectation: Expectation, seen: Observed) -> list[Unmet]:
    """What of the expectation does not hold on this course, `some` apart; nothing: it holds."""
    found: list[Unmet] = []
    for role, fields in _by_role(expectation).items():
        found += _unmet_of_role(role, fields, seen)
    return found


def _by_role(expectation: Expectation) -> dict[str, list[Expected]]:
    roles: dict[str, list[Expected]] = {}
    for expected in expectation.fields:
        roles.setdefault(expected.role, []).append(expected)
    return roles


def _unmet_of_role(role: str, fields: list[Expected], seen: Observed) -> list[Unmet]:
    if role == TRACE:
        return _unmet_of(seen, fields, None)
    if role in ("any_hop", "every_hop", *PACKET_ROLES):
        many: Sequence[Any] = seen.packets if role in PACKET_ROLES else seen.hops
        each = [_unmet_of(one, fields, index) for index, one in enumerate(many)]
        if not each:
            return [Unmet(fields[0], NO_HOP)]
        if role in EVERY:
            return [one for missed in each for one in missed]
        return min(each, key=len)
    index = hop_of_role(role, seen)
    if index is None:
        missing = [one for one in fields if not (isinstance(one.want, Presence) and not one.want.present)]
        return [Unmet(missing[0], NO_HOP)] if missing else []
    return _unmet_of(seen.hops[index], fields, index)


def hop_of_role(role: str, seen: Observed) -> int | None:
    """client: the first outbound hop; gateway: the first of a gateway; server: the last inbound one."""
    direction = {"client": "outbound", "server": "inbound", "gateway": "gateway"}[role]
    found = [index for index, hop in enumerate(seen.hops) if hop.direction == direction]
    if not found:
        return None
    return found[-1] if role == "server" else found[0]


def _unmet_of(subject: Any, fields: Iterable[Expected], index: int | None) -> list[Unmet]:
    missed = []
    for expected in fields:
        want = expected.want
        if isinstance(want, Presence):
            if not want.present:
                missed.append(Unmet(expected, "a hop", index))
            continue
        got = value_at(subject, expected.path)
        if not holds(want, got):
            missed.append(Unmet(expected, got, index))
    return missed


def value_at(subject: Any, path: Sequence[str]) -> Any:
    """The field's value, named as in the trace document; None where a part of the path is not there."""
    if isinstance(subject, Observed):
        first, *path = path
        if first in ("assumptions", "resolution"):
            subject = getattr(subject, first)
        else:
            subject = getattr(subject.outcome, "kind" if first == "outcome" else first)
    for position, step in enumerate(path):
        if subject is None:
            return None
        if isinstance(subject, Mapping):
            subject = _unwrapped(subject.get(step))
        elif isinstance(subject, list | tuple):
            return tuple(value_at(each, path[position:]) for each in subject)
        elif step in CODES:
            return tuple(reason.code for reason in getattr(subject, step))
        else:
            subject = getattr(subject, step)
    return subject


def _unwrapped(value: Any) -> Any:
    """A header with one value is that value."""
    if isinstance(value, tuple) and len(value) < 2:
        return value[0] if value else None
    return value


def holds(want: Want, got: Any) -> bool:
    """Whether the value is one that was wanted. Of a list, a plain value is one of it; a list is all of it."""
    if not isinstance(got, list | tuple):
        return _is_one(want, got) is not want.negated
    if want.listed:
        whole = all(_is_one(want, each) for each in got)
        every = all(any(_equal(literal, each) for each in got) for literal in want.literals) and all(
            any(_is_text_with(pattern, each) for each in got) for pattern in want.patterns
        )
        return (whole and every) is not want.negated
    return any(_is_one(want, each) for each in got) is not want.negated


def _is_one(want: Want, got: Any) -> bool:
    return any(_equal(literal, got) for literal in want.literals) or any(
        _is_text_with(pattern, got) for pattern in want.patterns
    )


def _equal(literal: Any, got: Any) -> bool:
    if isinstance(got, str) and isinstance(literal, int | float) and not isinstance(literal, bool):
        return str(literal) == got
    return isinstance(literal, bool) is isinstance(got, bool) and bool(literal == got)


def _is_text_with(pattern: str, got: Any) -> bool:
    if got is None or isinstance(got, bool | dict):
        return False
    return compiled(pattern).found_in(str(got))
