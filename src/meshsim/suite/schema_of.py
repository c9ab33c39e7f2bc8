"""The JSON Schema of suites, made from the same tables that the parser reads by; kept as schema/suite.schema.json.

What no schema can say (names that exist, files, the order of keys, cells of a matrix) only the parser tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..schema import schema
from .model import HOP_ROLES, PACKET_ROLES, TRACE
from .parse import GUARD_EXTRAS, SUITE_KEYS
from .shared import MESH_KEYS, POLICIES, SHARED_KEYS
from .source import VERSION
from .tests import ACCESS_KEYS, GAP_KEYS, TEST_KEYS
from .trace_fields import Field, roles

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}
_PATTERN: Schema = {"type": "string", "pattern": "^/.+/$"}
_SHARE: Schema = {"type": "string", "pattern": r"^[0-9.]+ ?%|^[0-9]+ ?/ ?[0-9]+$|\$\{"}
_TEXTS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_TAGS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_JSON_TYPES = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def suite_schema() -> Schema:
    """Of a suite file; `$defs/shared` is that of a file under `use:`."""
    whole = _object(SUITE_KEYS, _SUITE)
    whole.update(required=["meshsim"], anyOf=[{"required": ["tests"]}, {"required": ["access"]}])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "meshsim scenario suite, version 1",
        "description": "What calls should come to. The first key is meshsim, which no schema can ask for.",
        **whole,
        "$defs": _definitions(),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(keys: tuple[str, ...], parts: dict[str, Schema]) -> Schema:
    assert set(keys) == set(parts), set(keys) ^ set(parts)
    return {"type": "object", "additionalProperties": False, "properties": {key: parts[key] for key in keys}}


def _map_of(value: Schema, **more: Any) -> Schema:
    return {"type": "object", "additionalProperties": value, **more}


_AXIS = _map_of({"type": "array", "items": _SCALAR, "minItems": 1}, minProperties=1)
_SOME: Schema = {"anyOf": [_ref("expectation"), {"type": "array", "items": _ref("expectation"), "minItems": 1}]}

_SUITE: dict[str, Schema] = {
    "meshsim": {"const": VERSION, "description": "the version of this format; must be the first key"},
    "suite": {**_TEXT, "description": "its name in reports"},
    "why": {**_TEXT, "description": "the question it answers"},
    "config": {**_TEXTS, "description": "files and folders, [POD=]PATH, relative to this file; none: the demo mesh"},
    "mesh": {**_TEXTS, "description": "named meshes of used files, on each of which every test runs"},
    "use": {**_TEXTS, "description": "files with calls, meshes and expect that suites share"},
    "strict": {"type": "boolean", "description": "an assumption makes the outcome unknown"},
    "tags": _TAGS,
    "defaults": {**_ref("call_document"), "description": "call fields where a call does not say"},
    "calls": _map_of(_ref("call")),
    "expect": _map_of(_ref("expectation"), description="expectations by name"),
    "tests": _map_of(_ref("test"), description="by id"),
    "access": {"anyOf": [_ref("access"), {"type": "array", "items": _ref("access")}]},
    "never": {"type": "array", "items": _ref("guard"), "description": "what no branch of any call may be"},
    "coverage": _map_of(_map_of(_SHARE), propertyNames={"pattern": "/"}, description="KIND/NAME: {what: share}"),
    "lint": _map_of({"anyOf": [_TEXT, _map_of(_TEXT)]}, description="findings to accept: CODE: why, or {NAME: why}"),
}

_TEST: dict[str, Schema] = {
    "why": _TEXT,
    "call": _ref("call"),
    "for": {
        **_map_of({"type": "array", "items": _SCALAR, "minItems": 1}),
        "description": "a test each, ${name} filled",
    },
    "expect": _ref("expectation"),
    "some": {**_SOME, "description": "each holds on some branch"},
    "shares": _map_of(_map_of(_SHARE, minProperties=1), description="field: {value: share}"),
    "tags": _TAGS,
    "known_gap": _ref("known_gap"),
}


def _definitions() -> Schema:
    test = {**_object(TEST_KEYS, _TEST), "required": ["call"]}
    test["anyOf"] = [{"required": [key]} for key in ("expect", "some", "shares")]
    row = {"type": "array", "items": _ref("expectation")}
    access = _object(
        ACCESS_KEYS,
        {
            "id": _TEXT,
            "why": _TEXT,
            "call": _ref("call"),
            "rows": _AXIS,
            "columns": _AXIS,
            "expect": {"type": "array", "items": row},
            "tags": _TAGS,
        },
    )
    mesh = _object(MESH_KEYS, {"config": _TEXTS, "istio_iptables": _TEXTS, "outbound_policy": {"enum": list(POLICIES)}})
    gap = _object(GAP_KEYS, {"why": _TEXT, "until": {"type": "string", "format": "date"}})
    fields = _expectation_fields()
    return {
        "call": {"anyOf": [_TEXT, _ref("call_document")]},
        "call_document": _call_document(),
        "test": test,
        "access": {**access, "required": ["call", "rows", "columns", "expect"]},
        "known_gap": {**gap, "required": list(GAP_KEYS)},
        "guard": _guard(fields),
        "expectation": {
            "anyOf": [
                _TEXT,
                {"type": "array", "items": _ref("expectation"), "minItems": 1},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "minProperties": 1,
                    "properties": {**fields, "some": _SOME},
                },
            ]
        },
        "hop": _below(roles()["client"]),
        "packet": _below(roles()["any_packet"]),
        **{_name_of(leaf): _leaf(leaf) for role in roles().values() for leaf in _leaves(role)},
        "shared": _object(
            SHARED_KEYS,
            {
                "calls": _SUITE["calls"],
                "meshes": _map_of({"anyOf": [_TEXTS, mesh]}),
                "expect": _SUITE["expect"],
            },
        ),
    }


def _guard(fields: Schema) -> Schema:
    extras = {"except_tags": _TAGS, "why": _TEXT, "id": _TEXT}
    assert set(extras) == set(GUARD_EXTRAS)
    said = [{"required": [name]} for name in fields]
    return {"type": "object", "additionalProperties": False, "properties": {**fields, **extras}, "anyOf": said}


def _call_document() -> Schema:
    """The call document's own schema; a variable may stand for any value."""
    properties = {name: {"anyOf": [given, _VARIABLE]} for name, given in schema("call")["properties"].items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _expectation_fields() -> Schema:
    parts: Schema = {name: _want(field) for name, field in (roles()[TRACE].parts or {}).items()}
    for role in HOP_ROLES:
        bypassed = [] if role in ("any_hop", "every_hop") else [{"enum": ["bypassed", None]}]
        parts[role] = {"anyOf": [_ref("hop"), *bypassed]} if bypassed else _ref("hop")
    return {**parts, **dict.fromkeys(PACKET_ROLES, _ref("packet"))}


def _below(field: Field) -> Schema:
    parts = field.parts or {}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _want(part) for name, part in parts.items()},
    }


