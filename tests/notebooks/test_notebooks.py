"""Every notebook runs to its end: with its own solutions all checks pass, left as it is each check complains."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import meshsim

pytest.importorskip("ipykernel", reason="nbclient and ipykernel come with the test extra")
pytest.importorskip("nbclient", reason="nbclient and ipykernel come with the test extra")

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent.parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NEEDS_POD = {"02-bookinfo": "productpage"}
SOLUTION = re.compile(r"```python\n(.*?)\n```", re.DOTALL)
SECONDS_A_CELL = 120


@pytest.fixture
def kernel_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncKernelManager:
    """Of a kernel that is this very Python, sees the meshsim under test, and leaves nothing in the user's folders."""
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    folder = tmp_path / "kernels" / "this"
    folder.mkdir(parents=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "this Python",
        "language": "python",
        "env": {"PYTHONPATH": str(Path(meshsim.__file__).resolve().parent.parent)},
    }
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    return AsyncKernelManager(kernel_name="this", kernel_spec_manager=specs)


def read(file: Path) -> NotebookNode:
    pod = NEEDS_POD.get(file.stem)
    if pod is not None and pod not in {known.name for known in meshsim.load_demo().pods}:
        pytest.skip(f"the demo mesh has no pod named {pod}")
    return parse(file)


def parse(file: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())]


def run(notebook: NotebookNode, kernel_manager: AsyncKernelManager, *, allow_errors: bool = False) -> None:
    client = NotebookClient(notebook, km=kernel_manager, timeout=SECONDS_A_CELL, allow_errors=allow_errors)
    client.execute()


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_runs_and_its_solutions_satisfy_its_checks(file: Path, kernel_manager: AsyncKernelManager) -> None:
    notebook = read(file)
    for exercise, solution in zip(tagged(notebook, "exercise"), tagged(notebook, "solution"), strict=True):
        [exercise.source] = SOLUTION.findall(solution.source)
    run(notebook, kernel_manager)
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    answers = [data for data in shown if "text/html" in data]
    assert answers, "no cell shows a trace"
    for data in answers:
        assert data["text/html"].startswith("<div>")
        assert data["text/plain"].split(":")[0].split()[0] in data["text/html"]
        assert "\npath\n" in data["text/plain"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_no_check_passes_before_its_exercise_is_done(file: Path, kernel_manager: AsyncKernelManager) -> None:
    notebook = read(file)
    run(notebook, kernel_manager, allow_errors=True)
    checks = tagged(notebook, "check")
    assert checks
    for cell in notebook.cells:
        errors = [output for output in cell.get("outputs", ()) if output.output_type == "error"]
        assert [error.ename for error in errors] == (["AssertionError"] if cell in checks else [])
        assert all("your turn" in error.evalue for error in errors)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_is_kept_without_outputs(file: Path) -> None:
    notebook = parse(file)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
