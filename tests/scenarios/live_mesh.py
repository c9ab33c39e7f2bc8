"""A scenario of several pods as a running mesh: for each a namespace, its rules and, where it has a proxy, an Envoy.

Such a suite says `POD=PATH` of each file; a pod's address and applications are those of its host facts. Beside the
words of `tests.scenarios.live`, `live.yaml` may say `capped: {max_connections: 6}`, every cluster's threshold while it
runs, so that a circle ends; and `not_comparable`, fields that a race decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import meshsim
from meshsim.facts.call import read_call
from meshsim.render import json
from meshsim.suite import Suite
from tests.realism import engine, mesh_compare, record
from tests.realism.mesh_stack import MeshSetup, PodSetup, mesh_stack
from tests.realism.upstreams import ServerTls, Upstream
from tests.scenarios.files import Files, read
from tests.scenarios.live import Said, document, upstream

IDENTITY = "spiffe://cluster.local/ns/default/sa/{}"
SECURE = {"https": "http", "tls": "tcp"}


def has_pods(suite: Suite) -> bool:
    return all("=" in path for path in suite.cases[0].mesh.paths)


def differences(suite: Suite, around: Mapping[str, Any]) -> list[Said]:
    """What the real pods say differently of each of the suite's calls; each distinct call is made once."""
    paths = suite.cases[0].mesh.paths
    mesh = meshsim.load(*paths)
    skipped = around.get("skip", {})
    cases = {repr(case.call): case for case in suite.cases if case.key not in skipped}
    calls = [document(mesh, case.call) for case in cases.values()]
    pods = _pods(paths)
    made = [{"from": next(iter(pods)), **call} for call in calls]
    with mesh_stack(_setup(pods, around)) as stack:
        observations = [record.stable(seen) for seen in stack.observe(made)]
        touched = {pod: [*names, *around.get("not_comparable", ())] for pod, names in stack.not_comparable.items()}
    return [
        Said(case.id, _judge(mesh, call, seen, list(stack.setup.pods), touched))
        for case, call, seen in zip(cases.values(), made, observations, strict=True)
    ]


def _judge(
    mesh: meshsim.Mesh,
    call: Mapping[str, Any],
    seen: Mapping[str, Any],
    watched: list[str],
    not_comparable: Mapping[str, list[str]],
) -> list[str]:
    asked = {**call, "source": seen["call"]["source"]}
    trace = engine.document(mesh, asked)
    found = mesh_compare.differences(seen, trace, watched, not_comparable)
    if found and trace["choices"]:
        # Where chance picked, one of the courses is the one that was taken.
        for branch in mesh.branches(read_call(asked), by="endpoint"):
            course = json.document(branch.trace.report(), show_secrets=True)
            if not mesh_compare.differences(seen, course, watched, not_comparable):
                return []
    return found


def _pods(paths: tuple[str, ...]) -> dict[str, Files]:
    texts: dict[str, list[str]] = {}
    for text in paths:
        pod, _, path = text.partition("=")
        texts.setdefault(pod, []).append(Path(path).read_text("utf-8"))
    return {pod: read(mine) for pod, mine in texts.items()}


def _setup(pods: Mapping[str, Files], around: Mapping[str, Any]) -> MeshSetup:
    made = {pod: _pod(pod, files, around.get("capped")) for pod, files in pods.items()}
    return MeshSetup(pods=made, world=[upstream(each) for each in around.get("world", ())])


def _interfaces(files: Files) -> dict[str, str]:
    """Each device's first address with its mask."""
    stated = {"eth0": files.facts.get("addresses"), **files.facts.get("interfaces", {})}
    return {device: addresses[0] for device, addresses in stated.items() if addresses and device != "lo"}


def _pod(name: str, files: Files, capped: Mapping[str, Any] | None) -> PodSetup:
    if capped:
        for cluster in files.tables["cluster"].values():
            cluster["circuit_breakers"] = {"thresholds": [capped]}
    interfaces = _interfaces(files)
    return PodSetup(
        address=interfaces.pop("eth0").partition("/")[0],
        further=interfaces,
        dump=files.dump() if files.bootstrap else None,
        rules=files.rules,
        sockets=[_socket(name, each) for each in files.facts.get("sockets", ())],
        identity=IDENTITY.format(name),
    )


def _socket(pod: str, stated: Mapping[str, Any]) -> Upstream:
    speaks, tls = stated["speaks"], stated.get("tls") or {}
    secure = ServerTls(
        uri_sans=tuple(tls.get("uri_sans", ())),
        dns_sans=tuple(tls.get("dns_sans", ())),
        alpn=tuple(tls.get("alpn", ())),
        client_certificate="required" if tls.get("require_client_certificate") else "none",
    )
    return Upstream(
        stated["listen"],
        SECURE.get(speaks, speaks),
        stated.get("status", 200),
        f"{pod} {stated['listen']}",
        secure if speaks in SECURE else None,
    )
