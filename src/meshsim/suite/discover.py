"""Which files are suites: folders are searched, a file that is named must be one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import InputError
from ..place import Place
from .source import is_suite

SUFFIXES = (".yaml", ".yml")
SNIFFED = 65_536
"""Characters of a file that are looked at: what stands before the first key are comments."""
_NOT_SEARCHED = frozenset({"node_modules", "__pycache__"})


def discover(paths: Iterable[str]) -> list[str]:
    """The suite files among the paths, in order, each once. InputError for a path that is nothing of the kind."""
    found: dict[str, None] = {}
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = [str(each) for each in _inside(path) if looks_like_suite(each)]
            if not inside:
                raise InputError(
                    "no-suites", f"no suite in {text}", hint="a suite is a YAML file whose first key is meshsim:"
                )
            found.update(dict.fromkeys(inside))
        elif not path.exists():
            raise InputError("no-such-file", "no such file or folder", place=Place(text), hint="check the path")
        elif looks_like_suite(path):
            found[text] = None
        else:
            raise InputError(
                "not-a-suite", "this is no suite", place=Place(text), hint="a suite's first key is meshsim: 1"
            )
    return list(found)


def looks_like_suite(path: Path) -> bool:
    """By its first key; what cannot be read is not."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return is_suite(stream.read(SNIFFED))
    except OSError:
        return False


def _inside(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_SEARCHED)
        yield from (Path(where, name) for name in sorted(files) if name.endswith(SUFFIXES))
