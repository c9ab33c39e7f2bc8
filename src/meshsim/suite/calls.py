"""Calls as a suite writes them: a URL, a curl command, a call document, or the name of a shared one."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

from attrs import evolve, fields

from ..asking.call_flags import add_call_flags, call_from
from ..errors import InputError
from ..facts.call import Call, read_call
from ..schema import schema
from .source import Node, nearest

MOST_NAMES_DEEP = 20

Stated = dict[str, Any]
"""Attributes of Call that were given."""

_DEFAULTS = {each.name: getattr(Call(), each.name) for each in fields(Call)}
_SILENT = ("-s", "--silent", "-S", "--show-error", "-v", "--verbose", "-i", "--include", "-f", "--fail", "-sS", "-sv")
"""What curl prints is not asked here."""
_SILENT_WITH_VALUE = ("-o", "--output", "--connect-timeout", "-w", "--write-out")


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError("suite-bad-curl", message, hint="curl's -X -H -I -k --resolve --connect-to, and trace's own")


@cache
def _parser() -> _Parser:
    made = _Parser(prog="curl", add_help=False, allow_abbrev=False)
    add_call_flags(made)
    for flag in _SILENT:
        made.add_argument(flag, dest="silent", action="store_true")
    for flag in _SILENT_WITH_VALUE:
        made.add_argument(flag, dest="silent_value")
    return made


@cache
def _no_flags() -> Namespace:
    return _parser().parse_args([])


def call_fields() -> Mapping[str, Any]:
    """Name -> schema of each field of a call document."""
    properties: Mapping[str, Any] = schema("call")["properties"]
    return properties


_FIELDS = tuple(call_fields())


def stated(node: Node, shared: Mapping[str, Node], depth: int = 0) -> Stated:
    """What a call says. InputError with the place where it is wrong."""
    if isinstance(node.data, dict):
        return _document(node)
    text = node.text()
    if text in shared:
        if depth > MOST_NAMES_DEEP:
            raise node.refuse("suite-circular-name", "the calls' names go round in a circle", "write one of them out")
        return stated(shared[text], shared, depth + 1)
    if not any(sign in text for sign in ":/. "):
        hint = nearest(text, shared) or (
            "shared calls: " + ", ".join(shared) if shared else "a URL, such as http://host/"
        )
        raise node.refuse("suite-no-call", f"no call is named {text!r}", hint)
    try:
        return _differing(call_of(text))
    except InputError as error:
        raise node.refuse(error.reference, f"{node.what}: {error.message}", error.hint) from None


def call_of(text: str) -> Call:
    """A URL, or a curl command. InputError where it is neither."""
    return call_from(_flags(text))


def _flags(text: str) -> Namespace:
    if not text.startswith("curl "):
        return Namespace(**{**vars(_no_flags()), "url": text})
    try:
        words = shlex.split(text)[1:]
    except ValueError as error:
        raise InputError("suite-bad-curl", f"the command's quotes do not close: {error}", hint="check them") from None
    flags, unknown = _parser().parse_known_args(words)
    if unknown:
        options = [option for action in _parser()._actions for option in action.option_strings]
        raise InputError(
            "suite-bad-curl",
            f"{unknown[0]} means nothing to a trace" if unknown[0].startswith("-") else f"a second URL: {unknown[0]}",
            hint=nearest(unknown[0], options) or "one call has one URL, curl's -X -H -I -k and trace's own flags",
        )
    return flags


def _differing(call: Call) -> Stated:
    return {name: value for name in _DEFAULTS if (value := getattr(call, name)) != _DEFAULTS[name]}


def _document(node: Node) -> Stated:
    parts = node.fields(_FIELDS)
    try:
        call = read_call(node.data)
    except InputError as error:
        # which field it is, is known by asking for each alone
        for part in parts.values():
            try:
                read_call({part.path[-1]: part.data})
            except InputError as own:
                raise part.refuse(own.reference, own.message, own.hint) from None
        raise node.refuse(error.reference, error.message, error.hint) from None
    return {attribute(name): getattr(call, attribute(name)) for name in parts}


def attribute(name: str) -> str:
    return "from_" if name == "from" else name


def laid_over(*layers: Stated) -> Call:
    """The call that later layers make of earlier ones: headers, picks and answers are joined, all else replaced."""
    made: Stated = {}
    for layer in layers:
        joined = {
            name: {**made[name], **layer[name]}
            for name in ("headers", "choices", "answers", "resolve")
            if made.get(name) and layer.get(name)
        }
        made = {**made, **layer, **joined}
    return evolve(Call(), **made)
