"""Which cases failed last time, kept in a folder beside where one runs, as pytest does it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from ..suite_results import Results

FOLDER = Path(".meshsim_cache")
FILE = FOLDER / "last_failed.json"


def failed_last_time() -> frozenset[str]:
    """Nothing where nothing was kept, or it cannot be read."""
    try:
        kept = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(node for node in kept if isinstance(node, str)) if isinstance(kept, list) else frozenset()


def keep_failed(results: Results) -> None:
    """What failed now, and what failed before and was not run. A folder that cannot be written is no failure."""
    ran = {case.node for case in results.cases}
    failed = (failed_last_time() - ran) | {case.node for case in results.failed}
    if not failed and not FILE.exists():
        return
    with contextlib.suppress(OSError):
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / ".gitignore").write_text("*\n", encoding="utf-8")
        FILE.write_text(json.dumps(sorted(failed), indent=1) + "\n", encoding="utf-8")
