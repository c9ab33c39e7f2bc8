"""--batch: one call document a line in, one trace document a line out, in order; a bad line spoils only itself."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ..api import Mesh
from ..errors import Bug, InputError, MeshsimError
from ..facts.call import read_call
from ..render.json import document
from .answer import check_picks, open_mesh
from .exit_codes import ASSUMED, DEFECT, DONE, FAILED
from .expect import Expectation

STDIN = "-"


@frozen
class _Settings:
    mesh: Mesh
    expectations: Sequence[Expectation]
    strict: bool
    depth: int
    show_secrets: bool


def answer_batch(flags: Namespace, expectations: Sequence[Expectation]) -> int:
    """All lines of the file; the worst exit code. A defect outweighs a bad line, that an assumption under --strict."""
    file: str = flags.batch
    settings = _Settings(open_mesh(flags), expectations, flags.strict, min(flags.verbose, 2), flags.show_secrets)
    if file == STDIN:
        return _run(sys.stdin.buffer, settings)
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  closed below, so that only opening is judged here
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file name"
        raise InputError("cannot-read-batch", f"--batch {file}: {why}", hint="a file of call documents, or -") from None
    with stream:
        return _run(stream, settings)


def _run(lines: Iterable[bytes], settings: _Settings) -> int:
    codes = {DONE}
    for number, line in enumerate(lines, 1):
        if line.strip():
            code, answer = _answer(line, number, settings)
            codes.add(code)
            # a program at the other end may wait for each answer before it asks again
            print(json.dumps(answer), flush=True)
    return next(code for code in (DEFECT, FAILED, ASSUMED, DONE) if code in codes)


def _answer(line: bytes, number: int, settings: _Settings) -> tuple[int, dict[str, Any]]:
    """(exit code, document) of one line."""
    identity = None
    try:
        given = _read(line)
        if isinstance(given, dict):
            identity = given.get("id")
        call = read_call(given)
        trace = settings.mesh.trace(call, strict=settings.strict)
        report = trace.report(decisions=settings.depth > 0)
        check_picks(call, [choice.site for choice in report.choices])
        answer = document(report, show_secrets=settings.show_secrets, depth=settings.depth)
        code = ASSUMED if settings.strict and report.assumptions else DONE
        if settings.expectations:
            true = document(report, show_secrets=True, depth=settings.depth)
            for expectation in settings.expectations:
                if not expectation.holds(true):
                    print(f"meshsim: line {number}: {expectation.failure(answer)}", file=sys.stderr)
                    code = FAILED
        return code, answer
    except (MeshsimError, RecursionError) as error:
        if isinstance(error, Bug):
            return DEFECT, _error(identity, number, f"a defect of meshsim: {error.message}")
        if isinstance(error, RecursionError):
            return FAILED, _error(identity, number, "nested too deeply")
        return FAILED, _error(identity, number, f"{error} ({error.hint})" if error.hint else str(error))
    except Exception as error:  # noqa: BLE001  the rest of the batch is still done; the exit code tells
        return DEFECT, _error(identity, number, f"a defect of meshsim: {type(error).__name__}: {error}")


def _error(identity: Any, number: int, message: str) -> dict[str, Any]:
    return {"id": identity, "error": f"line {number}: {message}"}


def _read(line: bytes) -> Any:
    """The line's JSON, strictly: UTF-8, no key twice, no NaN."""
    try:
        return json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InputError("batch-not-utf8", f"not UTF-8 at byte {error.start}", hint="write it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise InputError(
            "batch-not-json", f"not JSON at column {error.colno}: {error.msg}", hint="one call document a line"
        ) from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise InputError("batch-not-json", "a number of thousands of digits", hint="write a smaller one") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise InputError("batch-key-twice", f"the key {key!r} stands there twice", hint="keep one of them")
        made[key] = value
    return made


def _no_constant(name: str) -> Any:
    raise InputError("batch-not-json", f"{name} is no JSON number", hint="write a number, or null")
