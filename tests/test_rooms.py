"""The house rules that no linter knows: complete tables, every reason with its sentence, small files."""

from __future__ import annotations

import pkgutil
import string
from importlib import import_module
from pathlib import Path

import pytest

import meshsim
from meshsim.reasons import REASONS
from meshsim.render.words import WORDS
from meshsim.stages import STAGES
from meshsim.stages.stage import Stage
from meshsim.states import Ended, State

SOURCE = Path(meshsim.__file__).parent
NOT_STAGES = {"stage"}


def test_no_stage_file_is_missing_from_the_table() -> None:
    package = import_module("meshsim.stages")
    files = {module.name for module in pkgutil.iter_modules(package.__path__)}
    named = {
        name: value
        for name in files
        if isinstance(value := getattr(import_module(f"meshsim.stages.{name}"), "STAGE", None), Stage)
    }
    helpers = files - set(named)
    assert all(not hasattr(import_module(f"meshsim.stages.{name}"), "decide") for name in helpers)
    assert {stage.name for stage in named.values()} == {stage.name for stage in STAGES.values()}


def test_every_state_but_the_end_has_its_stage() -> None:
    states = set(State.__args__)
    assert set(STAGES) == states - {Ended}


@pytest.mark.parametrize("code", sorted(REASONS))
def test_each_reason_has_a_sentence_made_of_its_facts(code: str) -> None:
    used = {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(WORDS[code]) if name}
    assert used <= set(REASONS[code]), f"{code} speaks of {used - set(REASONS[code])}"


def test_each_reason_is_given_by_somebody() -> None:
    rooms = [file for file in SOURCE.rglob("*.py") if not {"reasons", "words"} & set(file.parts)]
    written = "".join(file.read_text(encoding="utf-8") for file in rooms)
    assert [code for code in REASONS if f'"{code}"' not in written] == []


def test_no_sentence_without_a_reason() -> None:
    assert set(WORDS) == set(REASONS)


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_each_file_says_what_it_is_for_and_can_be_read_in_one_sitting(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.lstrip().startswith(('"""', 'r"""')), "no module docstring"
    assert len(text.splitlines()) <= 420, "too long for one sitting"
    assert "TYPE_CHECKING" not in text
