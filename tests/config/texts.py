"""Documents made of texts and values, as if they had been read from files."""

from __future__ import annotations

import json
from typing import Any

from meshsim.config.detect import recognise
from meshsim.config.documents import Document, SourceText


def document(text: str, name: str = "f") -> Document:
    return recognise(SourceText.of(name, text))


def of(data: Any, name: str = "f") -> Document:
    return document(json.dumps(data, indent=1), name)
