"""A scenario's files as what a real Envoy runs, and its calls as what a real client sends.

`scenarios/NAME/live.yaml` may say what the files do not: `world` and `pod_sockets` (lists of upstreams, in the words of
`tests.realism.upstreams`; by default every port that is dialled answers), `unreachable`, `timeout` (seconds that the
client waits), `skip: {TEST: why}` (or `TEST[CASE]`), or `nowhere: why` where the whole scenario cannot run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

import meshsim
from meshsim.facts.call import Call
from meshsim.render import json
from meshsim.suite import Suite
from meshsim.suite.calls import attribute, call_fields
from tests.realism import engine
from tests.realism.upstreams import ServerTls, Upstream
from tests.scenarios.files import read
from tests.scenarios.library import FOLDER
from tests.truth.judging import judge
from tests.truth.running import observe
from tests.truth.setting import POD, POD_ADDRESS, Setting

ANSWERED = ("response", "data")


@frozen
class Said:
    """What the real side said of one call, against the trace."""

    id: str
    differences: list[str]


def surroundings(folder: str) -> dict[str, Any]:
    path = FOLDER / folder / "live.yaml"
    return dict(yaml.safe_load(path.read_text("utf-8"))) if path.exists() else {}


def differences(suite: Suite, around: Mapping[str, Any]) -> list[Said]:
    """What the real Envoy says differently of each of the suite's calls; each distinct call is made once a mesh."""
    meshes = dict.fromkeys(case.mesh.paths for case in suite.cases)
    return [said for paths in meshes for said in _on_mesh(suite, paths, around)]


def _on_mesh(suite: Suite, paths: tuple[str, ...], around: Mapping[str, Any]) -> list[Said]:
    mesh = meshsim.load(*paths)
    skipped = around.get("skip", {})
    own = [case for case in suite.cases if case.mesh.paths == paths and not {case.key, case.id} & skipped.keys()]
    cases = {repr(case.call): case for case in own}
    calls = [document(mesh, case.call) for case in cases.values()]
    texts = [Path(path).read_text("utf-8") for path in paths]
    waits = {"timeout": around["timeout"]} if "timeout" in around else {}
    setting = _setting(suite.name, texts, [_sent(call) | waits for call in calls], around)
    seen, not_comparable = observe(setting)
    assert len(seen) == len(calls)
    return [
        Said(case.id, _differences(mesh, call, one, not_comparable))
        for case, call, one in zip(cases.values(), calls, seen, strict=True)
    ]


def _differences(
    mesh: meshsim.Mesh, call: Mapping[str, Any], seen: Mapping[str, Any], not_comparable: list[str]
) -> list[str]:
    asked = {**call, "source": seen["call"]["source"]}
    trace = engine.document(mesh, asked)
    pod = next((hop["pod"] for hop in trace["hops"]), POD)
    own = {**seen, "pod": pod, "hops": [{**hop, "pod": pod} for hop in seen["hops"]]}
    if not trace["hops"] and not seen["hops"]:
        # Past the proxy nobody logs: what the client saw is all there is.
        passed = trace["outcome"]["kind"] in ("delivered", "forwarded")
        return [] if passed == (seen["client"]["ended"] in ANSWERED) else [f"the client saw {seen['client']['ended']}"]
    return judge(mesh, own, not_comparable, asked)


def document(mesh: meshsim.Mesh, call: Call) -> dict[str, Any]:
    """Only what the call states, and where it goes."""
    completed = json.document(mesh.trace(call).report(), show_secrets=True)["call"]
    stated = [name for name in call_fields() if getattr(call, attribute(name)) != getattr(Call(), attribute(name))]
    return {name: completed[name] for name in call_fields() if name in stated or name == "destination"}


def _sent(call: Mapping[str, Any]) -> dict[str, Any]:
    inbound = call.get("direction") == "inbound"
    return {**call, "from": "outside" if inbound or call.get("from") == "outside" else POD}


def _setting(name: str, texts: Iterable[str], calls: list[dict[str, Any]], around: Mapping[str, Any]) -> Setting:
    files = read(texts)
    ports = {int(call["destination"].rpartition(":")[2]) for call in calls} | files.endpoint_ports()
    everywhere = [{"listen": f"0.0.0.0:{port}", "speaks": "auto"} for port in sorted(ports)]
    return Setting(
        name=name,
        dump=files.dump(),
        calls=calls,
        rules=files.rules,
        world=[upstream(each) for each in around.get("world", everywhere)],
        pod_sockets=[upstream(each) for each in around.get("pod_sockets", ())],
        unreachable=around.get("unreachable", ()),
    )


def upstream(given: Mapping[str, Any]) -> Upstream:
    tls = given.get("tls")
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in (tls or {}).items()}
    return Upstream(**{**given, "tls": ServerTls(**lists) if tls else None})


assert POD_ADDRESS == "10.93.0.2", "the address that the scenarios' bootstraps name"
