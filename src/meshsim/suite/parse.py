"""A suite file, read into a Suite: the first key, the meshes, the tests, the guards, the floors of coverage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from ..findings import RULES
from .calls import Stated, stated
from .expectation import read_expectation
from .model import Accepted, Case, Floor, Guard, MeshSpec, Suite
from .shared import Shared, mesh_named, mesh_of, read_shared
from .shares import percent
from .source import VERSION, Node, kind_of, nearest, read_node
from .tests import Context, read_access, read_tags, read_test
from .wants import shown

SUITE_KEYS = (
    "meshsim",
    "suite",
    "why",
    "config",
    "mesh",
    "use",
    "strict",
    "tags",
    "defaults",
    "calls",
    "expect",
    "tests",
    "access",
    "never",
    "coverage",
    "lint",
)
MOST_STARS = 3
"""In the name of a finding that is accepted."""
GUARD_EXTRAS = ("except_tags", "why", "id")


def load(path: str | Path, name: str = "") -> Suite:
    """Read a suite. InputError names the file, the line and column, and the nearest valid name."""
    real = Path(path)
    node = read_node(real, name or str(path))
    if not isinstance(node.data, dict) or next(iter(node.data), None) != "meshsim":
        raise node.refuse("not-a-suite", "this is no suite", "a suite's first key is meshsim: 1")
    parts = node.fields(SUITE_KEYS)
    if parts["meshsim"].data != VERSION or isinstance(parts["meshsim"].data, bool):
        raise parts["meshsim"].refuse("suite-version", f"no version {shown(parts['meshsim'].data)}", "write meshsim: 1")
    shared = read_shared(parts.get("use"))
    for what in ("calls", "expect"):
        if what in parts:
            shared.take(what, parts[what])
    context = Context(
        shared=shared,
        defaults=_defaults(parts["defaults"]) if "defaults" in parts else {},
        meshes=_meshes(node, parts, shared),
        tags=read_tags(parts["tags"]) if "tags" in parts else (),
    )
    for what in ("suite", "why"):
        if what in parts:
            parts[what].text()
    cases = tuple(_cases(parts, context))
    if not cases:
        raise node.refuse("suite-without-tests", "the suite has no test", "add one under tests:")
    strict = parts["strict"].data if "strict" in parts else False
    if not isinstance(strict, bool):
        raise parts["strict"].wrong("true or false")
    return Suite(
        name=parts["suite"].text() if "suite" in parts else real.stem,
        file=node.source.name,
        path=real,
        cases=cases,
        guards=tuple(_guards(parts["never"], shared)) if "never" in parts else (),
        strict=strict,
        coverage=tuple(_floors(parts["coverage"])) if "coverage" in parts else (),
        files=(node.source.name, *shared.files),
        accepted=tuple(_accepted(parts["lint"])) if "lint" in parts else (),
        tests={case.key: case.place for case in reversed(cases)},
    )


def _defaults(node: Node) -> Stated:
    if not isinstance(node.data, dict):
        raise node.wrong("an object of call fields")
    return stated(node, {})


def _meshes(node: Node, parts: dict[str, Node], shared: Shared) -> tuple[MeshSpec, ...]:
    if "config" in parts and "mesh" in parts:
        raise parts["mesh"].refuse("suite-two-meshes", "config: and mesh: in one suite", "give one of them")
    if "config" in parts:
        return (mesh_of("", parts["config"]),)
    if "mesh" not in parts:
        return (MeshSpec("", ()),)
    names = parts["mesh"].one_or_more()
    made = tuple(mesh_named(name, shared) for name in names)
    if not made:
        raise parts["mesh"].refuse("suite-empty-list", "mesh: names none", "name one")
    if len({mesh.name for mesh in made}) < len(made):
        raise parts["mesh"].refuse("suite-duplicate-name", "mesh: names one twice", "name it once")
    return made


def _cases(parts: dict[str, Node], context: Context) -> Iterator[Case]:
    taken: dict[tuple[str, str], Case] = {}
    for case in _all_cases(parts, context):
        before = taken.setdefault((case.id, case.mesh.name), case)
        if before is not case:
            raise InputError(
                "suite-duplicate-name",
                f"the id {case.id} is made twice (before: {before.place})",
                place=case.place,
                hint="rename one of the two",
            )
        yield case


def _all_cases(parts: dict[str, Node], context: Context) -> Iterator[Case]:
    if "tests" in parts:
        for key, test in parts["tests"].entries().items():
            yield from read_test(test, key, context)
    if "access" in parts:
        for number, matrix in enumerate(parts["access"].one_or_more()):
            yield from read_access(matrix, number, context)


def _guards(node: Node, shared: Shared) -> Iterator[Guard]:
    for item in node.items():
        if not isinstance(item.data, dict):
            raise item.wrong("an object of what must never be")
        extras = {key: item.child(key) for key in GUARD_EXTRAS if key in item.data}
        rest = item.with_data({key: value for key, value in item.data.items() if key not in GUARD_EXTRAS})
        expectation = read_expectation(rest, shared.expectations)
        if expectation.some:
            raise item.refuse("suite-guard", "never: is about each branch by itself", "drop some:")
        yield Guard(
            expectation=expectation,
            except_tags=frozenset(read_tags(extras["except_tags"])) if "except_tags" in extras else frozenset(),
            name=extras["id"].text() if "id" in extras else _written(rest.data),
            why=extras["why"].text() if "why" in extras else "",
            place=item.place,
        )


def _written(data: object) -> str:
    """As the suite writes it, on one line."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {_written(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(_written, data)) + "]"
    return shown(data)


def _accepted(node: Node) -> Iterator[Accepted]:
    """`CODE: why`, or `CODE: {NAME: why}`."""
    for code, part in node.entries().items():
        if code not in RULES:
            hint = nearest(code, RULES) or "meshsim lint --rules lists them"
            raise part.refuse("suite-no-code", f"lint: no code {code!r}", hint)
        if isinstance(part.data, dict):
            for name, why in part.entries().items():
                if name.count("*") > MOST_STARS:
                    raise why.refuse("suite-too-large", f"lint: {name!r} has many stars", f"at most {MOST_STARS}")
                yield Accepted(code, name, why.text(), why.place)
        else:
            yield Accepted(code, "*", part.text(), part.place)


def _floors(node: Node) -> Iterator[Floor]:
    for name, part in node.entries().items():
        if "/" not in name:
            raise part.refuse("suite-coverage", f"coverage: {name!r} is not KIND/NAME", "such as virtual-host/NAME")
        for what, share in part.entries().items():
            if not isinstance(share.data, str):
                raise share.refuse("suite-bad-share", f"{what} is {kind_of(share.data)}, not a share", "such as 100 %")
            yield Floor(name, what, percent(share)[0], share.place)
