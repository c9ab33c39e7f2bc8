"""One changed line of a scenario's configuration turns its suite red, and the decision it changed is named.

`scenarios/NAME/mutations.yaml` is a list; each entry:

    file: routes.yaml            # relative to the folder; it holds `replace` exactly once
    replace: "domains: [a]"
    by: "domains: [b]"
    suite: suite.yaml            # the suite that must turn red (suite.yaml if absent)
    red: host-a                  # a test of it, as it is written, that fails
    decision: vhost              # the stage whose decision the difference shows; `shares` where only they differ
    names: host-a:80             # what the printed difference says of it
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsim.render.options import Options
from meshsim.render.suite_text import suite_text
from meshsim.suite_results import Results
from tests.scenarios.library import FILES, FOLDER, results

TABLES = sorted(FOLDER.glob("*/mutations.yaml"))
KEYS = {"file", "replace", "by", "suite", "red", "decision", "names"}


def _entries() -> list[Any]:
    found = []
    for table in TABLES:
        for number, entry in enumerate(yaml.safe_load(table.read_text("utf-8")), 1):
            found.append(pytest.param(table.parent.name, entry, id=f"{table.parent.name}-{number}"))
    return found


def test_every_scenario_has_a_table() -> None:
    folders = {FOLDER / file.parts[0] for file in FILES if len(file.parts) > 1}
    assert folders - {table.parent for table in TABLES} == set()


@pytest.mark.parametrize(("folder", "mutation"), _entries())
def test_it_turns_the_suite_red(folder: str, mutation: dict[str, Any], tmp_path: Path) -> None:
    assert set(mutation) <= KEYS
    copy = tmp_path / "scenarios"
    shutil.copytree(FOLDER, copy)
    changed = copy / folder / mutation["file"]
    text = changed.read_text("utf-8")
    assert text.count(mutation["replace"]) == 1
    changed.write_text(text.replace(mutation["replace"], mutation["by"]), "utf-8")
    found = results(Path(folder, mutation.get("suite", "suite.yaml")), copy)
    assert not found.problems
    red = [case for case in found.failed if case.id.partition("[")[0] == mutation["red"]]
    assert red
    stages = {
        failure.parting.decision.stage if failure.parting is not None else failure.kind
        for case in red
        for failure in case.failures
    }
    assert mutation["decision"] in stages
    assert str(mutation["names"]) in suite_text(Results(red), Options())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.parent.name)
def test_each_configuration_of_the_folder_is_mutated(table: Path) -> None:
    about = {"mutations.yaml", "live.yaml"} | {file.name for file in FILES if file.parts[0] == table.parent.name}
    mutated = {entry["file"] for entry in yaml.safe_load(table.read_text("utf-8"))}
    assert {path.name for path in table.parent.iterdir()} - about - mutated == set()
