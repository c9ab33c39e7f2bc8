"""The scenario library as its tests see it: where it is, which suites it has, what one of them comes to."""

from __future__ import annotations

from pathlib import Path

from meshsim.suite import Suite, discover, load, run
from meshsim.suite.run import Meshes, Settings
from meshsim.suite_results import Results
from tests.suite_files import TODAY

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"
FILES = [Path(file).relative_to(FOLDER) for file in discover([str(FOLDER)])]


def suite(file: Path, folder: Path = FOLDER) -> Suite:
    return load(folder / file, str(file))


def results(file: Path, folder: Path = FOLDER, meshes: Meshes | None = None) -> Results:
    return run([suite(file, folder)], Settings(TODAY), meshes=meshes or Meshes())
