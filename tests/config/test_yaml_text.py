"""YAML read as JSON-like data, with bounds and lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshsim.config.yaml_text import parse_yaml, yaml_lines
from meshsim.errors import InputError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=6), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(values)
def test_what_yaml_writes_is_read_back(value: Any) -> None:
    assert parse_yaml(yaml.safe_dump(value), "x") == [value]


@given(values)
def test_json_is_yaml(value: Any) -> None:
    assert parse_yaml(json.dumps(value), "x") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-01-01", "2020-01-01"),
        ("12:30", "12:30"),
        ("0x10", 16),
        ("010", 10),
        ("yes", True),
        ("off", False),
        ("'no'", "no"),
        ("~", None),
        ("", None),
        ("1.5", 1.5),
        (".5e1", 5.0),
        ("1_000", "1_000"),
        ("!!str 5", "5"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        (".", "."),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    assert parse_yaml(f"k: {text}\n", "x") == [{"k": value}]


def test_keys_are_strings_as_written() -> None:
    assert parse_yaml("80: a\non: b\n~: c\n", "x") == [{"80": "a", "on": "b", "~": "c"}]


def test_anchors_merges_and_documents() -> None:
    text = "base: &b {x: 1, y: 2}\nover:\n  <<: *b\n  x: 9\nmany: {<<: [*b, {z: 3}]}\n---\n[1]\n"
    first, second = parse_yaml(text, "x")
    assert first["over"] == {"x": 9, "y": 2}
    assert first["many"] == {"x": 1, "y": 2, "z": 3}
    assert second == [1]


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", 3, "duplicate-key"),
    ("a: [1, 2\nb: 3\n", 2, "bad-yaml"),
    ("a: !!python/name:os.system x\n", 1, "bad-yaml"),
    ("a: !thing {}\n", 1, "bad-yaml"),
    ("a:\n  - *nobody\n", 2, "bad-yaml"),
    ("&a [*a]", 1, "bad-yaml"),
    ("? [a]\n: b", 1, "bad-yaml"),
    ("x: &k a\n*k : 1", 2, "bad-yaml"),
    ("a:\n  <<: 5\n  <<: [6]\n", 3, "bad-yaml"),
    ("[" * 1000, 1, "too-deep"),
    ("a: b\n\tc: d\n", 2, "bad-yaml"),
]


@pytest.mark.parametrize(("text", "line", "reference"), REFUSED)
def test_refused(text: str, line: int, reference: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")
    error = caught.value
    assert error.reference == reference
    assert error.place is not None
    assert (error.place.doc, error.place.line) == ("f.yaml", line)
    assert error.hint


@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}"])
def test_alias_bombs_are_refused(form: str) -> None:
    first = "a0: &a0 {x: 1}\n" if "<<" in form else "a0: &a0 [1]\n"
    text = first + "".join(f"a{n}: &a{n} " + form.format(", ".join([f"*a{n - 1}"] * 9)) + "\n" for n in range(1, 30))
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "x")
    assert caught.value.reference == "too-many-aliases"


def test_lines_of_paths() -> None:
    text = "# c\na: 1\nb:\n  - x: 1\n    y: [1,\n      2]\n  - z\n"
    lines = yaml_lines(text, "x")
    assert lines[()] == 2
    assert lines["b",] == 3
    assert lines["b", 0] == 4
    assert lines["b", 0, "y", 1] == 6
    assert lines["b", 1] == 7
