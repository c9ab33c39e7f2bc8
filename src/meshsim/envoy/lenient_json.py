"""JSON as protobuf's reader takes it: commas before a closing bracket, single quotes and names without any.

It takes no name twice, no comments, and raw line breaks inside texts; observed of the key documents of Envoy 1.40.
"""

from __future__ import annotations

import json
import re
from typing import Any

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*")"""
    r"""|'(?P<single>(?:\\.|[^'\\])*)'"""
    r"""|(?P<name>[A-Za-z_$][\w$]*)(?=\s*:)"""
    r"""|(?P<comma>,)(?=\s*[\]}])""",
    re.DOTALL,
)


def read_lenient_json(text: str) -> Any:
    """ValueError where the text is none (or RecursionError where it is too deep)."""
    return json.loads(_TOKEN.sub(_strictly, text), strict=False, object_pairs_hook=_without_doubles)


def _strictly(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind == "single":
        inner = found["single"].replace("\\'", "'")
        return '"' + re.sub(r'(?<!\\)"', '\\"', inner) + '"'
    return {"name": f'"{found["name"]}"', "comma": ""}.get(kind or "", found.group())


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return made
