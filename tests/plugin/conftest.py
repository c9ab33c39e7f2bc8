"""pytest inside pytest: each test here runs a small project of its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

import pytest

import meshsim.render.suite_text
import meshsim.suite  # noqa: F401  (pytester forgets what an inner run imports first; compiled modules bear it badly)

INSTALLED = any(each.value == "meshsim.pytest_plugin" for each in entry_points(group="pytest11"))
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """pytest with the plugin, as if it were installed where it is not."""
    plugin = () if INSTALLED else ("-p", "meshsim.pytest_plugin")

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*plugin, "-p", "no:cacheprovider", *arguments)

    return run


@pytest.fixture(scope="session")
def installed() -> bool:
    return INSTALLED
