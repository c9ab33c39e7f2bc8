"""The JSON Schemas (2020-12) of the call, trace, host facts and suite documents, for users' own validators too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAMES = ("call", "trace", "host_facts", "suite")


def schema(name: str) -> dict[str, Any]:
    """The schema of one of NAMES."""
    text = Path(__file__).with_name(f"{name}.schema.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    return made
