"""JSON with comments, and errors that name line, column and remedy."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.config.json_text import looks_like_json, parse_json, without_comments
from meshsim.errors import InputError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_plain_json_is_read_as_json_does(value: Any) -> None:
    assert parse_json(json.dumps(value), "x") == value


@given(st.lists(st.dictionaries(st.text(max_size=4), values, max_size=3), min_size=2, max_size=4))
def test_objects_one_after_another_are_a_list(objects: list[Any]) -> None:
    assert parse_json("\n".join(json.dumps(value) for value in objects) + "\n", "x") == objects


def test_comments_outside_strings_only() -> None:
    text = '// first\n{"url": "http://a/*b*/", /* two\nlines */ "n": 1 // end\n}'
    assert parse_json(text, "x") == {"url": "http://a/*b*/", "n": 1}
    assert without_comments(text).count("\n") == text.count("\n")
    assert len(without_comments(text)) == len(text)


@given(values, st.text(alphabet='ab /*"\\\n', max_size=6))
def test_a_comment_changes_nothing(value: Any, comment: str) -> None:
    comment = comment.replace("*", "+").replace("\n", " ")
    text = json.dumps(value, indent=1)
    lines = [line + f" // {comment}" for line in text.splitlines()]
    assert parse_json("\n".join(lines), "x") == value
    assert parse_json(f"/* {comment} */" + text, "x") == value


BROKEN = [
    ('{"a": 1,}', 1, "a comma before the closing }", "remove that comma"),
    ("[1,\n 2,\n]", 3, "a comma before the closing ]", "remove that comma"),
    ('{"a":\n "b', 2, "ends in the middle", "cut off"),
    ('{"a": {', 1, "ends in the middle", "cut off"),
    ('{"a": 1}\n[2]', 2, "more text follows", "its own file"),
    ('{"a": 1}\n{"b": 2}\nx', 3, "more text follows", "its own file"),
    ('{"a": 1}\n{"b": 2,}\n', 2, "a comma before the closing }", "remove that comma"),
    ("{'a': 1}", 1, "single quotes", "double quotes"),
    ('{"a": "x\ny"}', 1, "line break", "close the string"),
    ("[1 2]", 1, "expected a comma", "missing comma"),
    ('// c\n{"a": "//",\n /* c */ "b": 2,}', 3, "a comma before the closing }", "remove that comma"),
    ("[", 1, "ends in the middle", "cut off"),
]


@pytest.mark.parametrize(("text", "line", "message", "hint"), BROKEN)
def test_broken_json(text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_json(text, "f.json")
    error = caught.value
    assert error.place is not None
    assert (error.place.doc, error.place.line) == ("f.json", line)
    assert message in error.message
    assert "column" in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "// c", '{"n": 1' + "0" * 5000 + "}"]
)
def test_what_python_will_not_read_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        parse_json(text, "x")


def test_the_collector_is_as_it_was() -> None:
    assert gc.isenabled()
    parse_json("{}", "x")
    assert gc.isenabled()
    gc.disable()
    try:
        with pytest.raises(InputError):
            parse_json("{", "x")
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ('{"a": 1}', True),
        ("{}", True),
        (" [\n", True),
        ("[]", True),
        ("// c\n{}", True),
        ("{", True),
        ("{a: b}", False),
        ("[a, b]", False),
        ("kind: HostFacts", False),
        ("*nat\n", False),
        ("", False),
    ],
)
def test_looks_like_json(text: str, is_json: bool) -> None:
    assert looks_like_json(text) is is_json


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\udc00\\ud800", "\\ud800x", "\\\\\\ud800"])
def test_half_of_a_character_is_refused_with_its_place(half: str) -> None:
    for text in (f'{{"a": 1,\n "{half}": 2}}', f'// c\n["{half}"]'):
        with pytest.raises(InputError, match="half of a character") as caught:
            parse_json(text, "x")
        assert caught.value.place is not None
        assert caught.value.place.line == 2


@pytest.mark.parametrize(
    ("written", "text"), [("\\ud83d\\ude00", "\U0001f600"), ("\\\\ud800", "\\ud800"), ("\\uD7FF", "\ud7ff")]
)
def test_whole_characters_are_read(written: str, text: str) -> None:
    assert parse_json(f'["{written}"]', "x") == [text]
