"""The `meshsim` command: picks the subcommand, and turns every failure into a message and an exit code.

Imports nothing heavy, so that `meshsim --version` and a usage error answer at once.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

from ..version import __version__
from .exit_codes import BAD_INPUT, DEFECT, DONE, INTERRUPTED
from .usage import UsageError, did_you_mean

COMMANDS = {
    "trace": "where does a call end up, and why",
    "test": "do the calls of scenario suites still go where they should",
    "lint": "what is wrong with a configuration whatever is called",
    "iptables": "which packet rules does Istio write for these flags",
}
"""Subcommand (a module of this package with `main(arguments) -> exit code`) -> what it answers."""


def entry_point(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except UsageError as error:
        _complain(str(error), hint=error.hint)
        return BAD_INPUT
    except BrokenPipeError:
        # the reader has seen enough; stdout must not be flushed again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort, which must not show a traceback
        return _failure(error)


def _run(given: list[str]) -> int:
    if not given:
        raise UsageError("no command given", hint="such as: meshsim trace --dst 10.0.0.5:80")
    name, *rest = given
    if name in ("--version", "-V"):
        print(f"meshsim {__version__}")
        return DONE
    if name in ("--help", "-h", "help"):
        print(_help())
        return DONE
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        hint = did_you_mean(name, [*COMMANDS, "--version", "--help"]) or "commands: " + ", ".join(COMMANDS)
        raise UsageError(f"no {kind} {name!r}", hint=hint)
    command = importlib.import_module(f"{__package__}.{name}")
    code: int = command.main(rest)
    return code


def _help() -> str:
    commands = "\n".join(f"  {name:<10}{what}" for name, what in COMMANDS.items())
    return (
        "usage: meshsim COMMAND …\n\n"
        "where does this request end up, and why not where I meant it to go?\n\n"
        f"commands:\n{commands}\n\n"
        "options:\n  --version, -V   the version\n  --help, -h      this text\n\n"
        "exit codes: 0 done, 1 an expectation failed, 2 bad usage or input,\n"
        "            3 with --strict an assumption was needed, 70 a defect of meshsim\n\n"
        "meshsim COMMAND --help tells more"
    )


def _failure(error: Exception) -> int:
    """The message and exit code of an exception that came out of a command."""
    from ..errors import Bug, MeshsimError

    if os.environ.get("MESHSIM_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, MeshsimError) and not isinstance(error, Bug):
        _complain(str(error), note=error.note, hint=error.hint)
        return error.exit_code
    if isinstance(error, OSError) and error.filename is None:
        _complain(f"cannot read or write: {error.strerror or error}")
        return BAD_INPUT
    what = error.message if isinstance(error, Bug) else f"{type(error).__name__}: {error}"
    _complain(
        f"this is a defect of meshsim {__version__}: {what.splitlines()[0][:300] if what else type(error).__name__}",
        hint="please report it with the command and the files, secrets removed; MESHSIM_DEBUG=1 shows where",
    )
    return DEFECT


def _complain(message: str, *, note: str = "", hint: str = "") -> None:
    lines = [f"meshsim: {message}"]
    if note:
        lines.append(f"  note: {note}")
    if hint:
        lines.append(f"  help: {hint}")
    print("\n".join(lines), file=sys.stderr)
