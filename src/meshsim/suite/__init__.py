"""Scenario suites: expectations about calls that teams keep beside their configuration.

A file goes parse -> model -> expand -> run -> judge: `load` reads it, `run` traces its calls and judges every branch.
Printing is the renderers' (`render/suite_*.py`), who read `suite_results` only.
"""

from __future__ import annotations

from .discover import discover
from .parse import load
from .run import run

__all__ = ["discover", "load", "run"]
