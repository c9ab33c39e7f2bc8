"""Scenario suites: expectations about calls that teams keep beside their configuration.

A file goes parse -> model -> expand -> run -> judge: `load` reads it, `run` traces its calls and judges every branch.
Printing is the renderers' (`render/suite_*.py`), who read `suite_results` only.
"""

from __future__ import annotations

from .discover import discover
from .model import Case, Suite
from .parse import load
from .run import Meshes, Settings, run

__all__ = ["Case", "Meshes", "Settings", "Suite", "discover", "load", "run"]
