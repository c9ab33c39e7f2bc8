"""Command operators in configured texts (`%REQ(:authority)%`): parsing them, and putting values in their place.

envoyproxy/envoy source/common/formatter/substitution_formatter.cc. What each operator reads is in `format_operators`;
one that hangs on run time makes the whole text unknown (None).
"""

from __future__ import annotations

import re

from attrs import frozen

from ..errors import Rejected
from ..place import Place
from .format_checks import refused_operator
from .format_operators import NAMES, UNKNOWN, FormatFacts, Operator, as_text, compile_operator

_OPERATOR = re.compile(r"%%|%([A-Z_0-9]+)(?:\((.*?)\)(?=(?::[0-9]+)?%))?(?::([0-9]{1,18}))?%", re.DOTALL)

Piece = str | Operator


@frozen(eq=False)
class FormatString:
    """A compiled value: literal texts and operators."""

    source: str
    pieces: tuple[Piece, ...]

    def render(self, facts: FormatFacts, absent: str = "") -> str | None:
        """The value; None when run time decides it. `absent` stands for an operand that is not there."""
        made = []
        for piece in self.pieces:
            text = piece if isinstance(piece, str) else piece(facts)
            if text is UNKNOWN:
                return None
            made.append(absent if text is None else as_text(text))
        return "".join(made)


def compile_format_string(source: str, place: Place | None = None, *, of_header: bool = False) -> FormatString:
    """`of_header`: the value of a header that is added, which may ask for what other texts may not."""
    if "%" not in source:
        return FormatString(source, (source,))
    pieces: list[Piece] = []
    position = 0
    for found in _OPERATOR.finditer(source):
        if found.start() > position:
            pieces.append(_literal(source, source[position : found.start()], place))
        pieces.append("%" if found.group() == "%%" else _operator(found, place, of_header))
        position = found.end()
    if position < len(source):
        pieces.append(_literal(source, source[position:], place))
    return FormatString(source, tuple(pieces))


def _literal(source: str, text: str, place: Place | None) -> str:
    if "%" in text:
        raise _refused(f"{source!r} has a % that begins no command operator", place)
    return text


def _operator(found: re.Match[str], place: Place | None, of_header: bool) -> Operator:
    name, argument, length = found.groups()
    if name not in NAMES:
        raise _refused(f"%{name}% is no command operator", place)
    if name in _OF_HEADERS and not of_header:
        raise _refused(f"Not supported field in StreamInfo: {name}", place)
    limit = int(length) if length else None
    reason = refused_operator(name, argument, limit)
    if reason is not None:
        raise _refused(f"{found.group()!r}: {reason}", place)
    return compile_operator(name, argument, limit)


_OF_HEADERS = frozenset(("PER_REQUEST_STATE",))


def _refused(message: str, place: Place | None) -> Rejected:
    return Rejected(
        "invalid-format-string",
        message,
        place=place,
        hint="operators are written %NAME% or %NAME(argument)%, a plain percent sign %%",
    )
