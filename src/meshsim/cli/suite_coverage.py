"""`--cov`, `--cov-report`, `--cov-combine`, `--fail-under`: coverage measured, combined, written, judged."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from fractions import Fraction

from attrs import evolve

from ..config.documents import read_text
from ..errors import InputError
from ..render.coverage_json import read_coverage
from ..render.coverage_reports import coverage_report, read_report
from ..render.coverage_text import shortfall_text
from ..suite.coverage import coverage
from ..suite.model import Suite
from ..suite.run import Meshes
from ..suite_coverage import Coverage, combined, percent_text, read_share
from ..suite_results import Results
from .answer import stdout_options
from .suite_reports import write_file


def report(text: str) -> tuple[str, str]:
    """TYPE or TYPE:FILE."""
    try:
        return read_report(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def share(text: str) -> Fraction:
    try:
        return read_share(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def wanted(flags: Namespace) -> bool:
    return bool(flags.cov or flags.cov_report or flags.cov_combine or flags.fail_under is not None)


def measured(suites: Sequence[Suite], results: Results) -> Coverage:
    """Against meshes of its own: those that judged may live in other processes."""
    return coverage(suites, results, Meshes())


def read_parts(files: Sequence[str]) -> Coverage:
    parts = []
    for file in files:
        try:
            document = json.loads(read_text(file).text())
        except (ValueError, RecursionError):
            raise InputError(
                "not-coverage", f"{file}: no JSON", hint="name what --cov-report json:FILE wrote"
            ) from None
        parts.append(read_coverage(document, file))
    return combined(parts)


def write_coverage(found: Coverage, flags: Namespace, *, whole: bool) -> bool:
    """Whether it is enough."""
    judged = found if whole else evolve(found, floors=())
    options = stdout_options(min(flags.verbose, 2), show_secrets=flags.show_secrets)
    default = [] if flags.json or not wanted(flags) else [("text", "-")]
    for kind, file in flags.cov_report or default:
        held = found if kind == "json" else judged
        text = coverage_report(kind, held, options, to_file=file != "-")
        if file == "-":
            sys.stdout.write(text)
        else:
            write_file("--cov-report", file, text)
    enough = not judged.shortfalls
    if ("text", "-") not in (flags.cov_report or default):
        sys.stderr.writelines(shortfall_text(short) + "\n" for short in judged.shortfalls)
    if flags.fail_under is not None and (judged.share is None or judged.share < flags.fail_under):
        got, floor = percent_text(judged.share), percent_text(flags.fail_under)
        print(f"meshsim: coverage {got} is below --fail-under {floor}", file=sys.stderr)
        return False
    return enough
