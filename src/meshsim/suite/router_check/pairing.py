"""Which files are router_check_tool tests, and which route configuration each of them is about."""

from __future__ import annotations

import re
from pathlib import Path

from ...config.documents import Library
from ...config.resources import section_of
from ...config.view import View
from ...errors import InputError
from ...place import Place
from .read import read_data

SUFFIXES = (".json", ".yaml", ".yml")
MOST_SIBLINGS = 1000
_TESTS = re.compile(r"""(?m)^(['"]?)tests\1[ \t]*:|"tests"\s*:\s*\[""")
_TEST_NAME = re.compile(r"""\b(?:test_name|testName)\b["']?[ \t]*:""")


def is_router_check(text: str) -> bool:
    """Whether the beginning of a file reads as tests for router_check_tool."""
    return _TESTS.search(text) is not None and _TEST_NAME.search(text) is not None


def route_config_beside(tests: Path, library: Library) -> View:
    """The route configuration with the longest stem with which the tests' name begins."""
    fitting = [path for path in _siblings(tests) if tests.name.startswith(_stem(path)) and path.name != tests.name]
    for length in sorted({len(_stem(path)) for path in fitting}, reverse=True):
        found = [view for path in fitting if len(_stem(path)) == length and (view := _route_config(path)) is not None]
        if len(found) > 1:
            names = " and ".join(view.place.doc for view in found)
            raise _which(tests, f"{names} both fit by name")
        if found:
            return read_route_config(Path(found[0].place.doc), library)
    raise _which(tests, "no route configuration beside it has the stem of its name")


def read_route_config(path: Path, library: Library) -> View:
    view = read_data(path, library)
    if section_of(view.data) != "routes":
        raise InputError(
            "not-a-route-configuration",
            "this is no RouteConfiguration",
            place=view.place,
            hint="give the bare RouteConfiguration, as to router_check_tool: virtual_hosts at its top",
        )
    return view


def _stem(path: Path) -> str:
    return path.name.removesuffix(path.suffix)


def _siblings(tests: Path) -> list[Path]:
    try:
        found = sorted(path for path in tests.parent.iterdir() if path.suffix in SUFFIXES and path.is_file())
    except OSError:
        return []
    return found[:MOST_SIBLINGS]


def _route_config(path: Path) -> View | None:
    """None for a file that is something else, or cannot be read."""
    try:
        view = read_data(path, Library())
    except InputError:
        return None
    return view if section_of(view.data) == "routes" else None


def _which(tests: Path, message: str) -> InputError:
    return InputError("which-route-config", message, place=Place(str(tests)), hint="name it with --route-config FILE")
