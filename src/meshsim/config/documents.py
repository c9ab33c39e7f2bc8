"""Files become texts, and places in them lines: the only module below the command line that touches the outside world.

What a text means is not decided here; that is `detect`. Large texts are let go once they are parsed, and read again
only when somebody asks for a line in them.
"""

from __future__ import annotations

import sys
import zlib
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from ..errors import InputError
from ..place import PathPart, Place, Quote
from .json_text import looks_like_json
from .lines import JsonLines
from .yaml_text import yaml_marks

MAX_BYTES = 1 << 30
"""The largest real dumps are some hundred megabytes."""

HELD_CHARACTERS = 8_000_000
"""Texts up to this length stay in memory; above it they are read again when a line is wanted."""

MAX_QUOTE = 160
"""Characters of a quoted line."""

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
    BOOTSTRAP = "bootstrap"
    RESOURCES = "resources"
    CLUSTER_STATUSES = "cluster_statuses"
    IPTABLES = "iptables"
    NFTABLES = "nftables"
    IPSETS = "ipsets"
    USERS = "users"
    GROUPS = "groups"
    HOST_FACTS = "host_facts"
    ADDRESSES = "addresses"
    ROUTES = "routes"
    RULES = "rules"
    SOCKETS = "sockets"
    SYSCTLS = "sysctls"


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
    """One thing a file says: its kind, its parsed data (None for plain text) and its text."""

    name: str
    kind: Kind
    data: Any = field(repr=False)
    source: SourceText


class Library:
    """Every text that was read, by name: answers where a place is, and what stands there. Keeps what it works out."""

    def __init__(self) -> None:
        self._sources: dict[str, SourceText] = {}
        self._texts: dict[str, str] = {}
        self._json: dict[str, JsonLines] = {}
        self._yaml: dict[str, dict[tuple[PathPart, ...], tuple[int, int]]] = {}

    def read(self, path: str | Path, *names: str) -> SourceText:
        """Read a file and remember it by the first name that is free, else by its path as given."""
        source = read_text(path, next((name for name in names if name not in self._sources), str(path)))
        self._sources[source.name] = source
        return source

    def add(self, source: SourceText) -> None:
        self._sources[source.name] = source

    def names(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def line(self, place: Place) -> int | None:
        """The line (from 1) of a place; None when its document is not known or does not hold it."""
        return place.line if place.line is not None else self._position(place)[0]

    def locate(self, place: Place) -> Place:
        """The same place with its line and column, where they can be told."""
        if place.line is not None:
            return place
        line, offset = self._position(place)
        if offset is not None:
            column: int | None = offset - self._text(place.doc).rfind("\n", 0, offset)
        else:
            column = self._yaml.get(place.doc, {}).get(place.path, (None, None))[1]
        return evolve(place, line=line, column=column)

    def quote(self, place: Place) -> Quote | None:
        """The place with its line and the text of that line; None when it is not there."""
        line, offset = self._position(place)
        if line is None or place.doc not in self._sources:
            return None
        text = self._text(place.doc)
        start = text.rfind("\n", 0, offset) + 1 if offset is not None else _start_of_line(text, line)
        end = text.find("\n", start)
        shown = text[start : end if end >= 0 else len(text)].strip()
        return Quote(place.at_line(line), shown if len(shown) <= MAX_QUOTE else shown[: MAX_QUOTE - 1] + "…")

    def _position(self, place: Place) -> tuple[int | None, int | None]:
        """(line, offset where it is known)."""
        name = place.doc
        if name not in self._sources or (not place.path and place.line is not None):
            return place.line, None
        text = self._text(name)
        if looks_like_json(text):
            if name not in self._json:
                self._json[name] = JsonLines(text)
            return self._json[name].position(place.path) or (None, None)
        if not place.path:
            return None, None
        if name not in self._yaml:
            self._yaml[name] = yaml_marks(text, name)
        return self._yaml[name].get(place.path, (None, None))[0], None

    def _text(self, name: str) -> str:
        text = self._texts.get(name)
        if text is None:
            text = self._texts[name] = self._sources[name].text()
        return text


def locate(document: Document, path: tuple[PathPart, ...]) -> int | None:
    """The line (from 1) of a path in one document. For many places keep a Library."""
    library = Library()
    library.add(document.source)
    return library.line(Place(document.name, path))


def quote(document: Document, path: tuple[PathPart, ...]) -> str:
    """The line at a path in one document, shortened; empty when it is not there."""
    library = Library()
    library.add(document.source)
    found = library.quote(Place(document.name, path))
    return found.text if found is not None else ""


def _start_of_line(text: str, line: int) -> int:
    offset = 0
    for _ in range(line - 1):
        offset = text.find("\n", offset) + 1
    return offset


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


def exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False


def is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:
        return False


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
