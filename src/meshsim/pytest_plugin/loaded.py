"""The meshes of one pytest process: each is loaded once, whatever asks for it."""

from __future__ import annotations

import pytest

from ..suite.run import Meshes

_MESHES = pytest.StashKey[Meshes]()


def meshes_of(config: pytest.Config) -> Meshes:
    if _MESHES not in config.stash:
        config.stash[_MESHES] = Meshes()
    return config.stash[_MESHES]
