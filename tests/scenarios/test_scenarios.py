"""Every suite under scenarios/ passes, is what the schema describes, and says what it is for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import meshsim
from meshsim.cli.test import main
from meshsim.schema import schema
from meshsim.suite.source import read_node
from tests.scenarios.library import FILES, FOLDER, results, suite
from tests.scenarios.live import surroundings
from tests.suite_files import demo_meshes

FOLDERS = sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_"))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_it_passes(file: Path) -> None:
    found = results(file, meshes=demo_meshes())
    assert not found.problems
    assert [(case.node, case.failures) for case in found.failed] == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_it_is_what_the_schema_describes(file: Path) -> None:
    assert list(Draft202012Validator(schema("suite")).iter_errors(read_node(FOLDER / file, str(file)).data)) == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_it_opens_with_its_question_and_its_lesson(file: Path) -> None:
    first, second, *_ = (FOLDER / file).read_text("utf-8").splitlines()
    assert first.startswith("# Question: ")
    assert second.startswith("# Lesson: ")


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_is_asked_of_the_real_envoy_or_says_why_not(folder: str) -> None:
    around = surroundings(folder)
    cases = {file: suite(file).cases for file in FILES if file.parts[0] == folder}
    assert Path(folder, "suite.yaml") in cases
    if "nowhere" in around:
        assert len(around["nowhere"].split()) > 1
        return
    skipped = around.get("skip", {})
    assert all(len(why.split()) > 1 for why in skipped.values())
    assert skipped.keys() - {name for own in cases.values() for case in own for name in (case.key, case.id)} == set()
    assert [file for file, own in cases.items() if all({case.key, case.id} & skipped.keys() for case in own)] == []


def test_the_table_of_questions_names_every_folder_once() -> None:
    rows = (FOLDER / "README.md").read_text("utf-8").splitlines()
    named = [target for row in rows for target in re.findall(r"\]\(([\w./-]+)\)", row)]
    assert len(set(named)) == len(named)
    assert {*FOLDERS, "demo-mesh.yaml"} - set(named) == set()


def test_the_command_runs_the_whole_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(FOLDER)]) == 0


@pytest.mark.skipif(find_spec("meshsim.pytest_plugin") is None, reason="meshsim has no pytest plugin here")
def test_plain_pytest_runs_the_whole_library(tmp_path: Path) -> None:
    installed = any(each.value == "meshsim.pytest_plugin" for each in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "meshsim.pytest_plugin"]
    source = str(Path(meshsim.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider", "--rootdir", FOLDER, FOLDER],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    cases = sum(len(suite(file).cases) for file in FILES)
    assert f"{cases} passed" in ran.stdout
