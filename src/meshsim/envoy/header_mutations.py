"""Header additions and removals of route configuration, virtual host, route and weighted cluster.

envoyproxy/envoy source/common/router/header_parser.cc. Within one level: removals, then every value is formatted
against what is left, then overwrites, then appends. An empty tuple of values is a header whose value only run time
knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from ..config.view import View
from ..errors import Rejected
from ..facts.request import Headers
from ..place import Place
from .format_operators import FormatFacts
from .format_strings import FormatString, compile_format_string
from .inline_headers import INLINE_HEADERS, RESPONSE_INLINE_HEADERS, one_value

APPEND = "APPEND_IF_EXISTS_OR_ADD"
ADD_IF_ABSENT = "ADD_IF_ABSENT"
OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"
OVERWRITE_IF_EXISTS = "OVERWRITE_IF_EXISTS"
_LONGEST_VALUE = 16384
_ACTIONS = (APPEND, ADD_IF_ABSENT, OVERWRITE, OVERWRITE_IF_EXISTS)


@frozen(eq=False)
class HeaderAddition:
    name: str
    value: FormatString
    action: str
    keep_empty: bool
    place: Place | None


@frozen(eq=False)
class MutationLevel:
    """What one level of the configuration does to the headers."""

    removals: tuple[str, ...] = ()
    additions: tuple[HeaderAddition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removals or self.additions)


def compile_mutations(view: View, side: str) -> MutationLevel:
    """`side` is `request` or `response`: reads `{side}_headers_to_add` and `{side}_headers_to_remove`."""
    removals = tuple(name.lower() for name in view.texts(f"{side}_headers_to_remove"))
    for name in removals:
        if any(char in name for char in "\0\r\n"):
            raise Rejected(
                "header-not-removable",
                f"header {name!r} cannot be removed: a name may not hold a line end",
                place=view.place_of(f"{side}_headers_to_remove"),
                hint="Envoy refuses it too",
            )
        _modifiable(name, view.place_of(f"{side}_headers_to_remove"), "removed")
    additions = tuple(compiled_addition(entry) for entry in view.views(f"{side}_headers_to_add"))
    return MutationLevel(removals, additions)


def compiled_addition(entry: View) -> HeaderAddition:
    """A HeaderValueOption."""
    header = entry.view("header")
    name = "" if header is None else header.text("key", "").lower()
    value = "" if header is None else header.text("value", "")
    _modifiable(name, entry.place, "modified")
    if not name or any(char in name + value for char in "\0\r\n") or len(value) > _LONGEST_VALUE:
        raise Rejected(
            "header-not-addable",
            f"header {name!r} cannot be added: its name may not be empty, its value has at most {_LONGEST_VALUE} "
            "bytes, neither holds a line end",
            place=entry.place,
            hint="Envoy refuses it too",
        )
    if entry.has("append") and entry.has("append_action"):
        raise Rejected(
            "header-not-addable",
            "Both append and append_action are set and it's not allowed",
            place=entry.place,
            hint="keep append_action",
        )
    action = entry.enum("append_action", _ACTIONS)
    if entry.boolean("append") is False and not entry.has("append_action"):
        action = OVERWRITE
    return HeaderAddition(
        name,
        compile_format_string(value, entry.place, of_header=True),
        action,
        entry.boolean("keep_empty_value", False),
        entry.place,
    )


def _modifiable(name: str, place: Place, verb: str) -> None:
    if name.startswith(":") or name == "host":
        raise Rejected(
            "header-not-modifiable",
            f"header {name!r} may not be {verb}: :-prefixed or host headers are not for header mutations",
            place=place,
            hint="rewrite the path or the host with the route's own fields",
        )


def mutated(
    headers: Headers, levels: Sequence[MutationLevel], facts: FormatFacts, *, response: bool = False
) -> Headers:
    """The headers after each level in turn; each sees the result of the one before.

    Operators read the request's headers: those being changed, unless it is a response that changes.
    """
    for level in levels:
        if level:
            headers = _apply(dict(headers), level, facts, response=response)
    return headers


def _apply(headers: dict[str, tuple[str, ...]], level: MutationLevel, facts: FormatFacts, *, response: bool) -> Headers:
    for name in level.removals:
        headers.pop(name, None)
    if not response:
        facts = evolve(facts, request=evolve(facts.request, headers=headers))
    present = frozenset(headers)
    one_valued = RESPONSE_INLINE_HEADERS if response else INLINE_HEADERS
    overwrites: list[tuple[str, str | None]] = []
    appends: list[tuple[str, str | None]] = []
    for addition in level.additions:
        value = addition.value.render(facts)
        if value == "" and not addition.keep_empty:
            continue
        match addition.action:
            case "APPEND_IF_EXISTS_OR_ADD":
                appends.append((addition.name, value))
            case "ADD_IF_ABSENT":
                if addition.name not in present:
                    appends.append((addition.name, value))
            case "OVERWRITE_IF_EXISTS":
                if addition.name in present:
                    overwrites.append((addition.name, value))
            case _:
                overwrites.append((addition.name, value))
    for name, value in overwrites:
        headers[name] = () if value is None else (value,)
    for name, value in appends:
        before = headers.get(name)
        if value is None or before == ():
            headers[name] = ()
        elif before and name in one_valued:
            headers[name] = (one_value((*before, value)),)
        else:
            headers[name] = (*(before or ()), value)
    return headers
