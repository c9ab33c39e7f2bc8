"""A message held against its schema, as the tool reads its files: what it does not know it refuses, with its place.

Dumps of a running Envoy are read with less care: they may come from a newer one, and were accepted there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from attrs import field, frozen

from ...config import protojson
from ...config.view import View
from ...errors import InputError
from ...place import Place
from ..source import nearest
from .schema import ENUMS, MESSAGES

MOST_NESTED = 100
"""Envoy's own limit."""
_MOST_32 = (1 << 32) - 1


@frozen(eq=False)
class Field:
    """One field of a message."""

    name: str
    kind: str
    many: bool
    filled: bool
    required: bool
    deprecated: bool
    group: str | None
    read: Callable[[Any], object] | None
    """Of a scalar: raises ValueError. None: a message, or nothing to read."""


@frozen(eq=False)
class Message:
    name: str
    fields: Mapping[str, Field]
    """By both spellings, in the order of their numbers."""
    required: tuple[Field, ...]
    groups: Mapping[str, tuple[str, ...]] = field(factory=dict)
    """Those oneofs of which one must be set."""


@cache
def message(name: str) -> Message:
    found = [_FIELD.fullmatch(text) for text in MESSAGES[name].split()]
    fields = []
    groups: dict[str, tuple[str, ...]] = {}
    for each in found:
        assert each is not None, name
        key, kind, marks, group, must = each.groups()
        fields.append(_field(key, kind, marks, group))
        if must:
            groups[group] = (*groups.get(group, ()), key)
    spelled = {each.name: each for each in fields} | {protojson.camel(each.name): each for each in fields}
    return Message(name, spelled, tuple(each for each in fields if each.required), groups)


_FIELD = re.compile(r"(\w+):([\w.]+)([*+!^]*)(?:@(\w+)(!?))?")


def _field(name: str, kind: str, marks: str, group: str | None) -> Field:
    return Field(
        name=name,
        kind=kind,
        many="*" in marks,
        filled="+" in marks,
        required=group is None and ("!" in marks or "+" in marks),
        deprecated="^" in marks,
        group=group,
        read=_SCALARS.get(kind) or (_enum(kind) if kind in ENUMS else None),
    )


def check_message(view: View, name: str, *, takes_deprecated: bool = False) -> None:
    """InputError for what protobuf's reader or Envoy's constraints refuse."""
    _Check(view.place, takes_deprecated).message(view.data, message(name), (), 0)


@frozen(eq=False)
class _Check:
    place: Place
    takes_deprecated: bool

    def message(self, data: Any, kind: Message, path: tuple[str | int, ...], depth: int) -> None:
        if not isinstance(data, dict):
            raise self._wrong(path, f"{kind.name} is an object", "write it with its fields")
        if depth > MOST_NESTED:
            raise self._wrong(path, f"nested more than {MOST_NESTED} deep", "Envoy takes no more either")
        chosen: dict[str, str] = {}
        seen: set[str] = set()
        for key, value in data.items():
            known = kind.fields.get(key)
            if key == "@type" and not path:
                continue
            if known is None:
                known_names = [name for name in kind.fields if name == name.lower()]
                hint = nearest(str(key), known_names) or "fields: " + (", ".join(known_names) or "none")
                raise self._wrong((*path, key), f"{kind.name} has no field {key!r}", hint)
            if value is None:
                continue
            self._field(known, value, (*path, key), depth)
            seen.add(known.name)
            if known.group is not None and chosen.setdefault(known.group, known.name) != known.name:
                both = f"{chosen[known.group]} and {known.name}"
                raise self._wrong((*path, key), f"{kind.name} takes only one of {both}", "keep one of them")
        for known in kind.required:
            if known.name not in seen:
                raise self._wrong(path, f"{kind.name} has no {known.name}", f"state {known.name}")
        for group, names in kind.groups.items():
            if group not in chosen:
                raise self._wrong(path, f"{kind.name} states no {group}", "state one of " + ", ".join(names))

    def _field(self, known: Field, value: Any, path: tuple[str | int, ...], depth: int) -> None:
        if known.deprecated and not self.takes_deprecated:
            hint = "take what replaced it, or give --disable-deprecation-check"
            raise self._wrong(path, f"{known.name} is deprecated, and Envoy refuses it", hint)
        if known.filled and value in ("", [], {}):
            raise self._wrong(path, f"{known.name} is empty", f"state {known.name}")
        if known.many:
            self._items(known, value, path, depth)
        else:
            self._value(known, value, path, depth)

    def _items(self, known: Field, value: Any, path: tuple[str | int, ...], depth: int) -> None:
        """One value stands for a list of one, and lists inside a list are laid flat."""
        if not isinstance(value, list):
            self._value(known, value, path, depth)
            return
        for index, each in enumerate(value):
            if isinstance(each, list) and depth < MOST_NESTED:
                self._items(known, each, (*path, index), depth + 1)
            else:
                self._value(known, each, (*path, index), depth)

    def _value(self, known: Field, value: Any, path: tuple[str | int, ...], depth: int) -> None:
        if known.read is not None:
            try:
                known.read(value)
            except ValueError as error:
                raise self._wrong(path, f"{known.name}: {error}", "write a value of its kind") from None
        elif known.kind in MESSAGES:
            self.message(value, message(known.kind), path, depth + 1)

    def _wrong(self, path: tuple[str | int, ...], what: str, hint: str) -> InputError:
        place = self.place
        for part in path:
            place = place / part
        return InputError("router-check-fields", what, place=place, hint=hint)


def _text(value: Any) -> object:
    if isinstance(value, dict) and set(value) == {"value"}:
        value = value["value"]
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no string")
    return value


def _whole_32(value: Any) -> object:
    number = protojson.integer(value)
    if not 0 <= number <= _MOST_32:
        raise ValueError(f"{number} is no whole number from 0 to {_MOST_32}")
    return number


def _map(value: Any) -> object:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.40} is no object")
    return value


def _enum(kind: str) -> Callable[[Any], object]:
    names = ENUMS[kind]

    def read(value: Any) -> object:
        if isinstance(value, str):
            if value.upper() not in names and not (value.isdecimal() and int(value[:4]) < len(names)):
                raise ValueError(f"{value[:40]!r} is none of {', '.join(names)}")
        elif isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(names):
            raise ValueError(f"{value!r:.40} is none of {', '.join(names)}")
        return value

    return read


_SCALARS: dict[str, Callable[[Any], object]] = {
    "s": _text,
    "y": _text,
    "b": protojson.boolean,
    "B": protojson.boolean,
    "u": _whole_32,
    "U": _whole_32,
    "l": protojson.integer,
    "L": protojson.integer,
    "d": protojson.number,
    "F": protojson.number,
    "D": protojson.duration_ms,
    "m": _map,
}
