"""The tables of `meshsim lint` are complete: each code has its check, its words and its facts."""

from __future__ import annotations

import pkgutil
import string
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from meshsim.findings import RULES, SEVERITIES
from meshsim.lint import configuration, suites
from meshsim.lint.check import Check
from meshsim.render.words.findings import FINDINGS

TABLES = ((configuration, configuration.CHECKS), (suites, (*suites.CHECKS, *suites.ACROSS)))


@pytest.mark.parametrize(("room", "checks"), TABLES, ids=["configuration", "suites"])
def test_no_check_file_is_missing_from_the_table(room: ModuleType, checks: tuple[Check[Any], ...]) -> None:
    files = [f"{room.__name__}.{module.name}" for module in pkgutil.iter_modules(room.__path__)]
    made = [getattr(import_module(file), name, None) for file in files for name in ("CHECK", "ACROSS")]
    assert {id(check) for check in made if isinstance(check, Check)} == set(map(id, checks))


def test_each_code_is_found_by_one_check() -> None:
    codes = [code for _room, checks in TABLES for check in checks for code in check.codes]
    assert sorted((*codes, *suites.OWN_CODES)) == list(RULES)


def test_each_code_has_its_words() -> None:
    assert set(FINDINGS) == set(RULES)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert list(RULES) == sorted(RULES)


@pytest.mark.parametrize("code", RULES)
def test_a_sentence_is_made_of_the_facts_of_its_rule(code: str) -> None:
    words, rule = FINDINGS[code], RULES[code]
    used = {name.split("[")[0] for _, name, _, _ in string.Formatter().parse(words.sentence) if name}
    assert used <= {"kind", "name", *rule.facts}
    assert rule.severity in SEVERITIES
    assert words.sentence[0].islower() or words.sentence.startswith(("{", "HTTP", "Envoy"))
    assert not words.sentence.endswith(".") and not words.remedy.endswith(".") and words.meaning.endswith(".")
