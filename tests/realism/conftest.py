"""Live tests run where everything they need is there, and say what is missing where not."""

import os
from pathlib import Path

import pytest

from tests.realism import prerequisites

UNAVAILABLE = {"root", "network namespaces", "envoy"}
"""What a machine may rightly lack. Everything else can be installed: a build that asks for live tests must have it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    required = os.environ.get("MESHSIM_LIVE_TESTS") == "required"
    if required and prerequisites.missing() and not UNAVAILABLE & set(prerequisites.missing()):
        raise pytest.UsageError(f"live tests would be skipped needlessly: {prerequisites.reason()}")
    live = [item for item in items if here in item.path.parents and item.get_closest_marker("real")]
    if live and prerequisites.missing():
        for item in live:
            item.add_marker(pytest.mark.skip(reason=prerequisites.reason()))
