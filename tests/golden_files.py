"""Golden texts: what is written there is what users see; `--update-golden` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str, request: pytest.FixtureRequest) -> None:
    """The text equals the golden file of that name; with --update-golden the file is rewritten."""
    file = FOLDER / name
    if request.config.getoption("--update-golden", default=False):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return
    assert file.exists(), f"{name} is not there: run with --update-golden and read what it wrote"
    assert text == file.read_text(encoding="utf-8")
