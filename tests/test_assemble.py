"""What a pod is taken to be where its files do not say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import meshsim
from meshsim.demo import capture_paths

DUMP: dict[str, Any] = json.loads((capture_paths()[0] / "sleep" / "config_dump.json").read_text(encoding="utf-8"))


def without_node(tmp_path: Path, *, listener: str) -> meshsim.Mesh:
    """The demo's dump without its bootstrap, the outbound listener under the given name."""
    configs = [part for part in DUMP["configs"] if not part["@type"].endswith("BootstrapConfigDump")]
    file = tmp_path / "dump.json"
    file.write_text(json.dumps({"configs": configs}).replace("virtualOutbound", listener), encoding="utf-8")
    return meshsim.load(file)


def test_a_partial_dump_of_a_sidecar_is_not_bypassed_for_want_of_a_node(tmp_path: Path) -> None:
    trace = without_node(tmp_path, listener="virtualOutbound").trace(meshsim.Call(destination="10.0.0.5:80"))
    assert trace.hops[0].cluster == "PassthroughCluster"
    assert [reason.code for reason in trace.assumptions] == ["hook.rules-assumed"]


def test_any_other_proxy_without_a_node_has_no_rules(tmp_path: Path) -> None:
    trace = without_node(tmp_path, listener="mine").trace(meshsim.Call(destination="10.0.0.5:80"))
    assert trace.hops == ()
