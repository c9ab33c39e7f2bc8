"""What fields are held to beyond the rules of Envoy's API, or before their message is looked at as a whole.

A Message is a table: which rule each field keeps, and which messages stand below it. Where one is broken, Envoy takes
nothing at all. What the API itself says is in `message_check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ..config.view import View
from ..errors import Rejected

Rule = Callable[[View, str], str | None]
"""What is wrong with a field, in Envoy's words; None: nothing."""


@frozen(eq=False)
class Message:
    """One kind of message."""

    name: str
    fields: Mapping[str, Rule] = field(factory=dict)
    below: Mapping[str, Message] = field(factory=dict)
    """Field -> what stands in it, once or in a list."""


def refuse_broken(message: Message, view: View, reference: str) -> None:
    """Raises Rejected for the first rule that is broken."""
    for place, words in broken(message, view):
        raise Rejected(reference, words, place=place.place, hint="mend this field; Envoy refuses it too")


def broken(message: Message, view: View) -> Iterator[tuple[View, str]]:
    """(where, what is wrong), from above downwards."""
    for name, rule in message.fields.items():
        words = rule(view, name)
        if words is not None:
            yield view, f"{message.name}.{name}: {words}"
    for name, below in message.below.items():
        for each in view.views(name):
            yield from broken(below, each)


def every(*rules: Rule) -> Rule:
    """All of them; the first that is broken tells."""

    def rule(view: View, name: str) -> str | None:
        return next((words for each in rules if (words := each(view, name)) is not None), None)

    return rule


def filled(view: View, name: str) -> str | None:
    return None if view.text(name, "") else "value length must be at least 1 characters"


def one_line(view: View, name: str) -> str | None:
    """A text, or every text of a list, is fit for a header."""
    for value in view.values(name):
        if isinstance(value, str) and any(character in value for character in "\0\r\n"):
            return 'value does not match regex pattern "^[^\\x00\\n\\r]*$"'
    return None


def listed(least: int) -> Rule:
    def rule(view: View, name: str) -> str | None:
        return None if len(view.values(name)) >= least else f"value must contain at least {least} item(s)"

    return rule


def among(*names: str) -> Rule:
    """An enumeration, or a list of its values, of which only the known names are taken, or their numbers."""

    spelt = frozenset(name.upper() for name in names)

    def known(value: Any) -> bool:
        if isinstance(value, str):
            return value.upper() in spelt or (value.isdecimal() and int(value[:4]) < len(names))
        whole = value.is_integer() if isinstance(value, float) else isinstance(value, int)
        return whole and not isinstance(value, bool) and 0 <= value < len(names)

    def rule(view: View, name: str) -> str | None:
        for value in view.values(name):
            if not known(value):
                return f"{str(value)[:60]!r} is none of the enumeration's values {', '.join(names)}"
        return None

    return rule