def _want(field: Field) -> Schema:
    """A value, a pattern, a list of them, `not:`; of an object its fields."""
    if field.parts is None and not field.free:
        return _ref(_name_of(field))
    inner = _map_of(_ref(_name_of(_FREE))) if field.free else _below(field)
    inner["minProperties"] = 1
    nothing: Schema = {"anyOf": [{"type": "null"}, {"type": "array", "maxItems": 0}]}
    return {"anyOf": [*nothing["anyOf"], inner, _not(nothing)]}


_FREE = Field(types=("string",))


def _name_of(field: Field) -> str:
    """Fields that take the same values share one definition."""
    values = [str(value) for value in field.values] if field.values is not None else sorted(field.types)
    return "_".join(["every" if field.a_list else "one", *values]).replace("/", "-")


def _leaves(field: Field) -> Iterator[Field]:
    if field.parts is None:
        yield _FREE if field.free else field
    for part in (field.parts or {}).values():
        yield from _leaves(part)


def _leaf(field: Field) -> Schema:
    one: Schema = {"anyOf": [_literal(field), {"type": "null"}, _PATTERN, _VARIABLE]}
    several: Schema = {"type": "array", "items": one}
    if not field.a_list:
        several["minItems"] = 1
    plain: Schema = {"anyOf": [*one["anyOf"], several]}
    return {"anyOf": [*plain["anyOf"], _not(plain)]}


def _not(what: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": ["not"], "properties": {"not": what}}


def _literal(field: Field) -> Schema:
    if field.values is not None:
        return {"enum": list(field.values)}
    types = {_JSON_TYPES[name] for name in field.types if name in _JSON_TYPES}
    if "string" in types:
        types |= {"number"}
    return {"type": sorted(types)} if types else _SCALAR
