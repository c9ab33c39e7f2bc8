"""JSON text -> data, fast, and errors that say where and what to do. Comments are tolerated, nothing else is.

Several objects one after another, as a loop over pods writes them into one file, are read as a list of them.

The cyclic collector is off while parsing: nothing in the tree is garbage, and looking for it costs more than parsing.
"""

from __future__ import annotations

import gc
import json
import re
from typing import Any

from ..errors import InputError
from ..place import Place

_JSON_START = re.compile(
    r'[\s\ufeff]*(?:\{[\s\ufeff]*(?:["}/\'{\[,]|\Z)|(?!\[\d+:\d+\])\[[\s\ufeff]*(?:["{\[\]/\'\d,-]|\Z)|/[/*])'
)
"""`[12:720]` is not JSON but the counters of a saved rule."""


def looks_like_json(text: str) -> bool:
    """Whether a text begins as JSON (with comments) does; `{key: value}` begins as YAML."""
    return _JSON_START.match(text) is not None


def parse_json(text: str, name: str) -> Any:
    """The data of a JSON text, `/* */` and `//` comments allowed. InputError with line and remedy otherwise."""
    try:
        data = _loads(text)
    except json.JSONDecodeError as error:
        first = error
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:
        raise InputError("bad-json", str(error).partition(";")[0].lower(), place=Place(name), hint=_AGAIN) from None
    else:
        _refuse_half_characters(text, name)
        return data
    bare = without_comments(text)
    if bare is not text:
        try:
            data = _loads(bare)
            _refuse_half_characters(bare, name)
            return data
        except json.JSONDecodeError as error:
            # What a comment hides is not the trouble: report what is wrong beside the comments.
            raise _broken(error, bare, name) from None
        except RecursionError:
            raise _too_deep(name) from None
    raise _broken(first, text, name)


_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


def _refuse_half_characters(text: str, name: str) -> None:
    """Half of a pair that stands for one character is none, and Envoy refuses it too."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    for found in _ESCAPE.finditer(text):
        if found.group(1):
            line = text.count("\n", 0, found.start()) + 1
            column = found.start() - text.rfind("\n", 0, found.start())
            message = f"\\{found.group(1)} is half of a character (column {column})"
            hint = "write both halves, or the character itself"
            raise InputError("bad-json", message, place=Place(name, line=line), hint=hint)


def _loads(text: str) -> Any:
    collecting = gc.isenabled()
    gc.disable()
    try:
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            if not _another_object(error, text):
                raise
            data = _stream(text)
        if len(text) > _FREEZE_CHARACTERS:
            gc.freeze()
        return data
    finally:
        if collecting:
            gc.enable()


_SPACE = re.compile(r"[ \t\r\n]*")


def _another_object(error: json.JSONDecodeError, text: str) -> bool:
    return error.msg == "Extra data" and text[error.pos] == "{" and text.lstrip()[:1] == "{"


def _stream(text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    found, at = [], 0
    while at < len(text):
        start = _SPACE.match(text, at)
        at = start.end() if start is not None else at
        if at == len(text):
            break
        if text[at] != "{":
            raise json.JSONDecodeError("Extra data", text, at)
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


_FREEZE_CHARACTERS = 1_000_000
"""Above it the parsed tree is put out of the collector's sight for good."""

_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"?|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)


def without_comments(text: str) -> str:
    """The text with comments blanked out, so that offsets and lines stay; the same object when there are none."""
    if "//" not in text and "/*" not in text:
        return text
    bare = _COMMENT.sub(_blank, text)
    return text if bare == text else bare


def _blank(found: re.Match[str]) -> str:
    piece = found.group()
    return piece if piece[0] == '"' else re.sub(r"[^\n]", " ", piece)


def _broken(error: json.JSONDecodeError, text: str, name: str) -> InputError:
    message, hint = _diagnose(error, text)
    return InputError(
        "bad-json",
        f"{message} (column {error.colno})",
        place=Place(name, line=error.lineno),
        hint=hint,
    )


def _diagnose(error: json.JSONDecodeError, text: str) -> tuple[str, str]:
    rest = text[error.pos : error.pos + 200].lstrip()
    before = text[max(0, error.pos - 200) : error.pos].rstrip()
    if not rest or error.msg.startswith("Unterminated string"):
        return "the JSON ends in the middle", f"the file was cut off; {_AGAIN}"
    if rest[0] in "]}" and before.endswith(","):
        return f"a comma before the closing {rest[0]}", "remove that comma"
    if rest[0] == "," and rest[1:].lstrip()[:1] in ("]", "}"):
        return f"a comma before the closing {rest[1:].lstrip()[0]}", "remove that comma"
    if error.msg.startswith("Extra data"):
        return "more text follows the JSON document", "give each document its own file"
    if rest[0] == "'":
        return "a string in single quotes", "JSON strings stand in double quotes"
    if error.msg.startswith("Expecting ',' delimiter"):
        return (
            "expected a comma or the end of the list or object",
            'look for a missing comma or an unquoted " before it',
        )
    if error.msg.startswith("Invalid control character"):
        return "a line break or control character inside a string", "write it as \\n, or close the string"
    return error.msg[0].lower() + error.msg[1:], _AGAIN


def _too_deep(name: str) -> InputError:
    return InputError("too-deep", "the JSON is nested too deeply", place=Place(name), hint=_AGAIN)


_AGAIN = "take the file again from where it came"
