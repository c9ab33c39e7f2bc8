"""Files become texts: what is refused, and how it is said."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from meshsim.config import documents
from meshsim.config.documents import Library, list_folder, read_text
from meshsim.errors import InputError


def refused(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_text(path)
    assert caught.value.place is not None
    assert caught.value.place.doc == str(path)
    assert caught.value.hint
    return caught.value


def test_missing_folder_and_empty(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").reference == "no-such-file"
    assert refused(tmp_path).reference == "is-a-folder"
    assert refused(tmp_path / "nul\0").reference == "not-readable"
    assert refused(tmp_path / ("x" * 5000)).reference == "not-readable"
    for blank in (b"", b" \n\t\n"):
        (tmp_path / "blank").write_bytes(blank)
        assert refused(tmp_path / "blank").reference == "empty-file"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "PNG"),
        (gzip.compress(b"{}", mtime=0), "gzip"),
        (b"text\n\xff\xfe more", "UTF-8"),
        (b"text\nand \0 zero", "binary"),
        (b"\xff\xfea", "UTF-16"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    error = refused(path)
    assert error.reference == "not-a-text"
    assert word in error.message


def test_the_line_of_a_bad_byte(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo\n\xe9t\xe9\n")
    place = refused(path).place
    assert place is not None
    assert place.line == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "file"
    path.write_bytes('{"a": "é"}'.encode(encoding))
    assert read_text(path).text() == '{"a": "é"}'


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("x" * 100)
    monkeypatch.setattr(documents, "MAX_BYTES", 99)
    assert refused(path).reference == "too-large"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"*nat\n")))
    source = read_text("-")
    assert (source.name, source.text()) == ("standard input", "*nat\n")


def test_folders_are_listed_by_name_without_hidden_entries(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / "pod").mkdir()
    files, folders = list_folder(tmp_path, "x")
    assert [file.name for file in files] == ["a", "b"]
    assert [folder.name for folder in folders] == ["pod"]
    with pytest.raises(InputError):
        list_folder(tmp_path / "none", "none")


def test_two_files_of_one_name_keep_two_names(tmp_path: Path) -> None:
    library = Library()
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f").write_text(folder)
    assert library.read(tmp_path / "one" / "f", "f").name == "f"
    assert library.read(tmp_path / "two" / "f", "f", "two/f").name == "two/f"
    assert library.read(tmp_path / "three" / "f", "f", "two/f").name == str(tmp_path / "three" / "f")
