"""The machine-readable answers of `meshsim test`: JSON, JUnit, SARIF, GitHub annotations."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from ..errors import InputError
from ..render.suite_annotations import github, sarif
from ..render.suite_json import results_document
from ..render.suite_junit import junit
from ..suite_results import Results
from .answer import stdout_options


def write_reports(results: Results, flags: Namespace) -> None:
    """Whatever was asked for beside the page."""
    options = stdout_options(1, show_secrets=flags.show_secrets)
    if flags.junit is not None:
        write_file("--junit", flags.junit, junit(results, options))
    if flags.sarif is not None:
        write_file("--sarif", flags.sarif, json.dumps(sarif(results, options), indent=2) + "\n")
    if flags.json:
        print(json.dumps(results_document(results, options), indent=2))
    if flags.github:
        (sys.stderr if flags.json else sys.stdout).write(github(results, options))


def check_folders(flags: Namespace) -> None:
    """Before a long run: a report that has nowhere to go. InputError names the flag."""
    files = [("--junit", flags.junit), ("--sarif", flags.sarif)]
    files += [("--cov-report", file) for _kind, file in flags.cov_report or () if file != "-"]
    for flag, file in files:
        if file is not None and not Path(file).parent.is_dir():
            raise InputError(
                "cannot-write", f"{flag} {file}: no such folder", hint="name a file in a folder that exists"
            )


def write_file(flag: str, file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError("cannot-write", f"{flag} {file}: {why}", hint="name a file in a folder that exists") from None
