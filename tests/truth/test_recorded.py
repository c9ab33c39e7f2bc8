"""Every kept probe again, without root: the engine says what the real Envoy did."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.truth import recording
from tests.truth.families import families
from tests.truth.judging import judge
from tests.truth.setting import Setting

SETTINGS = {(name, setting.name): setting for name, settings in families().items() for setting in settings()}
_load = cache(recording.load)


@pytest.mark.parametrize("family", sorted({family for family, _ in SETTINGS}))
def test_the_recording_is_of_todays_settings(family: str) -> None:
    kept = {name: entry["inputs"] for name, entry in _load(family).items()}
    today = {name: setting.digest() for (of, name), setting in SETTINGS.items() if of == family}
    assert kept == today, f"run `python -m tests.truth.record {family}` (root) and look at the difference"


@pytest.mark.parametrize(("family", "name"), SETTINGS, ids=[f"{family}: {name}" for family, name in SETTINGS])
def test_every_probe(family: str, name: str, tmp_path: Path) -> None:
    setting: Setting = SETTINGS[family, name]
    entry: dict[str, Any] = _load(family)[name]
    mesh = setting.mesh(tmp_path)
    found = [
        (seen["call"], wrong)
        for seen in distinct(entry["observations"])
        if (wrong := judge(mesh, seen, entry["not_comparable"]))
    ]
    assert len(entry["observations"]) == len(setting.calls)
    assert found == []


def distinct(observations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that differ from another in nothing but ports that the kernel or this suite gave the client."""
    return list({_GIVEN_PORT.sub("", json.dumps(seen)): seen for seen in observations}.values())


_GIVEN_PORT = re.compile(r":[2-6]\d{4}\b")
