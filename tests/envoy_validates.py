"""Asks the installed Envoy whether it would load a configuration."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.envoy_on_loopback import HCM_TYPE
from tests.realism.prerequisites import envoy_binary

CLUSTER = {"name": "c", "type": "STATIC"}


def asks_envoy(test: Any) -> Any:
    """Marks a test as one that starts the real Envoy."""
    return pytest.mark.real(pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here")(test))


def refusal(bootstrap: Mapping[str, Any], folder: Path) -> str | None:
    """Envoy's words against a bootstrap; None where it would load it."""
    config = folder / "envoy.json"
    config.write_text(json.dumps(bootstrap))
    command = [str(envoy_binary()), "-c", str(config), "--mode", "validate", "-l", "critical"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr[-500:]


def refusal_of_managers(managers: Sequence[Mapping[str, Any]], folder: Path) -> str | None:
    """The same of connection managers, a listener each, beside one cluster `c`."""
    listeners = [
        {
            "name": f"l{index}",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {"@type": HCM_TYPE, **fields}}]}],
        }
        for index, fields in enumerate(managers)
    ]
    return refusal({"static_resources": {"listeners": listeners, "clusters": [CLUSTER]}}, folder)
