"""The command itself: messages, exit codes, and what it does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from meshsim import __version__
from meshsim.cli import trace
from meshsim.cli.main import entry_point
from meshsim.errors import Bug, InputError, Rejected, Unsupported
from meshsim.place import Place


def raise_in_trace(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def main(_arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(trace, "main", main)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry_point(["--version"]) == 0
    assert capsys.readouterr().out == f"meshsim {__version__}\n"


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry_point(["--help"]) == 0
    assert "trace" in capsys.readouterr().out


def test_help_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        entry_point(["trace", "--help"])
    assert caught.value.code == 0
    assert "--batch" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["trase"], ["--versoin"], ["trace", "--hots", "x"], ["trace"]])
def test_bad_usage_is_2_on_stderr_with_a_remedy(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert entry_point(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("meshsim: ")
    assert "\n  help: " in captured.err


def test_a_misspelt_command_names_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    entry_point(["trase"])
    assert "did you mean trace?" in capsys.readouterr().err


@pytest.mark.parametrize("blame", [InputError, Rejected, Unsupported])
def test_an_error_names_file_place_and_remedy(
    blame: type[InputError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raise_in_trace(monkeypatch, blame("bad-thing", "no such thing", place=Place("dump.json", ("a", 0)), hint="mend it"))
    assert entry_point(["trace"]) == 2
    assert capsys.readouterr().err == "meshsim: dump.json#/a/0: no such thing\n  help: mend it\n"


@pytest.mark.parametrize("error", [Bug("it-broke", "two and two are five"), KeyError("x"), RecursionError()])
def test_a_defect_is_70_and_asks_for_a_report(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MESHSIM_DEBUG", raising=False)
    raise_in_trace(monkeypatch, error)
    assert entry_point(["trace"]) == 70
    captured = capsys.readouterr().err
    assert "defect of meshsim" in captured
    assert "report" in captured
    assert "Traceback" not in captured


def test_a_traceback_only_when_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MESHSIM_DEBUG", "1")
    raise_in_trace(monkeypatch, KeyError("x"))
    assert entry_point(["trace"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    raise_in_trace(monkeypatch, KeyboardInterrupt())
    assert entry_point(["trace"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_failure() -> None:
    """The pipe is closed before the first byte is written."""
    program = (
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); "
        "from meshsim.cli.main import entry_point; sys.exit(entry_point(['--help']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_loads_nothing_heavy() -> None:
    program = (
        "import sys; from meshsim.cli.main import entry_point; entry_point(['--version']); "
        "print([name for name in ('attrs', 'attr', 'yaml', 're2', 'tabulate', 'argparse') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    # argparse is only a few milliseconds, and needed by the usage errors
    assert done.stdout.splitlines()[-1] in ("[]", "['argparse']")


def test_a_usage_error_loads_no_engine() -> None:
    program = (
        "import sys; from meshsim.cli.main import entry_point; entry_point(['trace', '--hots']); "
        "print([name for name in ('yaml', 're2', 'tabulate', 'meshsim.api') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
