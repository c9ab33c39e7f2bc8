"""scenarios/refused-listener: what Envoy refused by its dump it refuses, in the same words, and the trace says so."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import meshsim
from tests.realism import dump_sections
from tests.realism.prerequisites import envoy_binary
from tests.scenarios.library import FOLDER, suite

DUMP = FOLDER / "refused-listener" / "dump.yaml"
ENTRIES = yaml.safe_load(DUMP.read_text("utf-8"))["configs"][0]["dynamic_listeners"]
REFUSALS = [entry["error_state"] for entry in ENTRIES if "error_state" in entry]


def _validated(listener: dict[str, Any], folder: Path) -> str:
    text = json.dumps({"static_resources": {"listeners": [_without_discovery(listener)]}})
    (folder / "bootstrap.json").write_text(text)
    command = [str(envoy_binary()), "--mode", "validate", "-c", str(folder / "bootstrap.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stderr


def _without_discovery(listener: dict[str, Any]) -> dict[str, Any]:
    copy = {key: value for key, value in dump_sections.current(listener).items() if key != "@type"}
    for each in copy["default_filter_chain"]["filters"]:
        each["typed_config"]["route_config"] = {"name": each["typed_config"].pop("rds")["route_config_name"]}
    return copy


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy to run")
@pytest.mark.parametrize("refusal", REFUSALS[1:], ids=lambda refusal: refusal["failed_configuration"]["name"])
def test_the_real_envoy_refuses_it_in_the_same_words(refusal: dict[str, Any], tmp_path: Path) -> None:
    assert refusal["details"] in _validated(refusal["failed_configuration"], tmp_path)


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy to run")
def test_the_real_envoy_takes_what_serves(tmp_path: Path) -> None:
    assert "Error" not in _validated(ENTRIES[0]["active_state"]["listener"], tmp_path)


def test_the_trace_says_what_was_refused_and_why() -> None:
    cases = suite(Path("refused-listener/suite.yaml")).cases
    mesh = meshsim.load(*cases[0].mesh.paths)
    old, new = (mesh.trace(case.call) for case in cases)
    assert [update.fact("error") for update in old.hops[0].rejected_updates] == [REFUSALS[0]["details"]]
    assert any(decision.reason.code == "listener.none-rejected" for decision in new.explain())
