"""How long from the files to the first answer, against parsing the JSON among them and doing nothing with it."""

from __future__ import annotations

import json

from .figures import Table
from .meshes import Measured
from .timing import best


def measure(meshes: list[Measured]) -> Table:
    rows = []
    ratios = {}
    for measured in meshes:
        megabytes, parse, load, answer = _costs(measured)
        ratios[f"first answer, {measured.name}"] = answer / parse
        rows.append((measured.name, megabytes, parse * 1e3, load * 1e3, answer * 1e3, answer / parse))
    return Table(
        "first answer",
        ("mesh", "MB of JSON", "json.loads ms", "load ms", "first answer ms", "in bare parses"),
        tuple(rows),
        ratios,
    )


def _costs(measured: Measured) -> tuple[float, float, float, float]:
    """Megabytes, and the seconds to parse them, to load the mesh, and to load it and answer."""
    texts = [dump.read_bytes() for dump in measured.dumps]
    parse = best(lambda: [json.loads(text) for text in texts])
    load = best(measured.load)
    answer = best(lambda: measured.load().trace(measured.calls[0]))
    return sum(map(len, texts)) / 1e6, parse, load, answer
