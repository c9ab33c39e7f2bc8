"""JSON as Envoy writes structures of metadata into a header value: every number is a double.

envoyproxy/envoy source/common/json/json_internal.cc and json_sanitizer.cc, as Envoy 1.40 was seen to write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .doubles import written_double

_OUTSIDE_ASCII = 0x80


def json_text(value: Any) -> str:
    match value:
        case str():
            return _quoted(value)
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            return written_double(value)
        case Mapping():
            return "{" + ",".join(f"{_quoted(name)}:{json_text(value[name])}" for name in sorted(value)) + "}"
        case _:
            return "[" + ",".join(map(json_text, value)) + "]"


def _quoted(text: str) -> str:
    """Of a text that is no UTF-8, every byte outside ASCII is escaped on its own."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a pair, as a JSON text may spell it
        data = text.encode("utf-8", "surrogatepass")
    try:
        return json.dumps(data.decode("utf-8"), ensure_ascii=False)
    except UnicodeDecodeError:
        written = json.dumps(data.decode("latin-1"), ensure_ascii=False)
        return "".join(each if ord(each) < _OUTSIDE_ASCII else f"\\u{ord(each):04x}" for each in written)
