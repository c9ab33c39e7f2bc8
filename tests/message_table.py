"""Makes `src/meshsim/envoy/message_table.json` from the descriptors that an Envoy binary carries of its own API.

    python -m tests.message_table [ENVOY]

Without an argument the Envoy beside the running Python is read. What is read: messages, enumerations, oneofs and the
`validate.rules` of fields (bufbuild/protoc-gen-validate), in protobuf's wire format.
"""

import json
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import meshsim
from tests.realism.prerequisites import envoy_binary

TABLE = Path(meshsim.__file__).parent / "envoy" / "message_table.json"
ROOTS = (
    "envoy.config.listener.v3.Listener",
    "envoy.config.cluster.v3.Cluster",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.config.route.v3.ScopedRouteConfiguration",
    "envoy.config.route.v3.RouteList",
    "envoy.config.route.v3.FilterConfig",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
)
EXTENSIONS = ("envoy.extensions.", "envoy.type.matcher.v3.", "envoy.config.rbac.v3.", "xds.type.matcher.v3.")
SCALARS = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes"}
SCALARS |= {13: "uint32"}
NAMES = {"Double": "double", "Float": "float", "Int64": "int64", "UInt64": "uint64", "Int32": "int32"}
NAMES |= {"UInt32": "uint32", "Bool": "bool", "String": "string", "Bytes": "bytes"}
WRAPPERS = {f"google.protobuf.{name}Value": kind for name, kind in NAMES.items()}
"""A wrapper is written as what it wraps."""
FILE_FIELDS = frozenset((*range(1, 13), 14))
VALIDATE = 1071
"""protoc-gen-validate's number among the options of fields and of oneofs."""
NUMBERS = {1: "const", 2: "lt", 3: "lte", 4: "gt", 5: "gte", 6: "in", 7: "not_in", 8: "ignore_empty"}
TEXTS = {1: "const", 2: "min_len", 3: "max_len", 4: "min_bytes", 5: "max_bytes", 6: "pattern", 7: "prefix"}
TEXTS |= {8: "suffix", 9: "contains", 10: "in", 11: "not_in", 24: "well_known_regex", 25: "strict", 26: "ignore_empty"}
REPEATED = {1: "min_items", 2: "max_items", 3: "unique", 4: "items"}
MAPS = {1: "min_pairs", 2: "max_pairs", 4: "keys", 5: "values"}
DURATIONS = {1: "required", 2: "const", 3: "lt", 4: "lte", 5: "gt", 6: "gte"}
RULES: dict[int, dict[int, str]] = {
    **dict.fromkeys(range(1, 13), NUMBERS),
    13: {1: "const"},
    14: TEXTS,
    15: {2: "min_len", 3: "max_len"},
    16: {1: "const", 2: "defined_only", 3: "in", 4: "not_in"},
    17: {1: "skip", 2: "required"},
    18: REPEATED,
    19: MAPS,
    20: {1: "required"},
    21: DURATIONS,
}
"""Kind of rules -> number -> name."""
FLAGS = frozenset(("required", "skip", "defined_only", "ignore_empty", "strict", "unique"))
HEADERS = {1: "HTTP_HEADER_NAME", 2: "HTTP_HEADER_VALUE"}
Fields = list[tuple[int, int, Any]]
Tree = dict[str, Any]


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def wire(data: bytes, at: int = 0, known: frozenset[int] | None = None) -> Iterator[tuple[int, int, Any]]:
    """(number, wire type, value) of a message; with `known`, until something else begins."""
    begun = at
    while at < len(data):
        tag, after = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if known is not None and (number not in known or kind not in (0, 2) or (number == 1 and at > begun)):
            return
        if kind == 0:
            value, at = varint(data, after)
        elif kind == 2:
            size, after = varint(data, after)
            value, at = data[after : after + size], after + size
        else:
            size = 8 if kind == 1 else 4
            value, at = struct.unpack("<d" if kind == 1 else "<f", data[after : after + size])[0], after + size
        yield number, kind, value


def first(fields: Fields, number: int, default: Any = None) -> Any:
    return next((value for each, _kind, value in fields if each == number), default)


def every(fields: Fields, number: int) -> list[Fields]:
    return [list(wire(value)) for each, _kind, value in fields if each == number]


