"""The pytest plugin: scenario suites are collected by plain `pytest`, beside fixtures for tests written by hand.

pytest imports this module in every project on the machine, so nothing else of meshsim is imported before a suite is
found or a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SUFFIXES = (".yaml", ".yml")
SNIFFED_BYTES = 65_536


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "files and folders that the `mesh` fixture loads, relative to the root of the project; POD=PATH too"
    parser.addini("meshsim_config", text, type="linelist", default=[])
    add = parser.getgroup("meshsim", "meshsim: coverage of mesh configuration").addoption
    add("--meshsim-cov", action="store_true", help="what of the configuration was exercised, and what never")
    text = "text, json, html; repeatable; with --meshsim-cov"
    add("--meshsim-cov-report", action="append", default=[], metavar="TYPE[:FILE]", help=text)
    add("--meshsim-cov-fail-under", metavar="N", help="fail where less than N percent is exercised; --meshsim-cov too")


def pytest_configure(config: pytest.Config) -> None:
    text = "meshsim(*paths): what the `mesh` fixture loads for this test; without a path the embedded demo mesh"
    config.addinivalue_line("markers", text)
    options = ("meshsim_cov", "meshsim_cov_report", "meshsim_cov_fail_under")
    if any(config.getoption(name) for name in options):
        from .coverage import install

        install(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in SUFFIXES or not _may_be_suite(file_path):
        return None
    from .collecting import suite_file

    return suite_file(file_path, parent)


def _may_be_suite(path: Path) -> bool:
    """A first look that needs no parser: most YAML files of a project are nobody's business here."""
    try:
        with path.open("rb") as stream:
            return b"meshsim" in stream.read(SNIFFED_BYTES)
    except OSError:
        return False


@pytest.fixture
def mesh(request: pytest.FixtureRequest) -> Any:
    """The meshsim.Mesh of the `meshsim` marker nearest to the test, else of the option `meshsim_config`."""
    from .fixtures import mesh_of

    return mesh_of(request)


@pytest.fixture
def trace(mesh: Any) -> Callable[..., Any]:
    """A function: a URL, a curl command, a call document or a Call (or a call's fields by name) -> its Trace."""
    from .fixtures import Asker

    return Asker(mesh)
