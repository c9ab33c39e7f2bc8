"""Usage errors, and an argument parser that names the flag that was probably meant. Standard library only."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import NoReturn


class UsageError(Exception):
    """The command line is wrong; exit 2."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def did_you_mean(given: str, valid: Iterable[str]) -> str:
    """A question naming the nearest valid name; empty when none is near."""
    near = difflib.get_close_matches(given, list(valid), 1, 0.6)
    return f"did you mean {near[0]}?" if near else ""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of exiting; knows no abbreviations, so that scripts survive new flags."""

    def __init__(self, command: str, **settings: object) -> None:
        super().__init__(
            prog=f"meshsim {command}",
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **settings,  # type: ignore[arg-type]
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help lists the flags")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The flags; a flag that does not exist is an error that names a near one."""
        flags, unknown = self.parse_known_args(list(arguments))
        if unknown:
            name = unknown[0].partition("=")[0]
            if not name.startswith("-"):
                raise UsageError(f"unexpected argument {name!r}", hint="one URL a call; --batch takes many calls")
            valid = [option for action in self._actions for option in action.option_strings]
            hint = did_you_mean(name, valid) or f"{self.prog} --help lists the flags"
            raise UsageError(f"no flag {name}", hint=hint)
        return flags
