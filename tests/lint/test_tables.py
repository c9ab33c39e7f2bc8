"""The tables of `meshsim lint` are complete: each code has its check, its words and its facts."""

from __future__ import annotations

import pkgutil
import string
from importlib import import_module

import pytest

from meshsim.findings import RULES, SEVERITIES
from meshsim.lint import configuration
from meshsim.lint.check import Check
from meshsim.render.words.findings import FINDINGS

CHECKS = configuration.CHECKS


def test_no_check_file_is_missing_from_the_table() -> None:
    files = [f"{configuration.__name__}.{module.name}" for module in pkgutil.iter_modules(configuration.__path__)]
    made = [getattr(import_module(file), "CHECK", None) for file in files]
    assert {id(check) for check in made if isinstance(check, Check)} == set(map(id, CHECKS))


def test_each_code_is_found_by_one_check() -> None:
    codes = [code for check in CHECKS for code in check.codes]
    assert sorted(codes) == sorted(code for code in RULES if code.startswith("MS1"))


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
