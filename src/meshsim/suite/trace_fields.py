"""The fields an expectation can name, taken from the trace document's own schema, and what can stand in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from ..schema import schema
from .model import HOP_ROLES, PACKET_ROLES, TRACE

_NOT_EXPECTED = {"hop": (), "outcome": ("kind", "summary"), "passage": ()}
CODES = ("rejected_updates",)
"""Fields of a hop that hold reasons: their codes are what is expected."""
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}


@frozen(eq=False)
class Field:
    """What the schema says about one place of a trace."""

    parts: Mapping[str, Field] | None = None
    """The fields of an object; None: it has none."""
    free: bool = False
    """An object whose keys are the user's, such as headers."""
    values: tuple[Any, ...] | None = None
    """All there can be."""
    types: tuple[str, ...] = ()
    a_list: bool = False

    def below(self, name: str) -> Field | None:
        if self.parts is not None:
            return self.parts.get(name)
        return Field(types=("string",)) if self.free else None

    def takes(self, value: Any) -> bool:
        """Whether a literal can ever stand here. A number may stand for its text."""
        if value is None or (self.values is None and not self.types):
            return True
        if self.values is not None:
            return value in self.values
        if "string" in self.types and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if isinstance(value, bool):
            return "boolean" in self.types
        return any(isinstance(value, _TYPES[name]) for name in self.types if name in _TYPES)


@cache
def roles() -> Mapping[str, Field]:
    """Role -> the fields below it; the fields of the trace as a whole stand at TRACE."""
    whole = schema("trace")
    definitions = whole["$defs"]

    def parts(name: str) -> dict[str, Field]:
        properties = definitions[name]["properties"]
        return {key: _field(value, definitions) for key, value in properties.items() if key not in _NOT_EXPECTED[name]}

    kind = _field(definitions["outcome"]["properties"]["kind"], definitions)
    resolution = _field(whole["properties"]["resolution"], definitions)
    trace = {
        "outcome": kind,
        **parts("outcome"),
        "assumptions": Field(types=("string",), a_list=True),
        "resolution": resolution,
    }
    codes = {name: Field(types=("string",), a_list=True) for name in CODES}
    hop, packet = Field(parts={**parts("hop"), **codes}), Field(parts=parts("passage"))
    return {TRACE: Field(parts=trace), **dict.fromkeys(HOP_ROLES, hop), **dict.fromkeys(PACKET_ROLES, packet)}


def _field(given: Mapping[str, Any], definitions: Mapping[str, Any]) -> Field:
    if "$ref" in given:
        return _field(definitions[given["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in given:
        options = [_field(option, definitions) for option in given["anyOf"] if option.get("type") != "null"]
        objects = [option for option in options if option.parts is not None or option.free]
        return (objects or options)[0]
    if "enum" in given:
        return Field(values=tuple(given["enum"]))
    stated = given.get("type", ())
    types = (stated,) if isinstance(stated, str) else tuple(stated)
    if "array" in types:
        items = _field(given.get("items", {}), definitions)
        return Field(parts=items.parts, free=items.free, values=items.values, types=items.types, a_list=True)
    if "properties" in given:
        return Field(parts={key: _field(value, definitions) for key, value in given["properties"].items()})
    if "object" in types:
        return Field(free=True)
    return Field(types=types)


def names(fields: Iterable[str]) -> str:
    return ", ".join(fields)
