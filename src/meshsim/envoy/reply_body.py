"""A SubstitutionFormatString as the body of a local reply: text or JSON with command operators.

envoyproxy/envoy source/common/formatter: what an operator does not find is `-` in text and null in JSON; JSON keys
come sorted, with a line end behind them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from ..config.view import View
from ..reasons import Reason
from .format_strings import FormatFacts, compile_format_string
from .unmodelled import unmodelled_fields

_FIELDS = frozenset({"text_format", "text_format_source", "json_format", "content_type", "omit_empty_values"})
_OPERATOR = re.compile(r"%%|%[A-Z_0-9]+(?:\([^)]*\))?(?::[0-9]+)?%")


@frozen
class _Told:
    facts: FormatFacts
    status: int
    details: str | None
    flags: tuple[str, ...]
    body: str | None


class _UnknownError(Exception):
    """Run time decides a part of the body."""


@frozen(eq=False)
class BodyFormat:
    template: Any
    """Text, or the value of json_format."""
    is_json: bool
    content_type: str

    def render(
        self, facts: FormatFacts, status: int, details: str | None, flags: tuple[str, ...], body: str | None
    ) -> str | None:
        """None where run time decides a part of it."""
        told = _Told(facts, status, details, flags, body)
        try:
            if not self.is_json:
                return _text(self.template, told)
            value = _value(self.template, told)
        except _UnknownError:
            return None
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text if facts.request.is_grpc() else text + "\n"


def compile_body_format(view: View, resource: str, unmodelled: list[Reason]) -> BodyFormat:
    unmodelled += unmodelled_fields(view, _FIELDS, resource)
    source = view.view("text_format_source")
    text = view.text("text_format") if source is None else source.text("inline_string")
    if source is not None and text is None:
        unmodelled += unmodelled_fields(source, frozenset(), resource)
    is_json = view.has("json_format")
    content_type = view.text("content_type") or ("application/json" if is_json else "text/plain")
    return BodyFormat(view.raw("json_format") if is_json else text or "", is_json, content_type)


def _text(template: str, told: _Told) -> str:
    return _OPERATOR.sub(lambda found: "%" if found.group() == "%%" else _written(_read(found.group(), told)), template)


def _written(value: str | int | None) -> str:
    return "-" if value is None else str(value)


def _value(template: Any, told: _Told) -> Any:
    if isinstance(template, dict):
        return {key: _value(each, told) for key, each in template.items()}
    if isinstance(template, list):
        return [_value(each, told) for each in template]
    if not isinstance(template, str):
        return template
    if template != "%%" and _OPERATOR.fullmatch(template):
        return _read(template, told)
    return _text(template, told)


def _read(operator: str, told: _Told) -> str | int | None:
    """None: there is nothing to be found."""
    known = _KNOWN.get(operator)
    if known is not None:
        return known(told)
    text = compile_format_string(operator).render(told.facts)
    if text is None:
        raise _UnknownError
    return text or None


def _body(told: _Told) -> str:
    if told.body is None:
        raise _UnknownError
    return told.body


_KNOWN: dict[str, Callable[[_Told], str | int | None]] = {
    "%LOCAL_REPLY_BODY%": _body,
    "%RESPONSE_CODE%": lambda told: told.status,
    "%RESPONSE_CODE_DETAILS%": lambda told: told.details,
    "%RESPONSE_FLAGS%": lambda told: ",".join(told.flags) or "-",
}
