"""`meshsim test --update`: the change is shown, then written; never past a guard."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from ..config.documents import read_text
from ..errors import InputError, MeshsimError
from ..render.page import printable
from ..suite.model import Suite
from ..suite.parse import load
from ..suite.update import edited, plan
from ..suite_results import Results
from .exit_codes import BAD_INPUT, DONE, FAILED


def update(suites: Sequence[Suite], results: Results, because: str) -> int:
    """Exit 1 where something is left for a person, 2 where a suite cannot be used at all."""
    guards = [case for case in results.cases if any(failure.kind == "guard" for failure in case.failures)]
    if guards:
        print(f"meshsim: --update: {guards[0].node} breaks a guard: nothing is written", file=sys.stderr)
        return FAILED
    if results.problems:
        return BAD_INPUT
    edits, left = plan(suites, results.cases)
    texts: dict[str, tuple[str, str]] = {}
    for file in dict.fromkeys(edit.place.doc for edit in edits):
        text = read_text(file).text()
        texts[file] = text, edited(text, [edit for edit in edits if edit.place.doc == file], printable(because))
    for file, (before, after) in texts.items():
        pieces = difflib.unified_diff(before.splitlines(), after.splitlines(), file, file, lineterm="", n=1)
        print("\n".join(pieces))
    _write(texts, suites)
    for each in left:
        where = f" ({each.place})" if each.place is not None else ""
        print(f"meshsim: not written: {each.case} {each.what}: {each.why}{where}", file=sys.stderr)
    return FAILED if left else DONE


def _write(texts: dict[str, tuple[str, str]], suites: Sequence[Suite]) -> None:
    """All files or none: what no longer reads as a suite is put back."""
    try:
        for file, (_before, after) in texts.items():
            Path(file).write_text(after, encoding="utf-8", newline="")
        for suite in suites:
            load(suite.path, suite.file)
    except (OSError, MeshsimError) as error:
        for file, (before, _after) in texts.items():
            Path(file).write_text(before, encoding="utf-8", newline="")
        raise InputError(
            "cannot-update", f"--update: the files are as they were: {error}", hint="change them by hand"
        ) from None
