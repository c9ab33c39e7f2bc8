"""The kept truths: one compressed file a family, settings by name."""

import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("recorded")


def path_of(family: str) -> Path:
    return FOLDER / f"{family}.json.gz"


def load(family: str) -> dict[str, Any]:
    """Setting name -> its inputs' digest, fields not comparable and observations; empty before the first recording."""
    path = path_of(family)
    loaded: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes())) if path.exists() else {}
    return loaded


def save(family: str, document: dict[str, Any]) -> None:
    """Byte for byte the same where nothing changed."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    path_of(family).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