class Api:
    """Every message and enumeration that a binary describes, by full name."""

    def __init__(self, binary: bytes) -> None:
        self.messages: dict[str, Fields] = {}
        self.enums: dict[str, dict[str, int]] = {}
        for found in re.finditer(rb"\x0a[\x08-\x7f][a-z0-9_/.]+\.proto\x12[\x02-\x7f][a-z]", binary):
            size = binary[found.start() + 1]
            if binary[found.start() + 2 :][:size].endswith(b".proto") if size < 128 else False:
                self._file(list(wire(binary, found.start(), FILE_FIELDS)))

    def _file(self, fields: Fields) -> None:
        package = first(fields, 2, b"").decode()
        for message in every(fields, 4):
            self._message(message, package)
        for enum in every(fields, 5):
            self._enum(enum, package)

    def _message(self, fields: Fields, scope: str) -> None:
        name = f"{scope}.{first(fields, 1).decode()}"
        self.messages[name] = fields
        for below in every(fields, 3):
            self._message(below, name)
        for enum in every(fields, 4):
            self._enum(enum, name)

    def _enum(self, fields: Fields, scope: str) -> None:
        values = {first(each, 1).decode(): signed(first(each, 2, 0)) for each in every(fields, 2)}
        self.enums[f"{scope}.{first(fields, 1).decode()}"] = values

    def message(self, name: str) -> Tree:
        """The row of a message."""
        declared = every(self.messages[name], 8)
        oneofs = [[[], bool(first(list(wire(first(each, 2, b""))), VALIDATE, 0))] for each in declared]
        fields: Tree = {}
        for each in every(self.messages[name], 2):
            field = first(each, 1).decode()
            fields[field] = self._field(each)
            index = first(each, 9)
            if index is not None and not first(each, 17):
                oneofs[index][0].append(field)
        made: Tree = {"fields": fields}
        excluding = [oneof for oneof in oneofs if oneof[0]]
        if excluding:
            made["oneofs"] = excluding
        return made

    def _field(self, fields: Fields) -> Any:
        kind = SCALARS.get(first(fields, 5)) or first(fields, 6, b"").decode().removeprefix(".")
        label = "repeated" if first(fields, 4) == 3 else "optional" if first(fields, 17) else ""
        entry = self.messages.get(kind)
        if entry is not None and first(list(wire(first(entry, 7, b""))), 7):
            kind, label = self._field(every(entry, 2)[1]), "map"
            kind = kind if isinstance(kind, str) else kind[0]
        elif kind in WRAPPERS and not label:
            label = "wrapped"
        made = [WRAPPERS.get(kind, kind), label, rules(first(list(wire(first(fields, 8, b""))), VALIDATE, b""))]
        while len(made) > 1 and not made[-1]:
            made.pop()
        return made[0] if len(made) == 1 else made


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def rules(data: bytes) -> Tree:
    """`validate.rules`; `items: {string: {…}}` says no more than `items: {…}`, and durations are in nanoseconds."""
    made: Tree = {}
    for kind, _type, inner in wire(data):
        names = RULES.get(kind, {})
        for number, wire_type, value in wire(inner) if isinstance(inner, bytes) else ():
            name = names.get(number)
            if name in ("items", "keys", "values"):
                made[name] = rules(value)
            elif name in ("in", "not_in"):
                made[name] = [*made.get(name, []), *_listed(value, wire_type)]
            elif name is not None:
                made[name] = _value(name, value, names)
    return {name: value for name, value in made.items() if value != {}}


def _value(name: str, value: Any, names: dict[int, str]) -> Any:
    if name == "well_known_regex":
        return HEADERS[value]
    if names is DURATIONS and isinstance(value, bytes):
        told = list(wire(value))
        return first(told, 1, 0) * 1_000_000_000 + first(told, 2, 0)
    if name in FLAGS or names == {1: "const"}:
        return bool(value)
    return value.decode() if isinstance(value, bytes) else signed(value) if isinstance(value, int) else value


def _listed(value: Any, wire_type: int) -> list[Any]:
    return [value.decode()] if wire_type == 2 else [signed(value) if isinstance(value, int) else value]


def table(api: Api) -> Tree:
    """What can be reached from the roots and the extensions."""
    waiting = [*ROOTS, *(name for name in api.messages if name.startswith(EXTENSIONS))]
    messages: Tree = {}
    enums: Tree = {}
    while waiting:
        name = waiting.pop()
        if name in api.enums:
            enums[name] = api.enums[name]
        elif name in api.messages and name not in messages and not name.startswith("google.protobuf."):
            entry = first(api.messages[name], 7)
            if entry is None or not first(list(wire(entry)), 7):
                messages[name] = api.message(name)
                waiting += [each if isinstance(each, str) else each[0] for each in messages[name]["fields"].values()]
    return {"messages": dict(sorted(messages.items())), "enums": dict(sorted(enums.items()))}


def text(made: Tree) -> str:
    """A message or an enumeration a line."""
    parts = []
    for part, rows in made.items():
        lines = (f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in rows.items())
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def made_from(binary: Path) -> str:
    return text(table(Api(binary.read_bytes())))


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else envoy_binary()
    if chosen is None:
        sys.exit("no Envoy is installed here")
    TABLE.write_text(made_from(chosen))
