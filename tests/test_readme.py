"""The README shows what meshsim really prints, and every flag it shows is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from meshsim.cli.main import entry_point

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
SHOWN = re.findall(r"```console\n\$ (meshsim [^\n]*)\n(.*?)```", TEXT, re.DOTALL)
LINES = [line.split("  #")[0].strip() for line in re.findall(r"^meshsim trace [^\n]*", TEXT, re.MULTILINE)]


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_what_it_shows_is_what_is_printed(
    command: str, output: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    entry_point(shlex.split(command)[1:])
    printed = "".join(line.rstrip() + "\n" for line in capsys.readouterr().out.splitlines())
    if request.config.getoption("--update-golden"):
        text = README.read_text(encoding="utf-8")
        README.write_text(text.replace(f"$ {command}\n{output}```", f"$ {command}\n{printed}```"), encoding="utf-8")
        return
    assert printed == output


ASKED = [command for command in LINES if " -c " not in command and "--batch" not in command]


@pytest.mark.parametrize("command", ASKED)
def test_what_it_asks_is_answered(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry_point(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out
