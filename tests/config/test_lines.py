"""Lines of JSON paths on demand, for texts small and odd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.config.detect import recognise
from meshsim.config.documents import HELD_CHARACTERS, Library, SourceText, locate, quote, read_text
from meshsim.config.lines import JsonLines
from meshsim.errors import InputError
from meshsim.place import PathPart, Place

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "}{", "//", "/*"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(['"', "a/b", "}"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def written(
    value: Any, path: tuple[PathPart, ...] = (), depth: int = 0
) -> Iterator[tuple[tuple[PathPart, ...] | None, str]]:
    """Each line of json.dumps(indent=1) with the path that begins on it; None for a closing line."""
    pad = " " * depth
    if (isinstance(value, dict) and value) or (isinstance(value, list) and value):
        children = value.items() if isinstance(value, dict) else enumerate(value)
        yield path, pad
        for part, below in children:
            yield from written(below, (*path, part), depth + 1)
        yield None, pad
    else:
        yield path, pad


@given(values, st.booleans())
def test_lines_agree_with_an_indented_dump(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=ascii_only)
    paths = list(written(value))
    assert len(paths) == text.count("\n") + 1
    finder = JsonLines(text)
    expected = {path: number for number, (path, _pad) in enumerate(paths, 1) if path is not None}
    for path, number in sorted(expected.items(), key=lambda item: hash(item[0])):
        position = finder.position(path)
        assert position is not None
        assert position[0] == number
    assert finder.position(("no such key", 0)) is None


@given(values)
def test_comments_do_not_shift_lines(value: Any) -> None:
    text = json.dumps(value, indent=1)
    commented = "\n".join(f'{line} // "{{ [' for line in text.splitlines())
    plain, other = JsonLines(text), JsonLines(commented)
    for path, _pad in written(value):
        if path is not None:
            first, second = plain.position(path), other.position(path)
            assert first is not None
            assert second is not None
            assert first[0] == second[0]


DUMP = """{
 "configs": [
  {
   "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
   "static_listeners": [
    { "listener": { "name": "one" } },
    { "listener": { "name": "two" } }
   ]
  }
 ]
}
"""


def test_locate_and_quote_a_document() -> None:
    document = recognise(SourceText.of("d.json", DUMP))
    path = ("configs", 0, "static_listeners", 1, "listener")
    assert locate(document, path) == 7
    assert quote(document, path) == '{ "listener": { "name": "two" } }'
    assert locate(document, (*path, "nothing")) is None
    assert quote(document, (*path, "nothing")) == ""


def test_library_reads_json_yaml_and_plain_lines() -> None:
    library = Library()
    library.add(SourceText.of("d.json", DUMP))
    library.add(SourceText.of("h.yaml", "kind: HostFacts\npod: x\n"))
    library.add(SourceText.of("rules", "*nat\n-A OUTPUT -j ACCEPT\nCOMMIT\n"))
    assert library.locate(Place("d.json", ("configs", 0))).line == 3
    assert library.locate(Place("h.yaml", ("pod",))).line == 2
    assert library.locate(Place("h.yaml", ("nope",))).line is None
    assert library.locate(Place("h.yaml")).line is None
    found = library.quote(Place("rules", line=2))
    assert found is not None
    assert found.text == "-A OUTPUT -j ACCEPT"
    assert library.quote(Place("elsewhere", ("x",))) is None
    assert library.locate(Place("elsewhere", ("x",))) == Place("elsewhere", ("x",))


def test_long_lines_are_shortened() -> None:
    document = recognise(SourceText.of("d.json", json.dumps(json.loads(DUMP) | {"note": "x" * 500})))
    assert len(quote(document, ("note",))) <= 160


def test_a_large_text_is_let_go_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text(json.dumps({"configs": [], "padding": "x" * HELD_CHARACTERS}, indent=1))
    document = recognise(read_text(path))
    assert document.source._held is None
    assert locate(document, ("padding",)) == 3
    path.write_text("{}")
    with pytest.raises(InputError, match="changed"):
        locate(document, ("padding",))


@given(st.lists(st.dictionaries(st.text(max_size=4), values, max_size=3), min_size=2, max_size=4))
def test_lines_of_objects_one_after_another(objects: list[Any]) -> None:
    text = "".join(json.dumps(value, indent=1) + "\n" for value in objects)
    finder = JsonLines(text)
    before = 0
    for number, value in reversed(list(enumerate(objects))):
        before = sum(json.dumps(each, indent=1).count("\n") + 1 for each in objects[:number])
        for line, (path, _pad) in enumerate(written(value), 1):
            if path is not None:
                position = finder.position((number, *path))
                assert position is not None
                assert position[0] == before + line
    assert before == 0
    assert finder.position((len(objects),)) is None
