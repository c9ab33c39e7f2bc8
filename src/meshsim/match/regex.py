"""RE2 as Envoy runs it: bytes (Latin-1, unless a guard says UTF-8), full match, bounded size, compiled once.

The only module that touches the regex engine. Python's own `re` may not be used on configured patterns: it means
other things and can run for ever.
"""

from __future__ import annotations

import re2
from attrs import frozen

from ..errors import Rejected
from ..place import Place

MAX_MEMORY = 8 << 20
"""Bytes that one compiled pattern may take."""

_TOO_LARGE = "regex {!r} RE2 program size of {} > max program size of {}"


@frozen
class RegexRules:
    """What an Envoy's runtime says of every pattern in its configuration."""

    latin1: bool = True
    """Every byte is a character; else the characters are those of UTF-8, and bytes that are no UTF-8 match nothing."""
    largest_program: int | None = None
    """The program size above which a pattern is refused; None where nobody can say."""


USUAL = RegexRules()


def _options(encoding: re2.Options.Encoding) -> re2.Options:
    made = re2.Options()
    made.encoding = encoding
    made.log_errors = False
    made.max_mem = MAX_MEMORY
    return made


_OPTIONS = {True: _options(re2.Options.Encoding.LATIN1), False: _options(re2.Options.Encoding.UTF8)}
"""By whether bytes are characters."""


def to_bytes(text: str) -> bytes:
    """The bytes of a header value or path as they are on the wire."""
    return text.encode("utf-8", "surrogateescape")


_LITERAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-_~!@#%&=:;,<>'\" ")
_REPEATS = frozenset("*+?{")
_ESCAPED = frozenset("./-+*?()[]{}|^$\\")


def _literal_start(pattern: str) -> str:
    if _alternatives(pattern):
        return ""
    found: list[str] = []
    position = 1 if pattern.startswith("^") else 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and pattern[position + 1 : position + 2] in _ESCAPED and position + 1 < len(pattern):
            position += 1
            char = pattern[position]
        elif char not in _LITERAL:
            break
        position += 1
        found.append(char)
    if pattern[position : position + 1] in _REPEATS and position < len(pattern):
        del found[-1:]  # what is repeated may be there no time at all
    return "".join(found)


def _alternatives(pattern: str) -> bool:
    """Whether a | may stand outside all parentheses; True where that takes a real parser to say."""
    if "|" not in pattern:
        return False
    if "[" in pattern or "\\Q" in pattern:
        return True
    depth, escaped = 0, False
    for char in pattern:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "|" and depth <= 0:
            return True
    return False


class Regex:
    """One compiled pattern."""

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str, place: Place | None, rules: RegexRules = USUAL) -> None:
        self.pattern = pattern
        try:
            self._compiled = re2.compile(to_bytes(pattern), _OPTIONS[rules.latin1])
        except re2.error as error:
            reason = error.args[0] if error.args else b""
            raise Rejected(
                "invalid-regex",
                f"{pattern!r} is no RE2 expression: {_text(reason)}",
                place=place,
                hint="RE2 has no look-around and no back-references",
            ) from None
        largest, size = rules.largest_program, self._compiled.programsize
        if largest is not None and size > largest:
            raise Rejected(
                "regex-too-large",
                _TOO_LARGE.format(pattern, size, largest),
                place=place,
                hint="Envoy refuses it too: shorten it, or raise its runtime value re2.max_program_size.error_level",
            )

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        return self._compiled.fullmatch(to_bytes(text)) is not None

    def literal_start(self) -> str:
        """A text with which everything that matches begins; as much as is plain to see, often nothing."""
        return _literal_start(self.pattern)

    def names(self) -> frozenset[str]:
        """The named groups."""
        return frozenset(_text(name) for name in self._compiled.groupindex)

    def groups(self, text: str) -> dict[str, str] | None:
        """What each named group caught of the whole text; None where it does not match."""
        found = self._compiled.fullmatch(to_bytes(text))
        if found is None:
            return None
        caught = found.groupdict()
        return {_text(name): (value or b"").decode("utf-8", "surrogateescape") for name, value in caught.items()}

    def found_in(self, text: str) -> bool:
        """Whether some part of the text matches."""
        return self._compiled.search(to_bytes(text)) is not None

    def replace_all(self, text: str, rewrite: str) -> str:
        """RE2::GlobalReplace: every match replaced, `\\0` to `\\9` standing for groups.

        Unlike Python's `sub`, an empty match right behind the previous match is passed over.
        """
        source = to_bytes(text)
        pieces: list[bytes] = []
        position, last_end = 0, -1
        while position <= len(source):
            found = self._compiled.search(source, position)
            if found is None:
                break
            start, end = found.span()
            pieces.append(source[position:start])
            if start == last_end and end == start:
                if position >= len(source):
                    break
                pieces.append(source[position : position + 1])
                position += 1
                continue
            pieces.append(_rewritten(found, to_bytes(rewrite)))
            position = last_end = end
        pieces.append(source[position:])
        return b"".join(pieces).decode("utf-8", "surrogateescape")


def _rewritten(found: re2._Match, rewrite: bytes) -> bytes:
    made = bytearray()
    index = 0
    while index < len(rewrite):
        byte = rewrite[index : index + 1]
        if byte == b"\\" and index + 1 < len(rewrite):
            following = rewrite[index + 1 : index + 2]
            made += (found.group(int(following)) or b"") if following.isdigit() else following
            index += 2
        else:
            made += byte
            index += 1
    return bytes(made)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
