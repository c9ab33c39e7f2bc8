"""Every suite under scenarios/ passes, is what the schema describes, and says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from meshsim.schema import schema
from meshsim.suite import discover, load, run
from meshsim.suite.run import Settings
from meshsim.suite.source import read_node
from tests.suite_files import TODAY, demo_meshes

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"
FILES = [Path(file).relative_to(FOLDER) for file in discover([str(FOLDER)])]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_it_passes(file: Path) -> None:
    results = run([load(FOLDER / file, str(file))], Settings(TODAY), meshes=demo_meshes())
    assert not results.problems
    assert [(case.node, case.failures) for case in results.failed] == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_it_is_what_the_schema_describes_and_opens_with_its_question(file: Path) -> None:
    assert list(Draft202012Validator(schema("suite")).iter_errors(read_node(FOLDER / file, str(file)).data)) == []
    assert (FOLDER / file).read_text("utf-8").startswith("# Question: ")
