"""What several suites share: the files under `use:`, with calls, meshes and expectations by name."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import define, field

from ..config.documents import exists
from ..errors import InputError
from .expectation import Named
from .model import MeshSpec
from .source import Node, nearest, read_node, used_variables

SHARED_KEYS = ("calls", "meshes", "expect")
MESH_KEYS = ("config", "istio_iptables", "outbound_policy")
POLICIES = ("ALLOW_ANY", "REGISTRY_ONLY")


@define(eq=False)
class Shared:
    """The names a suite can use. A name has one meaning."""

    calls: dict[str, Node] = field(factory=dict)
    meshes: dict[str, Node] = field(factory=dict)
    expectations: Named = field(factory=Named)
    files: list[str] = field(factory=list)

    def take(self, what: str, node: Node) -> None:
        """The names below `calls:`, `meshes:` or `expect:`."""
        table = {"calls": self.calls, "meshes": self.meshes, "expect": self.expectations.nodes}[what]
        for name, part in node.entries().items():
            if name in table:
                raise part.refuse(
                    "suite-duplicate-name",
                    f"{what}: {name!r} is named twice (before: {table[name].place})",
                    "rename one",
                )
            unfilled = next(used_variables(part.data), None)
            if unfilled is not None:
                raise part.refuse(
                    "suite-no-variable", f"{what}: ${{{unfilled}}} is never filled here", "for: fills its own test only"
                )
            table[name] = part


def read_shared(uses: Node | None) -> Shared:
    shared = Shared()
    for item in uses.one_or_more() if uses is not None else []:
        path, name = beside(item)
        if name in shared.files:
            raise item.refuse("suite-duplicate-name", f"{item.data} is used twice", "name it once")
        try:
            node = read_node(path, name)
        except InputError as error:
            if error.reference != "no-such-file":
                raise
            raise item.refuse(
                "no-such-file", f"no such file: {item.data}", "the path is relative to this file"
            ) from None
        shared.files.append(name)
        if isinstance(node.data, dict) and "meshsim" in node.data:
            raise item.refuse(
                "suite-used",
                f"{item.data} is a suite itself",
                "a used file has calls:, meshes: and expect:, no meshsim:",
            )
        for what, part in node.fields(SHARED_KEYS).items():
            shared.take(what, part)
    return shared


def beside(node: Node) -> tuple[Path, str]:
    """A path that is relative to the file it is written in: (path, how messages name it)."""
    path = Path(os.path.normpath(node.source.path.parent / node.text()))
    return path, str(path)


def mesh_named(name: Node, shared: Shared) -> MeshSpec:
    node = shared.meshes.get(name.text())
    if node is None:
        known = shared.meshes
        hint = nearest(name.text(), known) or (
            "meshes: " + ", ".join(known) if known else "meshes stand in a file named under use:, or say config:"
        )
        raise name.refuse("suite-no-mesh", f"no mesh is named {name.data!r}", hint)
    if not isinstance(node.data, dict):
        return mesh_of(name.text(), node)
    parts = node.fields(MESH_KEYS)
    if "config" in parts and "outbound_policy" in parts:
        raise parts["outbound_policy"].refuse(
            "suite-policy-of-config", "the policy stands in your configuration", "outbound_policy is the demo mesh's"
        )
    flags = tuple(item.text() for item in parts["istio_iptables"].one_or_more()) if "istio_iptables" in parts else ()
    policy = parts["outbound_policy"].text() if "outbound_policy" in parts else POLICIES[0]
    if policy not in POLICIES:
        raise parts["outbound_policy"].refuse(
            "suite-impossible-value", f"no policy {policy!r}", nearest(policy, POLICIES) or " or ".join(POLICIES)
        )
    paths = mesh_of("", parts["config"]).paths if "config" in parts else ()
    return MeshSpec(name.text(), paths, flags, policy)


def mesh_of(name: str, node: Node) -> MeshSpec:
    """`config:`: a path or several, `POD=PATH` among them."""
    paths = []
    for item in node.one_or_more():
        pod, equals, path_text = item.text().partition("=")
        whole, _ = beside(item)
        if equals and path_text and not exists(str(whole)):
            path, prefix = beside(item.with_data(path_text))[0], f"{pod}="
        else:
            path, prefix = whole, ""
        if not exists(str(path)):
            raise item.refuse("no-such-file", f"no such file or folder: {item.data}", f"looked for {path}")
        paths.append(f"{prefix}{path}")
    if not paths:
        what = f"mesh {name}" if name else "config:"
        remedy = "name one, or leave it out: without config: or mesh: a suite asks the demo mesh"
        raise node.refuse("suite-empty-list", f"{what} names no file", remedy)
    return MeshSpec(name, tuple(paths))
