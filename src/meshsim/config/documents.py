"""Files become texts: the only module below the command line that touches the outside world.

What a text means is not decided here; that is `detect`. Large texts are let go once they are parsed, and read again
only when somebody asks for a line in them.
"""

from __future__ import annotations

import sys
import zlib
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from ..errors import InputError
from ..place import Place

MAX_BYTES = 1 << 30
"""The largest real dumps are some hundred megabytes."""

HELD_CHARACTERS = 8_000_000
"""Texts up to this length stay in memory; above it they are read again when a line is wanted."""

STDIN = "-"

_MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"),
)


class Kind(Enum):
    """What a document is, told from its content."""

    CONFIG_DUMP = "config_dump"
    IPTABLES = "iptables"
    HOST_FACTS = "host_facts"


@define(eq=False)
class SourceText:
    """A text that was read, and how to read it again."""

    name: str
    """As the user gave it, relative to the capture where it was found in one."""
    path: Path | None
    """None: standard input, or a text that never was a file."""
    size: int
    checksum: int
    _held: str | None = field(repr=False)

    @classmethod
    def of(cls, name: str, text: str) -> SourceText:
        """A text that is already here."""
        data = text.encode("utf-8", "surrogatepass")
        return cls(name, None, len(data), zlib.crc32(data), text)

    def text(self) -> str:
        """The text; a large file is read again and must not have changed."""
        if self._held is not None:
            return self._held
        assert self.path is not None
        again = _read_bytes(self.path, self.name)
        if (len(again), zlib.crc32(again)) != (self.size, self.checksum):
            raise InputError(
                "input-changed",
                "the file changed while meshsim was reading it",
                place=Place(self.name),
                hint="run again",
            )
        return _decode(again, self.name)

    def let_go(self) -> None:
        """Forget a large text that can be read again."""
        if self.path is not None and self._held is not None and len(self._held) > HELD_CHARACTERS:
            self._held = None


@frozen(eq=False)
class Document:
    """One thing a file says: its kind, its parsed data (None for rules text) and its text."""

    name: str
    kind: Kind
    data: Any = field(repr=False)
    source: SourceText


def read_text(path: str | Path, name: str | None = None) -> SourceText:
    """Read a file, or standard input for `-`. InputError for anything that is no text."""
    if str(path) == STDIN:
        named = name or "standard input"
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        real = None
    else:
        named = name or str(path)
        real = Path(path)
        data = _read_bytes(real, named)
    _within_limit(len(data), named)
    text = _decode(data, named)
    if not text.strip():
        raise InputError(
            "empty-file", "the file is empty", place=Place(named), hint="the command that wrote it failed; run it again"
        )
    return SourceText(named, real, len(data), zlib.crc32(data), text)


def is_folder(path: Path) -> bool:
    return path.is_dir()


def list_folder(path: Path, name: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """(files, subfolders) of a folder in the order of their names, hidden ones left out."""
    try:
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        folders = tuple(entry for entry in entries if entry.is_dir())
    except OSError as error:
        raise _unreadable(error, name) from None
    return tuple(entry for entry in entries if entry not in folders), folders


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise InputError("is-a-folder", "this is a folder", place=Place(name), hint="name a file in it")
        _within_limit(path.stat().st_size, name)
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(error, name) from None


def _within_limit(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise InputError(
            "too-large",
            f"the file is larger than {MAX_BYTES >> 20} MiB",
            place=Place(name),
            hint="ask Envoy for less: /config_dump?resource=… or ?mask=…",
        )


def _unreadable(error: OSError | ValueError, name: str) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("no-such-file", "no such file or folder", place=Place(name), hint="check the path")
    if isinstance(error, PermissionError):
        return InputError("not-readable", "permission denied", place=Place(name), hint="make the file readable")
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return InputError("not-readable", f"cannot be read: {reason.lower()}", place=Place(name), hint="check the path")


def _decode(data: bytes, name: str) -> str:
    for magic, what in _MAGIC:
        if data.startswith(magic):
            hint = "unpack it first" if "archive" in what else _TEXT_HINT
            raise InputError("not-a-text", f"this is {what}", place=Place(name), hint=hint)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"  # what PowerShell's `>` writes
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            "not-a-text",
            f"byte {error.start} is not valid {'UTF-16' if encoding == 'utf-16' else 'UTF-8'}",
            place=Place(name, line=line),
            hint=_TEXT_HINT,
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError("not-a-text", "this is binary data", place=Place(name, line=line), hint=_TEXT_HINT)
    return text


_TEXT_HINT = "give a text file, such as what Envoy's /config_dump or iptables-save prints"
