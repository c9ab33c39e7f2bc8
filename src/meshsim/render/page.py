"""A page of labelled, wrapped lines: all that is known of columns, colour and character sets is here.

What is written comes from users' files, so control characters never reach the terminal as such.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from attrs import define, field

from .options import Options

LABEL_WIDTH = 10
NARROWEST = 40
"""However deep a line is indented, this much is left for its text."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINE_END = re.compile(r"[\t\r\n]+")
_STYLES = {"good": "32", "odd": "33", "bad": "31", "label": "1", "faint": "2"}
_ASCII = str.maketrans({"→": "->", "…": "...", "×": "x", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"'})


def printable(text: str) -> str:
    """The text on one line, its control characters (and bidirectional overrides) spelled out."""
    text = _LINE_END.sub(" ", text).strip()
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


@define(eq=False)
class Page:
    """Lines in the making."""

    options: Options
    _lines: list[str] = field(factory=list, init=False)

    def gap(self) -> None:
        self._lines.append("")

    def headline(self, text: str, *, style: str) -> None:
        """One line, whatever its length: what scripts take with `head -1`."""
        self._lines.append(self._paint(self._shown(text), style))

    def line(self, text: str, *, style: str = "", indent: int = 0) -> None:
        """A line without a label; what does not fit goes on two columns further in."""
        first, *more = self._wrapped(text, indent + 2)
        self._lines.append(" " * indent + self._paint(first, style))
        self._lines.extend(" " * (indent + 2) + self._paint(piece, style) for piece in more)

    def entry(self, label: str, text: str, *, indent: int = 0, width: int = LABEL_WIDTH, style: str = "") -> None:
        """A label and its text beside it; an empty label continues the entry above."""
        width = max(width, len(label) + 1)
        label = self._shown(label)
        first, *more = self._wrapped(text, indent + width)
        head = self._paint(label, "label") + " " * (width - len(label))
        self._lines.append((" " * indent + head + self._paint(first, style)).rstrip())
        self._lines.extend(" " * (indent + width) + self._paint(piece, style) for piece in more)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of cells in columns, never wrapped; the first row is their names."""
        shown = [[self._shown(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for index, row in enumerate(shown):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._lines.append(self._paint(line, "label" if index == 0 else ""))

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def _wrapped(self, text: str, column: int) -> list[str]:
        room = max(self.options.width - column, NARROWEST)
        return textwrap.wrap(self._shown(text), room, break_long_words=False, break_on_hyphens=False) or [""]

    def _shown(self, text: str) -> str:
        text = printable(text)
        if self.options.unicode:
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")

    def _paint(self, text: str, style: str) -> str:
        if not self.options.color or not style or not text:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
