"""Expectations, read: named ones looked up, lists laid over one another, every field name checked."""

from __future__ import annotations

from attrs import define
from attrs import field as attribute

from .model import HOP_ROLES, PACKET_ROLES, TRACE, Expectation, Expected, Presence
from .source import Node, nearest
from .trace_fields import Field, names, roles
from .wants import read_want

BYPASSED = "bypassed"
MOST_LEVELS = 20
MOST_SOME = 1000

Read = tuple["Fields", tuple[Expectation, ...]]


@define(eq=False)
class Named:
    """Expectations by name, each read once however often it is named."""

    nodes: dict[str, Node] = attribute(factory=dict)
    _known: dict[str, Read] = attribute(factory=dict)
    _reading: set[str] = attribute(factory=set)

    def read(self, node: Node, depth: int) -> Read:
        """What the name that stands in the node means."""
        name = node.data
        if name in self._reading:
            raise node.refuse("suite-circular-name", f"{node.what}: the names go round in a circle", "write it out")
        if name not in self.nodes:
            hint = nearest(name, self.nodes) or (
                "names: " + names(self.nodes) if self.nodes else "named ones stand under expect:"
            )
            raise node.refuse("suite-no-expectation", f"no expectation is named {name!r}", hint)
        if name not in self._known:
            self._reading.add(name)
            self._known[name] = _read(self.nodes[name], self, depth)
            self._reading.discard(name)
        return self._known[name]


Fields = dict[tuple[str, tuple[str, ...]], Expected]


def read_expectation(node: Node, named: Named, depth: int = 0) -> Expectation:
    """A name, an object, or a list in which what comes later is laid over what comes before."""
    fields, some = _read(node, named, depth)
    return Expectation(tuple(fields.values()), node.place, some)


def _read(node: Node, named: Named, depth: int) -> tuple[Fields, tuple[Expectation, ...]]:
    if depth > MOST_LEVELS:
        raise node.refuse("suite-too-deep", f"{node.what}: too many lists and names inside one another", "write it out")
    if isinstance(node.data, str):
        return named.read(node, depth + 1)
    if isinstance(node.data, list):
        if not node.data:
            raise node.refuse("suite-empty-list", f"{node.what}: an empty list expects nothing", "name an expectation")
        fields: Fields = {}
        some: tuple[Expectation, ...] = ()
        for item in node.items():
            over, more = _read(item, named, depth + 1)
            for key, expected in over.items():
                _lay_over(fields, key, expected)
            some += more
            if len(some) > MOST_SOME:
                raise node.refuse("suite-too-large", f"more than {MOST_SOME} times some:", "split the test")
        return fields, some
    if not isinstance(node.data, dict):
        raise node.wrong("an expectation's name, an object, or a list of them")
    return _read_object(node, named, depth)


def _lay_over(fields: Fields, key: tuple[str, tuple[str, ...]], expected: Expected) -> None:
    """What is said about a whole replaces what was said about its parts, and the other way round."""
    role, path = key
    for other in [other for other in fields if other[0] == role]:
        shorter = min(len(path), len(other[1]))
        if other[1][:shorter] == path[:shorter] and other != key:
            about_presence = isinstance(fields[other].want, Presence) and fields[other].want.present  # type: ignore[union-attr]
            if not (about_presence and path):
                del fields[other]
    fields.pop(key, None)
    fields[key] = expected


def _read_object(node: Node, named: Named, depth: int) -> tuple[Fields, tuple[Expectation, ...]]:
    known = roles()
    trace = known[TRACE].parts or {}
    parts = node.fields([*trace, *HOP_ROLES, *PACKET_ROLES, "some"])
    if not parts:
        raise node.refuse("suite-expects-nothing", f"{node.what}: an empty object expects nothing", "name a field")
    fields: Fields = {}
    some: list[Expectation] = []
    for key, part in parts.items():
        if key == "some":
            some += read_some(part, named, depth + 1)
        elif key in trace:
            _read_fields(part, TRACE, (key,), trace[key], fields)
        else:
            _read_role(part, key, known[key], fields)
    for each in some:
        if each.some:
            raise node.refuse("suite-nested-some", "some: inside some:", "list them beside one another")
    return fields, tuple(some)


def read_some(node: Node, named: Named, depth: int = 0) -> tuple[Expectation, ...]:
    """Each of which holds on some branch."""
    items = node.one_or_more()
    if not items:
        raise node.refuse("suite-empty-list", "some: an empty list expects nothing", "name an expectation")
    return tuple(read_expectation(each, named, depth) for each in items)


def _read_role(node: Node, role: str, field: Field, fields: Fields) -> None:
    if node.data == BYPASSED or node.data is None:
        if role in ("any_hop", "every_hop", *PACKET_ROLES):
            raise node.refuse("suite-no-role", f"{role} cannot be bypassed", "say client: bypassed, or server:")
        fields[role, ()] = Expected(role, (), Presence(False, "bypassed"), node.place)
    elif node.data == {}:
        fields[role, ()] = Expected(role, (), Presence(True, "present"), node.place)
    elif not isinstance(node.data, dict):
        raise node.wrong("an object of its fields, or bypassed")
    else:
        _read_fields(node, role, (), field, fields)


def _read_fields(node: Node, role: str, path: tuple[str, ...], field: Field, fields: Fields) -> None:
    parted = field.parts is not None or field.free
    if not (parted and isinstance(node.data, dict) and set(node.data) != {"not"}):
        if parted and not (node.data is None or node.data == [] or isinstance(node.data, dict)):
            raise node.wrong("an object" + (f" with {names(field.parts)}" if field.parts else ""))
        want = read_want(node, Field(a_list=field.a_list) if parted else field)
        fields[role, path] = Expected(role, path, want, node.place)
        return
    entries = node.fields(field.parts) if field.parts is not None else node.entries()
    if not entries:
        raise node.refuse("suite-expects-nothing", f"{node.what}: an empty object expects nothing", "name a field")
    for key, part in entries.items():
        below = field.below(key)
        assert below is not None
        _read_fields(part, role, (*path, key.lower() if field.free else key), below, fields)
