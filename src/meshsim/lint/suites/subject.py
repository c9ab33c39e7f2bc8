"""One suite as the checks see it: as it was read, as it is written, and the meshes it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from attrs import define, field, frozen

from ...errors import MeshsimError
from ...findings import Finding, found
from ...mesh import Mesh
from ...suite.model import Case, Expectation, Expected, MeshSpec, Suite, Want
from ...suite.parse import load
from ...suite.run import Meshes
from ...suite.shared import beside
from ...suite.source import Node, read_node


@define(eq=False)
class Subject:
    suite: Suite
    root: Node
    used: Sequence[Node]
    """The files under use:."""
    today: date
    _meshes: Meshes = field(factory=Meshes)
    _pod_addresses: dict[object, frozenset[str]] = field(factory=dict, init=False)

    def mesh(self, spec: MeshSpec) -> Mesh | None:
        """None where it cannot be loaded."""
        try:
            return self._meshes.get(spec)
        except MeshsimError:
            return None

    def pod_addresses(self, spec: MeshSpec) -> frozenset[str]:
        """Of every assignment in a dump with times in it: what is written by hand has none. The demo never changes."""
        if spec.loaded_from not in self._pod_addresses:
            mesh = self.mesh(spec)
            found: set[str] = set()
            for pod in mesh.pods if mesh is not None and not mesh.demo else ():
                if pod.proxy is not None and pod.proxy.last_updated is not None:
                    for view in pod.proxy.document.endpoints.values():
                        _addresses(view.data, found)
            self._pod_addresses[spec.loaded_from] = frozenset(found)
        return self._pod_addresses[spec.loaded_from]

    @property
    def tests(self) -> Iterator[tuple[str, list[Case]]]:
        """Each test and matrix with its cases, those of several meshes and of multiplied lists together."""
        made: dict[str, list[Case]] = {}
        for case in self.suite.cases:
            made.setdefault(case.key, []).append(case)
        yield from made.items()

    def of_test(self, code: str, case: Case, **facts: Any) -> Finding:
        return found(code, "test", case.key, case.place, **facts)


@frozen
class Pin:
    """A plain value that a test expects."""

    case: Case
    expected: Expected | None
    """None: it stands in shares, or in the call."""
    field: str
    value: str


def read(file: str, today: date, meshes: Meshes) -> Subject:
    """InputError where it is no usable suite."""
    suite = load(file)
    root = read_node(suite.path, suite.file)
    used = [read_node(*beside(item)) for item in root.child("use").one_or_more()] if "use" in root.data else []
    return Subject(suite, root, used, today, meshes)


def _addresses(data: Any, found: set[str]) -> None:
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            socket = value.get("socket_address", value.get("socketAddress"))
            if isinstance(socket, dict):
                address, port = socket.get("address"), socket.get("port_value", socket.get("portValue"))
                found.add(f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def expected_of(expectation: Expectation) -> Iterator[Expected]:
    """Its fields, and those below some:."""
    yield from expectation.fields
    for each in expectation.some:
        yield from expected_of(each)


def pins(subject: Subject) -> Iterator[Pin]:
    """Every literal text that some test is held to."""
    for case in subject.suite.cases:
        for expected in expected_of(case.expectation):
            if isinstance(expected.want, Want):
                for value in expected.want.literals:
                    if isinstance(value, str):
                        yield Pin(case, expected, expected.name, value)
        for share in case.shares:
            yield Pin(case, None, share.name.partition("=")[0], share.value)
