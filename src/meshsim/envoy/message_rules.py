"""The constraints that Envoy's messages state about themselves: required fields, lengths, ranges, oneofs.

bufbuild/protoc-gen-validate, as the `validate.rules` of envoyproxy/envoy api/envoy/**.proto use it. A Message is a
table: which rule each field keeps, and which messages stand below it. Where one is broken, Envoy takes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ..config.view import View
from ..errors import Rejected

Rule = Callable[[View, str], str | None]
"""What is wrong with a field, in Envoy's words; None: nothing."""

LARGEST_UINT32 = (1 << 32) - 1


@frozen(eq=False)
class Message:
    """One kind of message."""

    name: str
    fields: Mapping[str, Rule] = field(factory=dict)
    below: Mapping[str, Message] = field(factory=dict)
    """Field -> what stands in it, once or in a list."""
    one_of: tuple[tuple[str, ...], ...] = ()
    """Fields that exclude each other."""


def refuse_broken(message: Message, view: View, reference: str) -> None:
    """Raises Rejected for the first rule that is broken."""
    for place, words in broken(message, view):
        raise Rejected(reference, words, place=place.place, hint="mend this field; Envoy refuses it too")


def broken(message: Message, view: View) -> Iterator[tuple[View, str]]:
    """(where, what is wrong), from above downwards."""
    for names in message.one_of:
        present = [name for name in names if view.has(name)]
        if len(present) > 1:
            yield view, f"{message.name}: {' and '.join(present)} exclude each other"
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


def present(view: View, name: str) -> str | None:
    return None if view.has(name) else "value is required"


def some_of(*names: str) -> Rule:
    """The oneof must be set. A field that this table does not name may be a member of a later version's."""

    def rule(view: View, _name: str) -> str | None:
        return None if view.one_of(names) is not None else "is required"

    return rule


def anything_but(*names: str) -> Rule:
    """A oneof with many members: some field that is none of these must be set."""
    others = frozenset(names)
    return lambda view, _name: None if view.leftovers(others) else "is required"


def filled(view: View, name: str) -> str | None:
    return None if view.text(name, "") else "value length must be at least 1 characters"


def one_line(view: View, name: str) -> str | None:
    """A text, or every text of a list, is fit for a header."""
    for value in view.values(name):
        if isinstance(value, str) and any(character in value for character in "\0\r\n"):
            return 'value does not match regex pattern "^[^\\x00\\n\\r]*$"'
    return None


def listed(least: int = 0, most: int | None = None) -> Rule:
    def rule(view: View, name: str) -> str | None:
        size = len(view.values(name))
        if size < least:
            return f"value must contain at least {least} item(s)"
        if most is not None and size > most:
            return f"value must contain no more than {most} item(s)"
        return None

    return rule


def within(lowest: int, highest: int = LARGEST_UINT32) -> Rule:
    """A whole number that is set; both ends belong to the range."""

    def rule(view: View, name: str) -> str | None:
        value = view.integer(name)
        if value is None or lowest <= value <= highest:
            return None
        return f"value must be inside range [{lowest}, {highest}]"

    return rule


whole = within(0)
"""A uint32, which Envoy's reader does not take where it is negative or too large."""


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


def named_among(*names: str) -> Rule:
    """An enumeration of which every number is taken, also without a name."""
    known = among(*names)

    def rule(view: View, name: str) -> str | None:
        return None if isinstance(view.raw(name), int | float) else known(view, name)

    return rule


def one_of_texts(*texts: str) -> Rule:
    """A text that is set and one of these."""

    def rule(view: View, name: str) -> str | None:
        value = view.text(name, "")
        return None if not value or value in texts else f"value must be in list [{' '.join(texts)}]"

    return rule


def not_negative(view: View, name: str) -> str | None:
    """A duration."""
    return "Invalid duration: Expected positive duration" if view.duration_ms(name, 0) < 0 else None
