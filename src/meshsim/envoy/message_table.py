"""The messages of Envoy's API: their fields, what may stand in them, and which exclude each other.

Read from message_table.json, which is made from the .proto files of envoyproxy/envoy and cncf/xds (Apache-2.0). A
message or a field that is not in it is of another version, or of another build: nothing is known about it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from ..config.protojson import camel


@frozen(eq=False)
class Field:
    name: str
    kind: str
    """A scalar, or the full name of a message or of an enumeration."""
    label: str
    """repeated, map, optional, wrapped (a scalar that may be absent), or nothing."""
    rules: Mapping[str, Any]
    """What protoc-gen-validate holds it to; durations in nanoseconds."""
    enum: Mapping[str, int] | None
    """The values of an enumeration by their names in capitals."""


@frozen(eq=False)
class Kind:
    """One message."""

    name: str
    fields: Mapping[str, Field]
    """By either spelling."""
    oneofs: tuple[tuple[tuple[str, ...], bool], ...]
    """(the members, whether one of them has to be set)."""
    held: tuple[Field, ...]
    """Fields that may be held to something while they are absent."""


@cache
def kind_of(type_name: str) -> Kind | None:
    """The message of that full name; None where the table has none."""
    row = _table()["messages"].get(type_name)
    if row is None:
        return None
    made = tuple(_field(name, entry) for name, entry in row["fields"].items())
    oneofs = tuple((tuple(members), required) for members, required in row.get("oneofs", ()))
    excluding = {member for members, _required in oneofs for member in members}
    return Kind(
        name=type_name,
        fields={each.name: each for each in made} | {camel(each.name): each for each in made},
        oneofs=oneofs,
        held=tuple(each for each in made if each.rules and each.name not in excluding and each.label != "optional"),
    )


@cache
def _table() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(Path(__file__).with_name("message_table.json").read_text("utf-8"))
    return made


def _field(name: str, entry: Any) -> Field:
    kind, label, rules = [*([entry] if isinstance(entry, str) else entry), "", {}, {}][:3]
    values = _table()["enums"].get(kind)
    enum = {each.upper(): number for each, number in values.items()} if values is not None else None
    return Field(name, kind, label, rules or {}, enum)
