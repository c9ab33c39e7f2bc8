"""Options of the test run, and further chances for tests that ask a real machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A build asks the same questions each time; `make fuzz` draws new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("new", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("new" if os.environ.get("MESHSIM_FUZZ") else "same")

collect_ignore = ["readme"]
"""Suites of the README that fail on purpose, to show how that looks."""
FURTHER_CHANCES = 2
"""A busy machine may let a timer run out between a client and a proxy; a real difference is there again, and counts."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", default=False, help="write the golden texts anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.flaky(reruns=FURTHER_CHANCES))
