"""SubstitutionFormatString: the body of a reply written with command operators, as text or as JSON.

envoyproxy/envoy source/common/formatter/substitution_format_string.cc, substitution_formatter.cc (JsonFormatterImpl).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from attrs import frozen

from ..config.view import View
from ..place import Place
from ..reasons import Reason
from .format_operators import UNKNOWN, FormatFacts
from .format_strings import FormatString, compile_format_string
from .unmodelled import unmodelled_fields

_MOST_NESTED = 32
_FIELDS = frozenset({"text_format", "text_format_source", "json_format", "content_type", "omit_empty_values"})


@frozen(eq=False)
class BodyFormat:
    content_type: str | None
    """None: not stated, and plain text."""
    text: FormatString | None
    """None: JSON, or a text that no input holds."""
    tree: Any
    """Of JSON: the configured value, its texts compiled; None where there is none."""
    omit_empty: bool
    unmodelled: tuple[Reason, ...] = ()

    def render(self, facts: FormatFacts) -> str | None:
        """None where run time, or a file, decides a part of it."""
        if self.text is not None:
            return self.text.render(facts, "" if self.omit_empty else "-")
        made = self._value(self.tree, facts)
        return None if self.tree is None or made is UNKNOWN else _written(made) + "\n"

    def _value(self, value: Any, facts: FormatFacts) -> Any:
        if isinstance(value, FormatString):
            return _typed(value, facts, "" if self.omit_empty else "-")
        if isinstance(value, dict):
            return self._members({key: self._value(each, facts) for key, each in value.items()})
        if isinstance(value, list):
            items = [self._value(each, facts) for each in value]
            return UNKNOWN if UNKNOWN in items else items
        return value

    def _members(self, members: dict[str, Any]) -> Any:
        if any(each is UNKNOWN for each in members.values()):
            return UNKNOWN
        return {key: each for key, each in members.items() if each is not None} if self.omit_empty else members


def _typed(text: FormatString, facts: FormatFacts, absent: str) -> Any:
    """One operator alone keeps its type and is null where nothing is there; anything longer is a text."""
    if len(text.pieces) == 1 and not isinstance(text.pieces[0], str):
        return text.pieces[0](facts)
    made = text.render(facts, absent)
    return UNKNOWN if made is None else made


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def compile_body_format(view: View, resource: str) -> BodyFormat:
    """A SubstitutionFormatString of `resource`."""
    unmodelled = unmodelled_fields(view, _FIELDS, resource)
    source = view.view("text_format_source")
    text, tree, kind = None, None, None
    if view.has("json_format"):
        below = view.view("json_format")
        kind = "application/json"
        tree = _compiled(below.data, below.place, 0) if below is not None else None
    else:
        written = view.text("text_format") if view.has("text_format") else source_text(source)
        if written is None and source is not None:
            unmodelled += unmodelled_fields(source, frozenset(), resource)
        text = compile_format_string(written, view.place) if written is not None else None
    omit = view.boolean("omit_empty_values", False)
    return BodyFormat(view.text("content_type") or kind, text, tree, omit, unmodelled)


def _compiled(value: Any, place: Place, depth: int) -> Any:
    if isinstance(value, str):
        return compile_format_string(value, place)
    if depth < _MOST_NESTED and isinstance(value, dict):
        return {key: _compiled(each, place / key, depth + 1) for key, each in value.items()}
    if depth < _MOST_NESTED and isinstance(value, list):
        return [_compiled(each, place / index, depth + 1) for index, each in enumerate(value)]
    return value


def source_text(source: View | None) -> str | None:
    """A DataSource's text; None where it stands in a file or in the proxy's environment."""
    if source is None:
        return ""
    if source.has("inline_bytes"):
        try:
            return base64.b64decode(source.text("inline_bytes", "")).decode("utf-8", "surrogateescape")
        except binascii.Error:
            return None
    return source.text("inline_string") if source.has("inline_string") else None
