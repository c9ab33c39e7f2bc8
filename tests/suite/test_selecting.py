"""Which cases run: -k, tags, shards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.errors import InputError
from meshsim.suite.select import in_shard, keyword, shard, tagged
from tests.suite_files import loaded

SUITE = """\
    meshsim: 1
    tags: [all]
    tests:
      canary: {call: http://a/, expect: {status: 1}, tags: [smoke]}
      canary-grpc: {call: http://a/, expect: {status: 1}, tags: [smoke, slow]}
      other: {call: http://a/, expect: {status: 1}}
    """


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("canary", ["canary", "canary-grpc"]),
        ("CANARY and not grpc", ["canary"]),
        ("grpc or other", ["canary-grpc", "other"]),
        ("not (grpc or other)", ["canary"]),
        ("not grpc and not other", ["canary"]),
        ("grpc or canary and other", ["canary-grpc"]),
    ],
)
def test_words_of_names(expression: str, chosen: list[str]) -> None:
    test = keyword(expression)
    assert [name for name in ("canary", "canary-grpc", "other") if test(name)] == chosen


@pytest.mark.parametrize("expression", ["", "and", "a b", "(a", "a and", "not", ")", "a or or b", "a " * 200])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(InputError):
        keyword(expression)


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        (["smoke"], ["canary", "canary-grpc"]),
        (["smoke", "!slow"], ["canary"]),
        (["!smoke"], ["other"]),
        (["slow,nothing"], ["canary-grpc"]),
        (["all"], ["canary", "canary-grpc", "other"]),
    ],
)
def test_tags(tmp_path: Path, tags: list[str], chosen: list[str]) -> None:
    assert [case.id for case in loaded(tmp_path, SUITE).cases if tagged(tags)(case)] == chosen


@given(st.integers(0, 40), st.integers(1, 12))
def test_shards_are_disjoint_together_everything_and_equally_large(count: int, of: int) -> None:
    work = list(range(count))
    parts = [in_shard(work, number, of) for number in range(1, of + 1)]  # type: ignore[arg-type]
    assert sorted(case for part in parts for case in part) == work  # type: ignore[type-var]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/", "a/b", "1/0", "-1/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        shard(text)
    assert shard("3/8") == (3, 8)
