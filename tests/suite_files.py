"""Suites written for one test, and what they come to on the embedded demo mesh."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

from meshsim.errors import InputError
from meshsim.suite import load, run
from meshsim.suite.model import Suite
from meshsim.suite.run import Meshes, Settings
from meshsim.suite_results import CaseResult, Results

TODAY = date(2026, 11, 23)


@cache
def demo_meshes() -> Meshes:
    return Meshes()


def written(folder: Path, text: str, name: str = "suite.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def loaded(folder: Path, text: str) -> Suite:
    return load(written(folder, text), "suite.yaml")


def judged(folder: Path, text: str, **settings: object) -> Results:
    return run([loaded(folder, text)], Settings(TODAY, **settings), meshes=demo_meshes())  # type: ignore[arg-type]


def only(results: Results) -> CaseResult:
    (case,) = results.cases
    return case


def refused(folder: Path, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        loaded(folder, text)
    return caught.value
