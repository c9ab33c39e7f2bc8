"""What an import costs stays small: nothing heavy comes along before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import meshsim

SOURCE = Path(meshsim.__file__).resolve().parent.parent


def loaded_by(statement: str) -> set[str]:
    """The modules a fresh Python holds after the statement."""
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import meshsim", {"attrs", "json", "yaml", "re2", "meshsim.api"}),
        ("import meshsim.cli.main", {"attrs", "json", "yaml", "re2", "meshsim.api"}),
        ("import meshsim.api", {"IPython", "meshsim.cli", "meshsim.render.html", "meshsim.render.text"}),
        ("import meshsim.cli.answer", {"IPython", "meshsim.render.html", "importlib.resources", "zipfile"}),
    ],
)
def test_what_is_not_used_is_not_loaded(statement: str, absent: set[str]) -> None:
    loaded = loaded_by(statement)
    assert statement.removeprefix("import ") in loaded
    assert not loaded & absent
