"""Which files are tests, and of which kind: folders are searched, a file that is named must be one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..config.documents import read_text
from ..errors import InputError
from ..place import Place
from .router_check.pairing import is_router_check
from .source import is_suite

SUFFIXES = (".yaml", ".yml", ".json")
SNIFFED = 65_536
"""Bytes of a file that are looked at: what stands before the first key are comments."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_SEARCHED = frozenset({"node_modules", "__pycache__"})


def looks_like_suite(path: Path) -> bool:
    """By its first key; what cannot be read is not."""
    return is_suite(_beginning(path))


def looks_like_router_check(path: Path) -> bool:
    """Tests written for Envoy's router_check_tool."""
    return is_router_check(_beginning(path))


def _beginning(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe would be waited for, and what was looked at would be gone
            return ""
        with path.open("rb") as stream:
            data = stream.read(SNIFFED)
    except OSError:
        return ""
    return data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig", errors="replace").replace("\r\n", "\n")


def test_files(folder: Path) -> dict[str, str]:
    """Those in a folder and below it, each with its kind."""
    return {str(each): kind for each in _inside(folder) if (kind := kind_of_file(each)) is not None}


def _inside(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_SEARCHED)
        yield from (Path(where, name) for name in sorted(files) if name.endswith(SUFFIXES))


KINDS: Mapping[str, Callable[[Path], bool]] = {
    "suite": looks_like_suite,
    "router_check": looks_like_router_check,
}
"""Kind -> whether a file is of it, told by its content."""


_WHAT_IT_IS = "a suite's first key is meshsim: 1; a file of router_check_tool tests begins with tests:"
_PROTOBUF = (".pb", ".pb_text", ".textproto", ".txtpb")
_OTHER_FORMS = "write it as YAML or JSON: protobuf's text and binary forms are not read"


def kind_of_file(path: Path) -> str | None:
    return next((kind for kind, tell in KINDS.items() if tell(path)), None)


def discover(paths: Iterable[str]) -> dict[str, str]:
    """The test files among the paths, in order, each with its kind. InputError for a path that is none."""
    found: dict[str, str] = {}
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = test_files(path)
            if not inside:
                raise InputError(
                    "no-suites",
                    f"no suite in {text}",
                    hint="a suite is a YAML file whose first key is meshsim:, or router_check_tool tests",
                )
            found.update(inside)
        elif not path.exists():
            raise InputError("no-such-file", "no such file or folder", place=Place(text), hint="check the path")
        else:
            kind = kind_of_file(path)
            if kind is None and path.is_file():
                read_text(text)  # what cannot be read at all is told as such
            if kind is None:
                raise InputError(
                    "not-a-suite",
                    "this is no suite",
                    place=Place(text),
                    hint=_OTHER_FORMS if path.suffix in _PROTOBUF else _WHAT_IT_IS,
                )
            found[text] = kind
    return found
