"""`tests:` and `access:` become cases: variables filled in, lists multiplied out, matrices taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from typing import Any

from attrs import evolve, frozen

from ..errors import InputError
from ..facts.call import read_call
from .calls import Stated, attribute, call_fields, laid_over, stated
from .expectation import read_expectation, read_some
from .model import Case, Expectation, KnownGap, MeshSpec
from .shared import Shared
from .shares import read_shares
from .source import Node, as_text, fill, nearest, used_variables

TEST_KEYS = ("why", "call", "for", "expect", "some", "shares", "tags", "known_gap")
ACCESS_KEYS = ("id", "why", "call", "rows", "columns", "expect", "tags")
GAP_KEYS = ("why", "until")
MOST_CASES = 100_000
"""Of one test, multiplied out."""


@frozen(eq=False)
class Context:
    """What every case of a suite starts from."""

    shared: Shared
    defaults: Stated
    meshes: tuple[MeshSpec, ...]
    tags: tuple[str, ...] = ()

    def on_each_mesh(self, case: Case) -> Iterator[Case]:
        for mesh in self.meshes:
            yield case if case.mesh is mesh else evolve(case, mesh=mesh)


def read_test(node: Node, key: str, context: Context) -> Iterator[Case]:
    """Every case of one test."""
    node = Node(node.source, node.data, node.path, f"test {key}")
    parts = node.fields(TEST_KEYS)
    if "call" not in parts:
        raise node.refuse("suite-no-call", f"test {key} has no call", "such as call: http://reviews:9080/")
    if not parts.keys() & {"expect", "some", "shares"}:
        raise node.refuse("suite-expects-nothing", f"test {key} expects nothing", "say expect:, some: or shares:")
    values = _variables(parts["for"], parts) if "for" in parts else {}
    tags = context.tags + (read_tags(parts["tags"]) if "tags" in parts else ())
    gap = _gap(parts["known_gap"]) if "known_gap" in parts else None
    for combination in product(*values.values()):
        variables = dict(zip(values, combination, strict=True))
        filled = {name: fill(part, variables) for name, part in parts.items() if name != "for"}
        try:
            said = stated(filled["call"], context.shared.calls)
            expectation = _expectation(node, filled, context.shared)
            shares = read_shares(filled["shares"]) if "shares" in filled else ()
        except InputError as error:
            error.note = error.note or (_told(variables) if variables else "")
            raise
        yield from context.on_each_mesh(
            Case(
                id=key + _suffix(combination),
                call=laid_over(context.defaults, said),
                expectation=expectation,
                place=node.place,
                mesh=context.meshes[0],
                shares=shares,
                why=filled["why"].text() if "why" in filled else "",
                tags=tags,
                gap=gap,
                pins=(*said.get("choices", ()), *said.get("answers", ())),
                key=key,
            )
        )


def _expectation(node: Node, parts: Mapping[str, Node], shared: Shared) -> Expectation:
    fields: Expectation | None = None
    if "expect" in parts:
        fields = read_expectation(parts["expect"], shared.expectations)
    some = read_some(parts["some"], shared.expectations) if "some" in parts else ()
    if fields is None:
        return Expectation((), node.place, some)
    return evolve(fields, some=(*fields.some, *some))


def _variables(node: Node, parts: Mapping[str, Node]) -> dict[str, list[Any]]:
    values = {name: _scalars(part) for name, part in node.entries().items()}
    used = {name for key, part in parts.items() if key != "for" for name in used_variables(part.data)}
    for name, part in node.entries().items():
        if name not in used:
            raise part.refuse("suite-no-variable", f"for: nothing uses ${{{name}}}", nearest(name, used) or "drop it")
    _bounded(node, [len(each) for each in values.values()])
    return values


def _scalars(node: Node) -> list[Any]:
    items = node.items()
    if not items:
        raise node.refuse("suite-empty-list", f"{node.what}: an empty list makes no test", "name at least one value")
    seen: list[Any] = []
    for item in items:
        if isinstance(item.data, dict | list):
            raise item.wrong("a plain value")
        if any(item.data == other and type(item.data) is type(other) for other in seen):
            raise item.refuse("suite-duplicate-name", f"{node.what}: {as_text(item.data)} stands twice", "keep one")
        seen.append(item.data)
    return seen


def _bounded(node: Node, lengths: list[int]) -> None:
    total = 1
    for length in lengths:
        total *= length
    if total > MOST_CASES:
        raise node.refuse("suite-too-large", f"{node.what} makes {total} cases", f"at most {MOST_CASES}")


def _suffix(values: tuple[Any, ...]) -> str:
    return "[" + ",".join(map(as_text, values)) + "]" if values else ""


def _told(variables: Mapping[str, Any]) -> str:
    return "with " + ", ".join(f"{name} = {as_text(value)}" for name, value in variables.items())


def read_tags(node: Node) -> tuple[str, ...]:
    return tuple(item.text() for item in node.one_or_more())


def _gap(node: Node) -> KnownGap:
    parts = node.fields(GAP_KEYS)
    for key in GAP_KEYS:
        if key not in parts:
            raise node.refuse("suite-gap", f"a known gap needs {key}:", "such as {why: istio#26603, until: 2027-01-31}")
    try:
        until = date.fromisoformat(parts["until"].text())
    except ValueError:
        raise parts["until"].refuse(
            "suite-gap", f"until: {parts['until'].data} is no date", "such as 2027-01-31"
        ) from None
    return KnownGap(parts["why"].text(), until, node.place)


def read_access(node: Node, number: int, context: Context) -> Iterator[Case]:
    """Every cell of one matrix."""
    node = Node(node.source, node.data, node.path, "access")
    parts = node.fields(ACCESS_KEYS)
    for key in ("call", "rows", "columns", "expect"):
        if key not in parts:
            raise node.refuse("suite-access", f"an access matrix needs {key}:", "it has call, rows, columns and expect")
    key = parts["id"].text() if "id" in parts else "access" if number == 0 else f"access-{number + 1}"
    rows, columns = _axis(parts["rows"]), _axis(parts["columns"])
    _bounded(node, [len(rows), len(columns)])
    both = rows[0].keys() & columns[0].keys()
    if both:
        raise parts["columns"].refuse("suite-access", f"{sorted(both)[0]} is both row and column", "choose one")
    used = set(used_variables(parts["call"].data)) | set(used_variables(parts["expect"].data))
    for axis in (parts["rows"], parts["columns"]):
        for name, part in axis.entries().items():
            if name not in used and not name.startswith("headers.") and name not in call_fields():
                hint = nearest(name, call_fields()) or f"a field of the call, headers.NAME, or a variable ${{{name}}}"
                raise part.refuse("suite-unknown-key", f"a call has no field {name!r}", hint)
    tags = context.tags + (read_tags(parts["tags"]) if "tags" in parts else ())
    cells = _cells(parts["expect"], rows, columns)
    for row, row_cells in zip(rows, cells, strict=True):
        for column, cell in zip(columns, row_cells, strict=True):
            variables = {**row, **column}
            own = [_own_fields(parts["rows"], row, used), _own_fields(parts["columns"], column, used)]
            said = stated(fill(parts["call"], variables), context.shared.calls)
            yield from context.on_each_mesh(
                Case(
                    id=key + _suffix(tuple(variables.values())),
                    call=laid_over(context.defaults, said, *own),
                    expectation=read_expectation(fill(cell, variables), context.shared.expectations),
                    place=cell.place,
                    mesh=context.meshes[0],
                    why=parts["why"].text() if "why" in parts else "",
                    tags=tags,
                    key=key,
                )
            )


def _axis(node: Node) -> list[dict[str, Any]]:
    values = {name: _scalars(part) for name, part in node.entries().items()}
    if not values:
        raise node.refuse("suite-access", f"{node.what} name no field", "such as rows: {from: [sleep]}")
    _bounded(node, [len(each) for each in values.values()])
    return [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]


def _cells(node: Node, rows: list[dict[str, Any]], columns: list[dict[str, Any]]) -> list[list[Node]]:
    """As many as rows and columns say; what is missing is told by the names of its row and column."""
    written = node.items()
    if len(written) > len(rows):
        raise written[len(rows)].refuse(
            "suite-access", f"expect has {len(written)} rows, rows: {len(rows)}", "drop one"
        )
    cells = []
    for index, row in enumerate(rows):
        if index >= len(written):
            raise node.refuse("suite-access", f"no cells for the row {_told(row)[5:]}", "each row has its list")
        line = written[index]
        items = line.items()
        if len(items) > len(columns):
            raise items[len(columns)].refuse(
                "suite-access", f"{len(items)} cells in a row, columns: {len(columns)}", "drop one"
            )
        for position, column in enumerate(columns):
            if position >= len(items) or items[position].data is None:
                raise line.refuse(
                    "suite-access",
                    f"no cell for {_told(row)[5:]} and {_told(column)[5:]}",
                    "an absent cell is no answer",
                )
        cells.append(items)
    return cells


def _own_fields(axis: Node, values: Mapping[str, Any], used: set[str]) -> Stated:
    """The call's fields among a row's or column's values."""
    own: Stated = {}
    for name, value in values.items():
        header = name.removeprefix("headers.")
        document: dict[str, Any]
        if header != name:
            document, attr = {"headers": {header: value if value is None else as_text(value)}}, "headers"
            if value is None:
                continue
        elif name in call_fields():
            document, attr = {name: value}, attribute(name)
        else:
            assert name in used
            continue
        try:
            read = getattr(read_call(document), attr)
        except InputError as error:
            raise axis.child(name).refuse(error.reference, error.message, error.hint) from None
        own[attr] = {**own.get(attr, {}), **read} if attr == "headers" else read
    return own
