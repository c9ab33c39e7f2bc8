"""What was measured, as plain data: rows for the tables, ratios for the comparison with the kept baseline."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from attrs import frozen

from meshsim import __version__

BASELINE = Path(__file__).resolve().parent / "baseline.json"


@frozen
class Table:
    """The answer to one question."""

    question: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    ratios: dict[str, float]
    """Name -> how many times the unit of that table; smaller is better."""
    note: str = ""


def document(tables: list[Table]) -> dict[str, Any]:
    """Everything of one run, for programs."""
    return {
        "meshsim": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "ratios": ratios(tables),
        "tables": {
            table.question: [dict(zip(table.headers, row, strict=True)) for row in table.rows] for table in tables
        },
    }


def ratios(tables: list[Table]) -> dict[str, float]:
    return {name: float(f"{ratio:.3g}") for table in tables for name, ratio in table.ratios.items()}


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_baseline(path: Path = BASELINE) -> dict[str, float]:
    """The ratios kept with the source; empty where there are none yet."""
    if not path.exists():
        return {}
    kept: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return kept
