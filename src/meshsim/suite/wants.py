"""What a field should be, read from a suite: literals, `/patterns/`, lists of them, `not:`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..errors import Rejected
from ..match.regex import Regex
from .model import Want
from .source import Node, as_text, nearest
from .trace_fields import Field

MOST_PATTERNS = 10_000


def read_want(node: Node, field: Field) -> Want:
    """InputError where the value can never stand in the field."""
    if isinstance(node.data, dict):
        parts = node.fields(("not",))
        if "not" not in parts:
            raise node.wrong("a value, a list of values, or {not: …}")
        inner = read_want(parts["not"], field)
        if inner.negated:
            raise parts["not"].refuse("suite-double-negation", "not: of not:", "drop both")
        return Want(inner.literals, inner.patterns, True, inner.listed, f"not {inner.text}")
    if not isinstance(node.data, list):
        literals, patterns = _alternative(node, field)
        return Want(literals, patterns, text=shown(node.data))
    if not node.data and not field.a_list:
        raise node.refuse("suite-empty-list", f"{node.what} is one of nothing", "name at least one value")
    read = [_alternative(item, field) for item in node.items()]
    return Want(
        tuple(value for literals, _ in read for value in literals),
        tuple(pattern for _, patterns in read for pattern in patterns),
        listed=True,
        text="[" + ", ".join(shown(value) for value in node.data) + "]",
    )


def _alternative(node: Node, field: Field) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    value = node.data
    if isinstance(value, dict | list):
        raise node.wrong("a plain value")
    if isinstance(value, str) and len(value) > 1 and value.startswith("/") and value.endswith("/"):
        pattern = value[1:-1]
        if not pattern:
            raise node.refuse("suite-empty-pattern", f"{node.what}: // is an empty pattern", "write /^\\/\\/$/ for it")
        try:
            compiled(pattern)
        except Rejected as error:
            raise node.refuse("suite-bad-pattern", f"{node.what}: {error.message}", error.hint) from None
        return (), (pattern,)
    if not field.takes(value):
        options = [str(option) for option in field.values or () if option is not None]
        wanted = "one of " + ", ".join(options) if options else " or ".join(t for t in field.types if t != "null")
        raise node.refuse(
            "suite-impossible-value",
            f"{node.what} is never {shown(value)}",
            nearest(str(value), options) or f"it is {wanted}",
        )
    return (value,), ()


def shown(value: Any) -> str:
    """A value as a reader of YAML writes it; a text that would be something else is quoted."""
    if isinstance(value, str):
        plain = value and value == value.strip() and value not in ("null", "true", "false", "~")
        return value if plain and not value.replace(".", "", 1).isdecimal() else f'"{value}"'
    return as_text(value)


@lru_cache(MOST_PATTERNS)
def compiled(pattern: str) -> Regex:
    return Regex(pattern, None)
