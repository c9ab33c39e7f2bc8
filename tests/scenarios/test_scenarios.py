"""Every suite under scenarios/ passes, is what the schema describes, and says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from meshsim.cli.test import main
from meshsim.schema import schema
from meshsim.suite.source import read_node
from tests.scenarios.library import FILES, FOLDER, results
from tests.suite_files import demo_meshes


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


def test_the_command_runs_the_whole_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(FOLDER)]) == 0
